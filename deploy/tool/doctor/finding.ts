/** How serious a finding is. Only `problem` makes doctor fail. */
export type Level = "ok" | "warning" | "problem";

/** One thing doctor looked at. */
export interface Finding {
  readonly level: Level;
  /** What was looked at: `pod trading/engine-0`, `WasmPlugin CRD`. */
  readonly object: string;
  readonly message: string;
  /** What to do; absent when all is well. */
  readonly next?: string;
}

/** All is well with the object. */
export function fine(object: string, message: string): Finding {
  return { level: "ok", object, message };
}

/** It works, and may not be meant, or could not be looked at. */
export function warning(object: string, message: string, next: string): Finding {
  return { level: "warning", object, message, next };
}

/** A deploy would fail, or the filter would not do its work. */
export function problem(object: string, message: string, next: string): Finding {
  return { level: "problem", object, message, next };
}
