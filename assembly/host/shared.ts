import { proxy_get_shared_data, proxy_set_shared_data } from "./abi";
import { Status, toStatus } from "./status";
import { returned } from "./value";

/** On an absent key any number inserts; this one matches no existing value, so the write only ever creates. */
const CREATE_ONLY: u32 = 0xffffffff;

/** Reads a value and its compare-and-swap number (`returnedBytes`, `returnedLength`, `returnedCas`). */
export function readShared(key: usize, keyLength: u32): Status {
  return toStatus(proxy_get_shared_data(key, keyLength, returned, returned + 4, returned + 8));
}

/** Creates a value. Mismatch: the key exists already. */
export function createShared(key: usize, keyLength: u32, value: usize, valueLength: u32): Status {
  return toStatus(proxy_set_shared_data(key, keyLength, value, valueLength, CREATE_ONLY));
}

/** Replaces a value that is still the one read with `cas`. Mismatch: it is not. */
export function swapShared(key: usize, keyLength: u32, value: usize, valueLength: u32, cas: u32): Status {
  return toStatus(proxy_set_shared_data(key, keyLength, value, valueLength, cas));
}
