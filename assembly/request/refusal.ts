import { Text, textLength } from "../text/literal";
import { Charge, Decision, chargeAt, chargeCount } from "./charges";
import { NO_GRPC_STATUS, sendReply } from "../host/reply";
import { Status } from "../host/status";
import { remaining, waitNanos } from "../policy/quota";
import { finishPairs, pair, startPairs } from "../reply/pairs";
import {
  endProblem,
  secondsUntil,
  startProblem,
  writeLimit,
  writePolicy,
  writeViolated,
} from "../reply/quota";
import { Range } from "../text/bytes";
import { Writer, WRITER_BYTES } from "../text/writer";

const RESOURCE_EXHAUSTED: i32 = 8;
const DEADLINE_EXCEEDED: i32 = 4;
const UNAUTHENTICATED: i32 = 16;
const UNAVAILABLE: i32 = 14;
const NANOS_PER_MILLI: u64 = 1_000_000;
const MAX_PUSHBACK_MILLIS: u64 = 2_147_483_647;

const headers = changetype<Range>(memory.data(8));
const body = changetype<Range>(memory.data(8));
const details = changetype<Range>(memory.data(8));
const bodyBuffer = memory.data(2048);
const writer = changetype<Writer>(memory.data(WRITER_BYTES));

/** Answers a request that is over quota, naming the quota with the longest wait. False: the host did not take it. */
export function refuseOverQuota(grpc: bool, nowNanos: u64): bool {
  const worst = longestWait(nowNanos);
  const wait = waitNanos(worst.rate, worst.tat, nowNanos, worst.cost);
  startPairs();
  if (grpc) {
    const millis = wait / NANOS_PER_MILLI + <u64>(wait % NANOS_PER_MILLI != 0);
    pair("grpc-retry-pushback-ms").decimal(min(max<u64>(millis, 1), MAX_PUSHBACK_MILLIS));
    startBody().ascii("over quota: ").bytes(worst.quota.name, worst.quota.nameLength);
  } else {
    const seconds = secondsUntil(wait);
    pair("content-type").ascii("application/problem+json");
    pair("retry-after").decimal(seconds);
    writePolicy(pair("ratelimit-policy"), worst.quota, worst.rate);
    writeLimit(pair("ratelimit"), worst.quota, remaining(worst.rate, worst.tat, nowNanos), seconds);
    writeProblem(startBody());
  }
  return send(429, grpc ? RESOURCE_EXHAUSTED : NO_GRPC_STATUS, "tickgate_quota_denied");
}

function writeProblem(text: Writer): void {
  startProblem(text);
  for (let i: u32 = 0; i < chargeCount; i++) {
    const charge = chargeAt(i);
    if (charge.decision == Decision.Refused && charge.enforces) writeViolated(text, charge.quota);
  }
  endProblem(text);
}

function longestWait(nowNanos: u64): Charge {
  let worst = changetype<Charge>(0);
  let longest: u64 = 0;
  for (let i: u32 = 0; i < chargeCount; i++) {
    const charge = chargeAt(i);
    if (charge.decision != Decision.Refused || !charge.enforces) continue;
    const wait = waitNanos(charge.rate, charge.tat, nowNanos, charge.cost);
    if (changetype<usize>(worst) != 0 && wait <= longest) continue;
    worst = charge;
    longest = wait;
  }
  return worst;
}

/** Answers a request whose caller's budget was spent when it came. */
export function refuseSpent(grpc: bool): bool {
  startPairs();
  startBody().ascii("the caller's latency budget is spent");
  return send(504, grpc ? DEADLINE_EXCEEDED : NO_GRPC_STATUS, "tickgate_budget_spent");
}

/** Answers a request that names no user where one is wanted. */
export function refuseUnidentified(grpc: bool): bool {
  startPairs();
  if (!grpc) pair("www-authenticate").ascii('Bearer realm="tickgate"');
  startBody().ascii("no user is identified");
  return send(401, grpc ? UNAUTHENTICATED : NO_GRPC_STATUS, "tickgate_unidentified");
}

/** Answers a request for which the filter itself failed. */
export function refuseFailed(grpc: bool): bool {
  startPairs();
  startBody().ascii("the quota could not be checked");
  return send(503, grpc ? UNAVAILABLE : NO_GRPC_STATUS, "tickgate_failed");
}

function startBody(): Writer {
  return writer.init(bodyBuffer, 2048);
}

function send(status: u32, grpcStatus: i32, reason: Text): bool {
  // Proxies in between must not retry what was refused.
  pair("x-envoy-ratelimited").ascii("true");
  if (!finishPairs(headers)) return false;
  body.set(bodyBuffer, writer.len);
  details.set(reason, textLength(reason));
  return sendReply(status, grpcStatus, details, headers, body) == Status.Ok;
}
