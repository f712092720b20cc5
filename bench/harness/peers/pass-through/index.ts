// The least that a Wasm filter can be: Envoy enters it twice a request, and it does nothing. What it was called is
// counted in its memory and told from a tick, so that a benchmark can see that it ran.

// @ts-ignore: decorator
@external("env", "proxy_get_buffer_bytes")
declare function getBufferBytes(kind: u32, start: u32, most: u32, bytes: usize, size: usize): u32;

// @ts-ignore: decorator
@external("env", "proxy_define_metric")
declare function defineMetric(kind: u32, name: usize, size: usize, id: usize): u32;

// @ts-ignore: decorator
@external("env", "proxy_increment_metric")
declare function incrementMetric(id: u32, by: i64): u32;

// @ts-ignore: decorator
@external("env", "proxy_set_tick_period_milliseconds")
declare function setTickPeriod(millis: u32): u32;

const textSize: usize = 256;
const text = memory.data(256);
const textCell = memory.data(4);
const sizeCell = memory.data(4);
const idCell = memory.data(4);

const PLUGIN_CONFIGURATION: u32 = 7;
const COUNTER: u32 = 0;

let counter: u32 = 0;
let begun: i64 = 0;
let logged: i64 = 0;

export function proxy_abi_version_0_2_1(): void {}

/** Only the configuration is ever asked for. */
export function malloc(size: usize): usize {
  return size > textSize ? 0 : text;
}

/** The configuration is the name of the counter. */
export function proxy_on_configure(_root: u32, size: u32): u32 {
  if (getBufferBytes(PLUGIN_CONFIGURATION, 0, size, textCell, sizeCell) != 0) return 0;
  defineMetric(COUNTER, load<u32>(textCell), load<u32>(sizeCell), idCell);
  counter = load<u32>(idCell);
  setTickPeriod(200);
  return 1;
}

export function proxy_on_request_headers(_id: u32, _headers: u32, _end: u32): u32 {
  begun += 1;
  return 0;
}

export function proxy_on_log(_id: u32): void {
  logged += 1;
}

/** Only requests that were seen at both ends are told. */
export function proxy_on_tick(_root: u32): void {
  const seen = min(begun, logged);
  if (seen == 0) return;
  incrementMetric(counter, seen);
  begun -= seen;
  logged -= seen;
}
