// The host functions that the observer probe calls, and the memory for what they give.

// @ts-ignore: decorator
@external("env", "proxy_log")
export declare function host_log(level: u32, ptr: usize, len: u32): u32;
// @ts-ignore: decorator
@external("env", "proxy_get_property")
export declare function get_property(path: usize, len: u32, at: usize, size: usize): u32;
// @ts-ignore: decorator
@external("env", "proxy_set_property")
export declare function set_property(path: usize, len: u32, value: usize, size: u32): u32;
// @ts-ignore: decorator
@external("env", "proxy_send_local_response")
export declare function send_local_response(
  status: u32,
  details: usize,
  detailsLen: u32,
  body: usize,
  bodyLen: u32,
  headers: usize,
  headersLen: u32,
  grpc: i32,
): u32;
// @ts-ignore: decorator
@external("env", "proxy_get_shared_data")
export declare function get_shared_data(key: usize, len: u32, at: usize, size: usize, cas: usize): u32;
// @ts-ignore: decorator
@external("env", "proxy_set_shared_data")
export declare function set_shared_data(key: usize, len: u32, value: usize, size: u32, cas: u32): u32;
// @ts-ignore: decorator
@external("env", "proxy_get_header_map_value")
export declare function get_value(type: u32, key: usize, len: u32, at: usize, size: usize): u32;
// @ts-ignore: decorator
@external("env", "proxy_add_header_map_value")
export declare function add_value(type: u32, key: usize, len: u32, value: usize, size: u32): u32;
// @ts-ignore: decorator
@external("env", "proxy_replace_header_map_value")
export declare function replace_value(type: u32, key: usize, len: u32, value: usize, size: u32): u32;
// @ts-ignore: decorator
@external("env", "proxy_remove_header_map_value")
export declare function remove_value(type: u32, key: usize, len: u32): u32;
// @ts-ignore: decorator
@external("env", "proxy_get_header_map_pairs")
export declare function get_pairs(type: u32, at: usize, size: usize): u32;
// @ts-ignore: decorator
@external("env", "proxy_get_header_map_size")
export declare function get_size(type: u32, at: usize): u32;
// @ts-ignore: decorator
@external("env", "proxy_get_buffer_bytes")
export declare function get_buffer(type: u32, start: u32, length: u32, at: usize, size: usize): u32;
// @ts-ignore: decorator
@external("env", "proxy_get_buffer_status")
export declare function get_buffer_status(type: u32, at: usize, flags: usize): u32;
// @ts-ignore: decorator
@external("env", "proxy_set_tick_period_milliseconds")
export declare function set_tick_period(period: u32): u32;
// @ts-ignore: decorator
@external("env", "proxy_define_metric")
export declare function define_metric(kind: u32, name: usize, len: u32, id: usize): u32;
// @ts-ignore: decorator
@external("env", "proxy_increment_metric")
export declare function increment_metric(id: u32, by: i64): u32;
// @ts-ignore: decorator
@external("env", "proxy_record_metric")
export declare function record_metric(id: u32, value: u64): u32;
// @ts-ignore: decorator
@external("env", "proxy_get_metric")
export declare function get_metric(id: u32, at: usize): u32;
// @ts-ignore: decorator
@external("env", "proxy_set_effective_context")
export declare function set_effective_context(id: u32): u32;
// @ts-ignore: decorator
@external("env", "proxy_done")
export declare function host_done(): u32;
// @ts-ignore: decorator
@external("env", "proxy_get_status")
export declare function get_status(code: usize, at: usize, size: usize): u32;
// @ts-ignore: decorator
@external("env", "proxy_get_log_level")
export declare function get_log_level(at: usize): u32;
// @ts-ignore: decorator
@external("env", "proxy_resolve_shared_queue")
export declare function resolve_queue(vm: usize, vmLen: u32, name: usize, len: u32, at: usize): u32;
// @ts-ignore: decorator
@external("env", "proxy_dequeue_shared_queue")
export declare function dequeue(token: u32, at: usize, size: usize): u32;
// @ts-ignore: decorator
@external("env", "proxy_http_call")
export declare function http_call(
  uri: usize,
  uriLen: u32,
  headers: usize,
  headersLen: u32,
  body: usize,
  bodyLen: u32,
  trailers: usize,
  trailersLen: u32,
  timeout: u32,
  token: usize,
): u32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "clock_time_get")
export declare function clock_time_get(id: u32, precision: u64, at: usize): u32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "random_get")
export declare function random_get(at: usize, size: u32): u32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "environ_sizes_get")
export declare function environ_sizes_get(count: usize, size: usize): u32;

/** Results of host calls: pointer, size and more. */
export const OUT = memory.data(64);
export const ARENA = memory.data(1 << 18);
let top: usize = 0;

export function malloc(size: usize): usize {
  if (top + size > 1 << 18) return 0;
  const at = ARENA + top;
  top += (size + 15) & ~15;
  return at;
}

/** Forgets what the host has given. */
export function resetArena(): void {
  top = 0;
}

/** `resetArena`, and empty results. */
export function clear(): void {
  memory.fill(OUT, 0, 64);
  top = 0;
}

/** Bytes as text, what is not printable as its hex digits. */
export function text(at: usize, length: u32): string {
  let result = "";
  for (let i: u32 = 0; i < length; i++) {
    const byte = load<u8>(at + i);
    result += byte < 0x20 || byte > 0x7e ? "%" + (<u32>byte).toString(16) : String.fromCharCode(byte);
  }
  return result;
}
