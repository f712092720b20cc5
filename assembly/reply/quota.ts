import { Quota } from "../config/plan";
import { Rate } from "../policy/quota";
import { Writer } from "../text/writer";

// draft-ietf-httpapi-ratelimit-headers-10: lists (RFC 9651) of strings with parameters. Names are `[a-z0-9_-]`, so
// they need no escaping.

const NANOS_PER_SECOND: u64 = 1_000_000_000;
/** Largest integer of a structured field (RFC 9651, 3.3.1). */
const MAX_INTEGER: u64 = 999_999_999_999_999;

/** Whole seconds until a moment, rounded up, at least one. */
export function secondsUntil(waitNanos: u64): u64 {
  const seconds = waitNanos / NANOS_PER_SECOND + <u64>(waitNanos % NANOS_PER_SECOND != 0);
  return min(max<u64>(seconds, 1), MAX_INTEGER);
}

/** Appends one item of `ratelimit-policy`: what comes back (`q`) in which time (`w`, seconds). */
export function writePolicy(field: Writer, quota: Quota, rate: Rate): void {
  writeItemName(field, quota);
  field.ascii(";q=").decimal(rate.quotaUnits).ascii(";w=").decimal(rate.windowSeconds);
}

/** Appends one item of `ratelimit`: what is left (`r`), seconds until a request would pass (`t`). */
export function writeLimit(field: Writer, quota: Quota, left: u64, seconds: u64): void {
  writeItemName(field, quota);
  field.ascii(";r=").decimal(left).ascii(";t=").decimal(seconds);
}

function writeItemName(field: Writer, quota: Quota): void {
  if (field.len != 0 && load<u8>(field.ptr + field.len - 1) != 0) field.ascii(", ");
  field.byte(0x22).bytes(quota.name, quota.nameLength).byte(0x22);
}

/** Writes the problem details (RFC 9457) of a refusal, naming the quotas that refused. */
export function startProblem(body: Writer): void {
  body
    .ascii('{"type":"https://iana.org/assignments/http-problem-types#quota-exceeded",')
    .ascii('"title":"Quota exceeded","status":429,"violated-policies":[');
}

/** Appends one violated policy. */
export function writeViolated(body: Writer, quota: Quota): void {
  if (load<u8>(body.ptr + body.len - 1) == 0x22) body.byte(0x2c);
  body.byte(0x22).bytes(quota.name, quota.nameLength).byte(0x22);
}

/** Ends the problem details. */
export function endProblem(body: Writer): void {
  body.ascii("]}");
}
