let retries: u64 = 0;
let evictions: u64 = 0;

/** Counts a swap that another worker won. */
export function noteRetry(): void {
  retries += 1;
}

/** Counts live entries that were evicted. */
export function noteEvictions(count: u32): void {
  evictions += count;
}

/** Takes the retries counted since the last time. */
export function takeRetries(): u64 {
  const count = retries;
  retries = 0;
  return count;
}

/** Takes the evictions counted since the last time. */
export function takeEvictions(): u64 {
  const count = evictions;
  evictions = 0;
  return count;
}
