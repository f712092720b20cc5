/** AssemblyScript's abort hook. Envoy provides none; the name of the caller is in the trap's backtrace. */
export function abort(_message: usize, _file: usize, _line: u32, _column: u32): void {
  unreachable();
}
