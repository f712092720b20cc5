// Takes the place of the quota store's head in shared data with a value that is none: every load of the store fails.
// @ts-ignore: decorator
@external("env", "proxy_set_shared_data")
declare function sharedSet(key: usize, size: u32, value: usize, valueSize: u32, cas: u32): u32;

// "tg1:h"
const KEY = memory.data<u8>([0x74, 0x67, 0x31, 0x3a, 0x68]);

export function malloc(size: usize): usize {
  return 0;
}
export function abort(message: usize, file: usize, line: u32, column: u32): void {
  unreachable();
}
export function proxy_abi_version_0_2_1(): void {}

export function proxy_on_vm_start(rootId: u32, size: u32): u32 {
  return sharedSet(KEY, 5, KEY, 1, 0) == 0 ? 1 : 0;
}
