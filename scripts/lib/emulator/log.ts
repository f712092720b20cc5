import { LOG_LEVELS, type LogLevel } from "./status.ts";
import { toText, type ByteString } from "./bytes.ts";

/** One line: of a filter (`proxy_log`, WASI output) or of the host about a filter (`source` "envoy"). */
export interface LogEntry {
  readonly level: LogLevel;
  readonly message: string;
  readonly source: "filter" | "envoy";
  /** "main" or "worker0", "worker1", ... */
  readonly thread: string;
}

/** The proxy's log. Every line is kept, also those below Envoy's level: `proxy_log` crosses to the host for them too. */
export class Log {
  readonly entries: LogEntry[] = [];
  /** What `proxy_get_log_level` answers (Envoy's `--component-log-level wasm:...`). */
  level: LogLevel = "info";

  get levelNumber(): number {
    return LOG_LEVELS.indexOf(this.level);
  }

  add(level: number, message: ByteString, source: LogEntry["source"], thread: string): void {
    this.entries.push({ level: LOG_LEVELS[level] ?? "critical", message: toText(message), source, thread });
  }

  /** The messages that match, of any source, in order. */
  messages(filter: { level?: LogLevel; source?: LogEntry["source"] } = {}): string[] {
    return this.entries
      .filter((entry) => (filter.level ?? entry.level) === entry.level)
      .filter((entry) => (filter.source ?? entry.source) === entry.source)
      .map((entry) => entry.message);
  }

  clear(): void {
    this.entries.length = 0;
  }
}
