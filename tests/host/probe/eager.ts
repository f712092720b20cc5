// Calls the host from `_initialize`: logging is allowed there, shared data is not.
// @ts-ignore: decorator
@external("env", "proxy_log")
declare function hostLog(level: u32, pointer: usize, size: u32): u32;
// @ts-ignore: decorator
@external("env", "proxy_get_shared_data")
declare function sharedGet(key: usize, size: u32, pointer: usize, valueSize: usize, cas: usize): u32;

const OUT = memory.data(16);
const HELLO = memory.data<u8>([104, 101, 108, 108, 111]);

export function malloc(size: usize): usize {
  return 0;
}
export function abort(message: usize, file: usize, line: u32, column: u32): void {
  unreachable();
}
export function proxy_abi_version_0_2_1(): void {}

hostLog(2, HELLO, 5);
sharedGet(HELLO, 5, OUT, OUT + 4, OUT + 8);
