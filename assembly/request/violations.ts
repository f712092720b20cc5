import { Budget } from "../config/plan";
import { REQUEST_HEADERS } from "../host/abi";
import { monotonicNanos } from "../host/clock";
import { readHeader } from "../host/headers";
import { WARN, logLine, logs, writeLog } from "../host/log";
import { readProperty } from "../host/properties";
import { Status } from "../host/status";
import { returnedBytes, returnedLength } from "../host/value";
import { writeShare } from "../metrics/budgetcounts";
import { OPERATION_AT } from "../metrics/family";
import { Plugin } from "../plugin";
import { Share, saturatingSubtract } from "../policy/budget";
import { Range } from "../text/bytes";
import { Writer } from "../text/writer";

const NANOS_PER_SECOND: u64 = 1_000_000_000;
const MAX_ID_BYTES: u32 = 64;
const text = changetype<Range>(memory.data(8));
let second: u64 = 0;
let written: u32 = 0;

/** Logs a broken budget, at most `violationLog.perSecond` lines a second in this worker. */
export function sampleViolation(
  plugin: Plugin,
  ids: usize,
  budget: Budget,
  share: Share,
  spent: u64,
  limit: u64,
  upstream: u64,
): void {
  if (plugin.plan.violationsPerSecond == 0 || !logs(WARN) || !mayWrite(plugin.plan.violationsPerSecond))
    return;
  const line = logLine().ascii("budget ").bytes(budget.name, budget.nameLength).ascii(" broken:");
  for (let i: u32 = 0; i < plugin.recorder.vocabularyCount; i++) {
    const vocabulary = plugin.recorder.vocabularyAt(i);
    vocabulary.textOf(load<u16>(ids + OPERATION_AT + ((<usize>i) << 1)), text);
    line.byte(0x20).bytes(vocabulary.label, vocabulary.labelLength).byte(0x3d).bytes(text.ptr, text.len);
  }
  writeShare(
    line.ascii(" spent=").decimal(spent).ascii("us limit=").decimal(limit).ascii("us share="),
    share,
  );
  line
    .ascii(" upstream=")
    .decimal(upstream)
    .ascii("us proxy=")
    .decimal(saturatingSubtract(spent, upstream))
    .ascii("us");
  line.ascii(" attempts=").decimal(upstreamAttempts());
  writeRequestId(line);
  writeLog(WARN);
}

function mayWrite(perSecond: u32): bool {
  const now = monotonicNanos() / NANOS_PER_SECOND;
  if (now != second) {
    second = now;
    written = 0;
  }
  written += 1;
  return written <= perSecond;
}

/** How often the router has tried; 0 when it has not. */
export function upstreamAttempts(): u64 {
  if (readProperty("upstream\0request_attempt_count") != Status.Ok || returnedLength() != 8) return 0;
  return load<u64>(returnedBytes());
}

/** A caller's bytes: what could break the line is replaced. */
function writeRequestId(line: Writer): void {
  if (readHeader(REQUEST_HEADERS, "x-request-id") != Status.Ok) return;
  line.ascii(" request_id=");
  const length = min(returnedLength(), MAX_ID_BYTES);
  for (let i: u32 = 0; i < length; i++) {
    const byte = load<u8>(returnedBytes() + i);
    line.byte(byte > 0x20 && byte < 0x7f ? byte : 0x5f);
  }
}
