import { proxy_get_log_level, proxy_log } from "./abi";
import { Writer } from "../text/writer";

/** Levels of the ABI. */
export const INFO: u32 = 2;
export const WARN: u32 = 3;
export const ERROR: u32 = 4;

const LINE_BYTES: u32 = 1024;
const line = memory.data(1024);
const writer = memory.data(16);
const out = memory.data(4);
let level: u32 = INFO;

/** Asks the host which lines it keeps. Called once per tick: a line crosses to the host even when it is dropped. */
export function refreshLogLevel(): void {
  if (proxy_get_log_level(out) == 0) level = load<u32>(out);
}

/** Whether lines of this level are kept. */
export function logs(lineLevel: u32): bool {
  return lineLevel >= level;
}

/** Starts a line. Lines are not nested. */
export function logLine(): Writer {
  return changetype<Writer>(writer).init(line, LINE_BYTES);
}

/** Writes the line that `logLine` started. */
export function writeLog(lineLevel: u32): void {
  if (logs(lineLevel)) proxy_log(lineLevel, line, changetype<Writer>(writer).len);
}
