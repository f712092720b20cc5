/**
 * Where the last host call that returns bytes put them: valid until the next such call
 * (the position) and until `resetArena` (the bytes).
 */
export const returned = memory.data(16);

/** Address of the bytes returned last. */
// @ts-ignore: decorator
@inline
export function returnedBytes(): usize {
  return load<usize>(returned);
}

/** Number of bytes returned last. */
// @ts-ignore: decorator
@inline
export function returnedLength(): u32 {
  return load<u32>(returned, 4);
}

/** Compare-and-swap number of the shared value returned last. */
// @ts-ignore: decorator
@inline
export function returnedCas(): u32 {
  return load<u32>(returned, 8);
}
