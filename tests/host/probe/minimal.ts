// The minimal filter of the recipes, without its logging: one counter, one histogram, one header, one CAS.
// @ts-ignore: decorator
@external("env", "proxy_log")
declare function hostLog(level: u32, pointer: usize, size: u32): u32;
// @ts-ignore: decorator
@external("env", "proxy_define_metric")
declare function defineMetric(kind: u32, name: usize, size: u32, id: usize): u32;
// @ts-ignore: decorator
@external("env", "proxy_increment_metric")
declare function increment(id: u32, offset: i64): u32;
// @ts-ignore: decorator
@external("env", "proxy_record_metric")
declare function record(id: u32, value: u64): u32;
// @ts-ignore: decorator
@external("env", "proxy_get_header_map_pairs")
declare function pairs(type: u32, pointer: usize, size: usize): u32;
// @ts-ignore: decorator
@external("env", "proxy_get_shared_data")
declare function sharedGet(key: usize, size: u32, pointer: usize, valueSize: usize, cas: usize): u32;
// @ts-ignore: decorator
@external("env", "proxy_set_shared_data")
declare function sharedSet(key: usize, size: u32, value: usize, valueSize: u32, cas: u32): u32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "clock_time_get")
declare function clock(id: u32, precision: u64, at: usize): u32;

const ARENA = memory.data(1 << 20);
const OUT = memory.data(64);
let top: usize = 0;
let counter: u32 = 0;
let histogram: u32 = 0;
let started: u64 = 0;

export function malloc(size: usize): usize {
  const pointer = ARENA + top;
  top += (size + 15) & ~15;
  return pointer;
}
export function abort(message: usize, file: usize, line: u32, column: u32): void {
  unreachable();
}
export function proxy_abi_version_0_2_1(): void {}
export function proxy_on_context_create(id: u32, parent: u32): void {}
export function proxy_on_vm_start(id: u32, size: u32): u32 {
  return 1;
}

const COUNTER = String.UTF8.encode("probe_requests_total.result=.=ok;.;");
const HISTOGRAM = String.UTF8.encode("probe_duration_us");
const KEY = String.UTF8.encode("probe:tokens");
const HELLO = String.UTF8.encode("configured");

export function proxy_on_configure(id: u32, size: u32): u32 {
  top = 0;
  defineMetric(0, changetype<usize>(COUNTER), COUNTER.byteLength, OUT);
  counter = load<u32>(OUT);
  defineMetric(2, changetype<usize>(HISTOGRAM), HISTOGRAM.byteLength, OUT);
  histogram = load<u32>(OUT);
  hostLog(2, changetype<usize>(HELLO), HELLO.byteLength);
  return size == 3 ? 0 : 1;
}
export function proxy_on_request_headers(id: u32, count: u32, end: u32): u32 {
  top = 0;
  pairs(0, OUT, OUT + 4);
  clock(1, 0, OUT + 16);
  started = load<u64>(OUT + 16);
  let cas: u32 = 0xffffffff;
  let value: u64 = 0;
  if (sharedGet(changetype<usize>(KEY), KEY.byteLength, OUT, OUT + 4, OUT + 8) == 0) {
    cas = load<u32>(OUT + 8);
    value = load<u64>(load<u32>(OUT));
  }
  store<u64>(OUT + 24, value + 1);
  sharedSet(changetype<usize>(KEY), KEY.byteLength, OUT + 24, 8, cas);
  return 0;
}
export function proxy_on_log(id: u32): void {
  clock(1, 0, OUT + 16);
  increment(counter, 1);
  record(histogram, (load<u64>(OUT + 16) - started) / 1000);
}
export function proxy_on_done(id: u32): u32 {
  return 1;
}
export function proxy_on_delete(id: u32): void {}
