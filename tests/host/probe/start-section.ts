// Compiled without --exportStart: its top level becomes a start section, which runs before any context exists.
// @ts-ignore: decorator
@external("env", "proxy_log")
declare function hostLog(level: u32, pointer: usize, size: u32): u32;

export function malloc(size: usize): usize {
  return 0;
}
export function abort(message: usize, file: usize, line: u32, column: u32): void {
  unreachable();
}
export function proxy_abi_version_0_2_1(): void {}

hostLog(2, 0, 0);
