// A probe that tells, line by line through proxy_log, what it sees from the host: every callback with its arguments,
// and in each the statuses (and what is the same in every run, the values) of the host calls its configuration asks
// for. The same module runs in Envoy and in the emulator: the lines must be the same.
//
// Configuration: letters. m header maps, w writes to them, b buffers, p properties, s filter state, o other calls,
// M metrics, C shared data, T ticks, X refuse the configuration.
// Header x-act: reply, grpc (a local reply), trap.

import * as host from "./observed";
import { ARENA, OUT, clear, resetArena, text } from "./observed";

export { malloc } from "./observed";
export function abort(message: usize, file: usize, line: u32, column: u32): void {
  unreachable();
}
export function proxy_abi_version_0_2_1(): void {}

/** Which VM of the process this is, in the order of their first root contexts. */
let vm = 0;
/** Letters of the configuration by root id, root by stream id (ids of a test stay far below 1024). */
const flagsOf = new StaticArray<string | null>(1024);
const rootOf = new StaticArray<u32>(1024);
let act = "";

function say(line: string): void {
  const bytes = String.UTF8.encode(line);
  host.host_log(2, changetype<usize>(bytes), bytes.byteLength);
}

let who = "";
function tell(what: string, status: u32, value: string = ""): void {
  say(who + what + " -> " + status.toString() + (value == "" ? "" : " " + value));
}

/** Begins a callback: its line, and the letters of its configuration. */
function begin(callback: string, id: u32, rest: string = ""): string {
  resetArena();
  who = "vm" + vm.toString() + " " + callback + " " + id.toString() + ": ";
  say(who + rest);
  const root = rootOf[id & 1023];
  const flags = flagsOf[(root == 0 ? id : root) & 1023];
  return flags === null ? "" : flags;
}

function has(flags: string, letter: string): bool {
  return flags.includes(letter);
}

/** What the last call put into OUT: pointer, size. */
function returned(): string {
  return load<u32>(OUT + 4) == 0 ? "empty" : text(load<u32>(OUT), load<u32>(OUT + 4));
}

/** Pairs whose names begin with x-p-, as they come. */
function ours(): string {
  const blob: usize = load<u32>(OUT);
  if (load<u32>(OUT + 4) == 0) return "empty";
  let result = "";
  const count = load<u32>(blob);
  let at: usize = blob + 4 + count * 8;
  for (let i: u32 = 0; i < count; i++) {
    const keyLength = load<u32>(blob + 4 + i * 8);
    const valueLength = load<u32>(blob + 8 + i * 8);
    const key = text(at, keyLength);
    if (key.startsWith("x-p-")) result += key + "=" + text(at + keyLength + 1, valueLength) + ";";
    at += keyLength + valueLength + 2;
  }
  return "ours " + result;
}

function value(type: u32, name: string): void {
  clear();
  const key = String.UTF8.encode(name);
  const status = host.get_value(type, changetype<usize>(key), key.byteLength, OUT, OUT + 4);
  tell("value " + type.toString() + " " + name, status, status == 0 ? returned() : "");
}

function maps(): void {
  for (let type: u32 = 0; type <= 8; type++) {
    clear();
    const status = host.get_pairs(type, OUT, OUT + 4);
    tell("pairs " + type.toString(), status, status == 0 ? ours() : "");
    clear();
    tell("size " + type.toString(), host.get_size(type, OUT));
    value(type, type == 2 ? ":status" : ":path");
    value(type, "X-P-Twice");
    value(type, "x-p-absent");
  }
  value(0, ":authority");
  value(0, "content-type");
  value(2, "content-type");
  value(2, "grpc-status");
  value(3, "grpc-status");
}

function write(callback: string): void {
  const name = String.UTF8.encode("x-p-" + callback);
  const ptr = changetype<usize>(name);
  for (let type: u32 = 0; type <= 4; type++) {
    const what = " " + type.toString();
    clear();
    tell("add" + what, host.add_value(type, ptr, name.byteLength, ptr, 3));
    tell("replace" + what, host.replace_value(type, ptr, name.byteLength, ptr, 1));
    tell("remove" + what, host.remove_value(type, ptr, name.byteLength));
    tell("add again" + what, host.add_value(type, ptr, name.byteLength, ptr, 2));
  }
}

function buffers(): void {
  for (let type: u32 = 0; type <= 9; type++) {
    // Call data: what was read last, perhaps freed since.
    if (type == 8) continue;
    clear();
    let status = host.get_buffer(type, 0, 4, OUT, OUT + 4);
    tell("buffer " + type.toString(), status, status == 0 ? returned() : "");
    clear();
    status = host.get_buffer(type, 0, 0, OUT, OUT + 4);
    tell("buffer of 0 bytes " + type.toString(), status, status == 0 ? returned() : "");
    clear();
    status = host.get_buffer(type, 1, 1000, OUT, OUT + 4);
    tell("buffer from 1 " + type.toString(), status, status == 0 ? returned() : "");
    clear();
    status = host.get_buffer(type, 1000, 1, OUT, OUT + 4);
    tell("buffer from 1000 " + type.toString(), status, status == 0 ? returned() : "");
    clear();
    status = host.get_buffer(type, 0xffffffff, 2, OUT, OUT + 4);
    tell("buffer from -1 " + type.toString(), status, status == 0 ? returned() : "");
    clear();
    status = host.get_buffer_status(type, OUT, OUT + 4);
    tell("buffer status " + type.toString(), status, status == 0 ? load<u32>(OUT).toString() : "");
  }
}

// `=`: the value is the same in every run, `#`: only its length is, else only the status.
const PROPERTIES =
  "=request.path =request.url_path =request.query =request.host =request.scheme =request.method =request.protocol =request.headers.x-p-twice =request.headers.X-P-Twice =request.headers.x-p-absent request.headers #request.headers_bytes request.referer request.useragent #request.time request.id #request.duration =request.size #request.total_size =response.code =response.code_details =response.flags =response.grpc_status response.headers =response.headers.x-p-answer =response.headers.content-type response.trailers =response.trailers.x-p-trailer =response.trailers.grpc-status =response.size #response.headers_bytes #response.total_size #response.backend_latency #connection.id =connection.mtls connection.uri_san_peer_certificate connection.tls_version connection.termination_details =upstream.request_attempt_count #upstream.cx_pool_ready_duration xds.node =xds.node.id =xds.node.cluster =xds.cluster_name =xds.route_name =xds.virtual_host_name =plugin_name =plugin_root_id =plugin_vm_id nonsense request.nonsense response.nonsense upstream.nonsense connection.nonsense";

function property(path: string): u32 {
  clear();
  const bytes = String.UTF8.encode(path);
  const at = changetype<usize>(bytes);
  for (let i = 0, n = bytes.byteLength; i < n; i++) if (load<u8>(at + i) == 0x2e) store<u8>(at + i, 0);
  return host.get_property(at, bytes.byteLength, OUT, OUT + 4);
}

function properties(): void {
  const names = PROPERTIES.split(" ");
  for (let i = 0; i < names.length; i++) {
    const exact = names[i].startsWith("=");
    const sized = names[i].startsWith("#");
    const name = exact || sized ? names[i].substr(1) : names[i];
    const status = property(name);
    let seen = "";
    if (status == 0 && exact) seen = returned();
    if (status == 0 && sized) seen = load<u32>(OUT + 4).toString() + " bytes";
    tell("property " + name, status, seen);
  }
}

/** Sets one entry a callback, and looks for those of all callbacks. */
function state(callback: string): void {
  const name = String.UTF8.encode("p_" + callback);
  tell("set state", host.set_property(changetype<usize>(name), name.byteLength, changetype<usize>(name), 4));
  const callbacks = ["request_headers", "request_body", "response_headers", "response_trailers", "log"];
  for (let i = 0; i < callbacks.length; i++) {
    tell("state wasm." + callbacks[i], property("p_" + callbacks[i]), returned());
    // One segment with a dot in it.
    clear();
    const path = String.UTF8.encode("filter_state\0wasm.p_" + callbacks[i]);
    tell(
      "filter_state " + callbacks[i],
      host.get_property(changetype<usize>(path), path.byteLength, OUT, OUT + 4),
      returned(),
    );
  }
}

function others(): void {
  clear();
  tell("status", host.get_status(OUT + 8, OUT, OUT + 4));
  tell("log level", host.get_log_level(OUT), load<u32>(OUT).toString());
  tell("effective context 1", host.set_effective_context(1));
  tell("effective context 999", host.set_effective_context(999));
  tell("done", host.host_done());
  const name = String.UTF8.encode("no_such_thing");
  const ptr = changetype<usize>(name);
  clear();
  tell("resolve queue", host.resolve_queue(ptr, 0, ptr, name.byteLength, OUT));
  tell("dequeue", host.dequeue(99, OUT, OUT + 4));
  tell("http call", host.http_call(ptr, name.byteLength, ptr, 0, ptr, 0, ptr, 0, 100, OUT));
  tell("clock 0", host.clock_time_get(0, 0, OUT));
  tell("clock 1", host.clock_time_get(1, 0, OUT));
  tell("clock 2", host.clock_time_get(2, 0, OUT));
  tell("random", host.random_get(OUT, 8));
  tell("random of 64 KiB and 1", host.random_get(ARENA, 65537));
  tell("environ", host.environ_sizes_get(OUT, OUT + 4), load<u32>(OUT).toString());
  tell("log of level 9", host.host_log(9, ptr, 1));
  tell("log out of bounds", host.host_log(2, 0xfffffff0, 100));
  tell("set tick", host.set_tick_period(0));
}

function defined(kind: u32, name: string): u32 {
  clear();
  const bytes = String.UTF8.encode(name);
  const status = host.define_metric(kind, changetype<usize>(bytes), bytes.byteLength, OUT);
  tell("define " + kind.toString() + " " + name, status, load<u32>(OUT).toString());
  return load<u32>(OUT);
}

function use(id: u32): void {
  const what = " of " + id.toString();
  tell("increment 1" + what, host.increment_metric(id, 1));
  tell("increment 0" + what, host.increment_metric(id, 0));
  tell("increment -2" + what, host.increment_metric(id, -2));
  tell("record 7" + what, host.record_metric(id, 7));
  tell("record 5" + what, host.record_metric(id, 5));
  store<u64>(OUT, 0);
  const status = host.get_metric(id, OUT);
  tell("get" + what, status, status == 0 ? load<u64>(OUT).toString() : "");
}

function metrics(): void {
  const name = "probe_" + vm.toString() + "_";
  use(defined(0, name + "counter"));
  use(defined(1, name + "gauge"));
  use(defined(2, name + "histogram"));
  use(defined(0, name + "counter"));
  defined(3, name + "nothing");
  defined(4, name + "nothing");
  defined(0, name + "counter.label=.=value;.;");
  for (let id: u32 = 0; id < 4; id++) use(id);
  use(1000);
  use(0xffffffff);
}

function shared(key: string): void {
  clear();
  const bytes = String.UTF8.encode(key);
  const ptr = changetype<usize>(bytes);
  const length = bytes.byteLength;
  tell("get absent", host.get_shared_data(ptr, length, OUT, OUT + 4, OUT + 8), returned());
  tell("create", host.set_shared_data(ptr, length, ptr, 3, 0xffffffff));
  tell("create again", host.set_shared_data(ptr, length, ptr, 3, 0xffffffff));
  clear();
  tell("get", host.get_shared_data(ptr, length, OUT, OUT + 4, OUT + 8), returned());
  const cas = load<u32>(OUT + 8);
  tell("swap", host.set_shared_data(ptr, length, ptr, 4, cas));
  tell("swap again", host.set_shared_data(ptr, length, ptr, 4, cas));
  tell("overwrite", host.set_shared_data(ptr, length, ptr, 0, 0));
  clear();
  tell("get empty", host.get_shared_data(ptr, length, OUT, OUT + 4, OUT + 8), returned());
  tell("empty key", host.set_shared_data(ptr, 0, ptr, 3, 0));
  tell("get out of bounds", host.get_shared_data(0xfffffff0, 100, OUT, OUT + 4, OUT + 8));
}

function observe(callback: string, flags: string): void {
  if (has(flags, "m")) maps();
  if (has(flags, "w")) write(callback);
  if (has(flags, "b")) buffers();
  if (has(flags, "p")) properties();
  if (has(flags, "s")) state(callback);
  if (has(flags, "o")) others();
}

const VM_KEY = "probe:vms";

/** Numbers the VMs of a process in the order in which they get their first context. */
function number(): i32 {
  const key = String.UTF8.encode(VM_KEY);
  const ptr = changetype<usize>(key);
  for (let tries = 0; tries < 100; tries++) {
    clear();
    const found = host.get_shared_data(ptr, key.byteLength, OUT, OUT + 4, OUT + 8) == 0;
    const next = found ? load<u32>(load<u32>(OUT)) + 1 : 1;
    const cas = found ? load<u32>(OUT + 8) : 0xffffffff;
    store<u32>(OUT + 16, next);
    if (host.set_shared_data(ptr, key.byteLength, OUT + 16, 4, cas) == 0) return next;
  }
  return -1;
}

say("initialize");

export function proxy_on_context_create(id: u32, parent: u32): void {
  resetArena();
  if (vm == 0) vm = number();
  rootOf[id & 1023] = parent;
  begin("context_create", id, parent.toString());
}
export function proxy_on_vm_start(id: u32, size: u32): u32 {
  begin("vm_start", id, size.toString());
  clear();
  const status = host.get_buffer(7, 0, 64, OUT, OUT + 4);
  tell("configuration", status, status == 0 ? returned() : "");
  return 1;
}
export function proxy_on_configure(id: u32, size: u32): u32 {
  begin("configure", id, size.toString());
  clear();
  const status = host.get_buffer(7, 0, size, OUT, OUT + 4);
  tell("configuration", status, status == 0 ? returned() : "");
  const flags = status == 0 ? text(load<u32>(OUT), load<u32>(OUT + 4)) : "";
  flagsOf[id & 1023] = flags;
  observe("configure", flags);
  if (has(flags, "M")) metrics();
  if (has(flags, "C")) shared("probe:" + vm.toString());
  if (has(flags, "T")) tell("tick", host.set_tick_period(50));
  return has(flags, "X") ? 0 : 1;
}
let ticks = 0;
export function proxy_on_tick(id: u32): void {
  if (ticks++ > 1) return;
  begin("tick", id);
}
export function proxy_on_request_headers(id: u32, count: u32, end: u32): u32 {
  const flags = begin("request_headers", id, end.toString());
  observe("request_headers", flags);
  clear();
  const key = String.UTF8.encode("x-act");
  act = host.get_value(0, changetype<usize>(key), key.byteLength, OUT, OUT + 4) == 0 ? returned() : "";
  if (act == "trap") unreachable();
  if (act == "reply" || act == "grpc") {
    reply(act == "grpc" ? 8 : -1);
    return 1;
  }
  return 0;
}
function reply(grpc: i32): void {
  const details = String.UTF8.encode("probe says no");
  const body = String.UTF8.encode("no!");
  // One pair: x-p-reply: r
  const headers = changetype<usize>(new ArrayBuffer(32));
  store<u32>(headers, 1);
  store<u32>(headers, 9, 4);
  store<u32>(headers, 1, 8);
  String.UTF8.encodeUnsafe(changetype<usize>("X-P-Reply"), 9, headers + 12);
  store<u8>(headers + 21, 0);
  store<u8>(headers + 22, 0x72);
  store<u8>(headers + 23, 0);
  const status = host.send_local_response(
    429,
    changetype<usize>(details),
    details.byteLength,
    changetype<usize>(body),
    body.byteLength,
    headers,
    24,
    grpc,
  );
  tell("reply", status);
}
export function proxy_on_request_body(id: u32, size: u32, end: u32): u32 {
  observe("request_body", begin("request_body", id, end.toString()));
  return 0;
}
export function proxy_on_request_trailers(id: u32, count: u32): u32 {
  observe("request_trailers", begin("request_trailers", id, count.toString()));
  return 0;
}
export function proxy_on_response_headers(id: u32, count: u32, end: u32): u32 {
  observe("response_headers", begin("response_headers", id, end.toString()));
  return 0;
}
export function proxy_on_response_body(id: u32, size: u32, end: u32): u32 {
  observe("response_body", begin("response_body", id, end.toString()));
  return 0;
}
export function proxy_on_response_trailers(id: u32, count: u32): u32 {
  observe("response_trailers", begin("response_trailers", id, count.toString()));
  return 0;
}
export function proxy_on_log(id: u32): void {
  observe("log", begin("log", id));
}
export function proxy_on_done(id: u32): u32 {
  observe("done", begin("done", id));
  return 1;
}
export function proxy_on_delete(id: u32): void {
  begin("delete", id);
}
