// A probe the tests steer: every callback stops at a breakpoint (proxy_get_log_level into BREAKPOINT), where a
// fault's hook may call the wrappers below. So a test makes real host calls from inside real callbacks.

// @ts-ignore: decorator
@external("env", "proxy_log")
declare function host_log(a: u32, b: usize, c: u32): u32;
// @ts-ignore: decorator
@external("env", "proxy_get_log_level")
declare function host_get_log_level(a: usize): u32;
// @ts-ignore: decorator
@external("env", "proxy_get_property")
declare function host_get_property(a: usize, b: u32, c: usize, d: usize): u32;
// @ts-ignore: decorator
@external("env", "proxy_set_property")
declare function host_set_property(a: usize, b: u32, c: usize, d: u32): u32;
// @ts-ignore: decorator
@external("env", "proxy_send_local_response")
declare function host_send_local_response(
  a: u32,
  b: usize,
  c: u32,
  d: usize,
  e: u32,
  f: usize,
  g: u32,
  h: i32,
): u32;
// @ts-ignore: decorator
@external("env", "proxy_continue_stream")
declare function host_continue_stream(a: u32): u32;
// @ts-ignore: decorator
@external("env", "proxy_close_stream")
declare function host_close_stream(a: u32): u32;
// @ts-ignore: decorator
@external("env", "proxy_get_shared_data")
declare function host_get_shared_data(a: usize, b: u32, c: usize, d: usize, e: usize): u32;
// @ts-ignore: decorator
@external("env", "proxy_set_shared_data")
declare function host_set_shared_data(a: usize, b: u32, c: usize, d: u32, e: u32): u32;
// @ts-ignore: decorator
@external("env", "proxy_get_header_map_value")
declare function host_get_header_map_value(a: u32, b: usize, c: u32, d: usize, e: usize): u32;
// @ts-ignore: decorator
@external("env", "proxy_add_header_map_value")
declare function host_add_header_map_value(a: u32, b: usize, c: u32, d: usize, e: u32): u32;
// @ts-ignore: decorator
@external("env", "proxy_replace_header_map_value")
declare function host_replace_header_map_value(a: u32, b: usize, c: u32, d: usize, e: u32): u32;
// @ts-ignore: decorator
@external("env", "proxy_remove_header_map_value")
declare function host_remove_header_map_value(a: u32, b: usize, c: u32): u32;
// @ts-ignore: decorator
@external("env", "proxy_get_header_map_pairs")
declare function host_get_header_map_pairs(a: u32, b: usize, c: usize): u32;
// @ts-ignore: decorator
@external("env", "proxy_set_header_map_pairs")
declare function host_set_header_map_pairs(a: u32, b: usize, c: u32): u32;
// @ts-ignore: decorator
@external("env", "proxy_get_header_map_size")
declare function host_get_header_map_size(a: u32, b: usize): u32;
// @ts-ignore: decorator
@external("env", "proxy_get_buffer_bytes")
declare function host_get_buffer_bytes(a: u32, b: u32, c: u32, d: usize, e: usize): u32;
// @ts-ignore: decorator
@external("env", "proxy_set_buffer_bytes")
declare function host_set_buffer_bytes(a: u32, b: u32, c: u32, d: usize, e: u32): u32;
// @ts-ignore: decorator
@external("env", "proxy_set_tick_period_milliseconds")
declare function host_set_tick_period_milliseconds(a: u32): u32;
// @ts-ignore: decorator
@external("env", "proxy_get_current_time_nanoseconds")
declare function host_get_current_time_nanoseconds(a: usize): u32;
// @ts-ignore: decorator
@external("env", "proxy_define_metric")
declare function host_define_metric(a: u32, b: usize, c: u32, d: usize): u32;
// @ts-ignore: decorator
@external("env", "proxy_increment_metric")
declare function host_increment_metric(a: u32, b: i64): u32;
// @ts-ignore: decorator
@external("env", "proxy_record_metric")
declare function host_record_metric(a: u32, b: u64): u32;
// @ts-ignore: decorator
@external("env", "proxy_get_metric")
declare function host_get_metric(a: u32, b: usize): u32;
// @ts-ignore: decorator
@external("env", "proxy_set_effective_context")
declare function host_set_effective_context(a: u32): u32;
// @ts-ignore: decorator
@external("env", "proxy_done")
declare function host_done(): u32;
// @ts-ignore: decorator
@external("env", "proxy_register_shared_queue")
declare function host_register_shared_queue(a: usize, b: u32, c: usize): u32;
// @ts-ignore: decorator
@external("env", "proxy_enqueue_shared_queue")
declare function host_enqueue_shared_queue(a: u32, b: usize, c: u32): u32;
// @ts-ignore: decorator
@external("env", "proxy_dequeue_shared_queue")
declare function host_dequeue_shared_queue(a: u32, b: usize, c: usize): u32;
// @ts-ignore: decorator
@external("env", "proxy_call_foreign_function")
declare function host_call_foreign_function(a: usize, b: u32, c: usize, d: u32, e: usize, f: usize): u32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "clock_time_get")
declare function host_clock_time_get(a: u32, b: u64, c: usize): u32;
// @ts-ignore: decorator
@external("wasi_unstable", "environ_sizes_get")
declare function host_environ_sizes_get(a: usize, b: usize): u32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "environ_get")
declare function host_environ_get(a: usize, b: usize): u32;

export function log(a: u32, b: usize, c: u32): u32 {
  return host_log(a, b, c);
}
export function get_log_level(a: usize): u32 {
  return host_get_log_level(a);
}
export function get_property(a: usize, b: u32, c: usize, d: usize): u32 {
  return host_get_property(a, b, c, d);
}
export function set_property(a: usize, b: u32, c: usize, d: u32): u32 {
  return host_set_property(a, b, c, d);
}
export function send_local_response(
  a: u32,
  b: usize,
  c: u32,
  d: usize,
  e: u32,
  f: usize,
  g: u32,
  h: i32,
): u32 {
  return host_send_local_response(a, b, c, d, e, f, g, h);
}
export function continue_stream(a: u32): u32 {
  return host_continue_stream(a);
}
export function close_stream(a: u32): u32 {
  return host_close_stream(a);
}
export function get_shared_data(a: usize, b: u32, c: usize, d: usize, e: usize): u32 {
  return host_get_shared_data(a, b, c, d, e);
}
export function set_shared_data(a: usize, b: u32, c: usize, d: u32, e: u32): u32 {
  return host_set_shared_data(a, b, c, d, e);
}
export function get_header_map_value(a: u32, b: usize, c: u32, d: usize, e: usize): u32 {
  return host_get_header_map_value(a, b, c, d, e);
}
export function add_header_map_value(a: u32, b: usize, c: u32, d: usize, e: u32): u32 {
  return host_add_header_map_value(a, b, c, d, e);
}
export function replace_header_map_value(a: u32, b: usize, c: u32, d: usize, e: u32): u32 {
  return host_replace_header_map_value(a, b, c, d, e);
}
export function remove_header_map_value(a: u32, b: usize, c: u32): u32 {
  return host_remove_header_map_value(a, b, c);
}
export function get_header_map_pairs(a: u32, b: usize, c: usize): u32 {
  return host_get_header_map_pairs(a, b, c);
}
export function set_header_map_pairs(a: u32, b: usize, c: u32): u32 {
  return host_set_header_map_pairs(a, b, c);
}
export function get_header_map_size(a: u32, b: usize): u32 {
  return host_get_header_map_size(a, b);
}
export function get_buffer_bytes(a: u32, b: u32, c: u32, d: usize, e: usize): u32 {
  return host_get_buffer_bytes(a, b, c, d, e);
}
export function set_buffer_bytes(a: u32, b: u32, c: u32, d: usize, e: u32): u32 {
  return host_set_buffer_bytes(a, b, c, d, e);
}
export function set_tick_period_milliseconds(a: u32): u32 {
  return host_set_tick_period_milliseconds(a);
}
export function get_current_time_nanoseconds(a: usize): u32 {
  return host_get_current_time_nanoseconds(a);
}
export function define_metric(a: u32, b: usize, c: u32, d: usize): u32 {
  return host_define_metric(a, b, c, d);
}
export function increment_metric(a: u32, b: i64): u32 {
  return host_increment_metric(a, b);
}
export function record_metric(a: u32, b: u64): u32 {
  return host_record_metric(a, b);
}
export function get_metric(a: u32, b: usize): u32 {
  return host_get_metric(a, b);
}
export function set_effective_context(a: u32): u32 {
  return host_set_effective_context(a);
}
export function done(): u32 {
  return host_done();
}
export function register_shared_queue(a: usize, b: u32, c: usize): u32 {
  return host_register_shared_queue(a, b, c);
}
export function enqueue_shared_queue(a: u32, b: usize, c: u32): u32 {
  return host_enqueue_shared_queue(a, b, c);
}
export function dequeue_shared_queue(a: u32, b: usize, c: usize): u32 {
  return host_dequeue_shared_queue(a, b, c);
}
export function call_foreign_function(a: usize, b: u32, c: usize, d: u32, e: usize, f: usize): u32 {
  return host_call_foreign_function(a, b, c, d, e, f);
}
export function clock_time_get(a: u32, b: u64, c: usize): u32 {
  return host_clock_time_get(a, b, c);
}
export function environ_sizes_get(a: usize, b: usize): u32 {
  return host_environ_sizes_get(a, b);
}
export function environ_get(a: usize, b: usize): u32 {
  return host_environ_get(a, b);
}

const BREAKPOINT = memory.data(16);
const SCRATCH = memory.data(1 << 18);
const ARENA = memory.data(1 << 18);
let top: usize = 0;
/** What the next callback that can answer answers; a hook sets it. */
let answer: u32 = 0;

export function scratch(): usize {
  return SCRATCH;
}
export function set_answer(value: u32): void {
  answer = value;
}
export function trap(): void {
  unreachable();
}
export function recurse(depth: u32): u32 {
  return recurse(depth + 1) + 1;
}
export function grow(pages: i32): i32 {
  return memory.grow(pages);
}
export function malloc(size: usize): usize {
  if (top + size > 1 << 18) return 0;
  const pointer = ARENA + top;
  top += (size + 15) & ~15;
  return pointer;
}
export function abort(message: usize, file: usize, line: u32, column: u32): void {
  unreachable();
}
export function proxy_abi_version_0_2_1(): void {}

function breakpoint(callback: u32, fallback: u32): u32 {
  top = 0;
  answer = fallback;
  store<u32>(BREAKPOINT, callback);
  host_get_log_level(BREAKPOINT + callback);
  return answer;
}
/** The address the breakpoints count from: the callback's number is added to it. */
export function breakpoints(): usize {
  return BREAKPOINT;
}

export function proxy_on_context_create(id: u32, parent: u32): void {
  breakpoint(0, 0);
}
export function proxy_on_vm_start(id: u32, size: u32): u32 {
  return breakpoint(1, 1);
}
export function proxy_on_configure(id: u32, size: u32): u32 {
  return breakpoint(2, 1);
}
export function proxy_on_request_headers(id: u32, count: u32, end: u32): u32 {
  return breakpoint(3, 0);
}
export function proxy_on_response_headers(id: u32, count: u32, end: u32): u32 {
  return breakpoint(4, 0);
}
export function proxy_on_log(id: u32): void {
  breakpoint(5, 0);
}
export function proxy_on_done(id: u32): u32 {
  return breakpoint(6, 1);
}
export function proxy_on_delete(id: u32): void {
  breakpoint(7, 0);
}
export function proxy_on_tick(id: u32): void {
  breakpoint(8, 0);
}
