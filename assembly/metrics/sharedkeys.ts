import { Text } from "../text/literal";
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

/** Starts a key of one kind, `kind` with its colon. */
export function writeKey(key: Writer, kind: Text): Writer {
  return key.ascii("tg1:").ascii(kind);
}
