import { Text, textLength } from "../text/literal";
import { Range, copyBytes } from "../text/bytes";
import { Writer } from "../text/writer";

const MAX_PAIRS: u32 = 8;
const TEXT_BYTES: u32 = 4096;
const lengths = memory.data(64);
const blob = memory.data(4164);
const writer = changetype<Writer>(memory.data(16));

let count: u32 = 0;
let valueStart: u32 = 0;

/** Starts a pair blob, the form in which the ABI takes headers: at most 8 pairs, one blob at a time. */
export function startPairs(): void {
  count = 0;
  // Room for the count and all lengths; what is not needed of it stays before the blob.
  writer.init(blob + 4 + (MAX_PAIRS << 3), TEXT_BYTES);
}

/** Starts a pair; its value is what is written to the result until the next pair or `finishPairs`. */
export function pair(name: Text): Writer {
  if (count != 0) endPair();
  store<u32>(lengths + (count << 3), textLength(name));
  writer.ascii(name).byte(0);
  valueStart = writer.len;
  count += 1;
  return writer;
}

function endPair(): void {
  store<u32>(lengths + ((count - 1) << 3), writer.len - valueStart, 4);
  writer.byte(0);
}

/** Ends the blob. False: it did not fit, and `out` is empty. */
export function finishPairs(out: Range): bool {
  if (count != 0) endPair();
  const start = writer.ptr - 4 - (count << 3);
  store<u32>(start, count);
  copyBytes(start + 4, lengths, count << 3);
  const whole = !writer.full;
  out.set(start, whole ? <u32>(writer.ptr + writer.len - start) : 0);
  return whole;
}
