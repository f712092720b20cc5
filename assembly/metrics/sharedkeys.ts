import { Writer } from "../text/writer";

// Shared data is one name space for all plugins of a proxy, and outlives us: every key carries product and format.
// tg1:n              series claimed so far (u32)
// tg1:s:<name>       a claimed series
// tg1:p:<label>:<i>  value with place i of a learned label (its text)
// tg1:w:<label>      admission window of a learned label: start in monotonic nanoseconds (u64), admitted (u32)
// tg1:c              some configuration was accepted in this process
// tg1:o:<what>       something was said once
// tg1:h              hash key and size of the quota store (store/table.ts)
// tg1q<u32>          a slot of it (store/slot.ts)
// tg1:a              when the next census of users may begin (store/census.ts)

/** `tg1:n`, 5 bytes. */
export const COUNT_KEY: usize = memory.data<u8>([0x74, 0x67, 0x31, 0x3a, 0x6e]);

/** `tg1:c`, 5 bytes. */
export const ACCEPTED_KEY: usize = memory.data<u8>([0x74, 0x67, 0x31, 0x3a, 0x63]);

/** Starts a key of one kind, `kind` with its colon. */
export function writeKey(key: Writer, kind: string): Writer {
  return key.ascii("tg1:").ascii(kind);
}

/** `tg1:o:trust`, 11 bytes. */
export const TRUST_SAID_KEY: usize = memory.data<u8>([
  0x74, 0x67, 0x31, 0x3a, 0x6f, 0x3a, 0x74, 0x72, 0x75, 0x73, 0x74,
]);
