/** One thing to say about a file: an error keeps the filter from what was meant, a warning asks whether it was meant. */
export interface Finding {
  readonly severity: "error" | "warning";
  /** As it was named on the command line; `stdin` for `-`. */
  readonly file: string;
  /** Which of several YAML documents, from 1. */
  readonly document?: number;
  /** `WasmPlugin trading/tickgate`, for a manifest. */
  readonly object?: string;
  /** `spec.pluginConfig.quotas[0].limit`; `document` for the whole. */
  readonly path: string;
  /** Line in the file, from 1, where it is known. */
  readonly line?: number;
  readonly message: string;
}

/** What a rule has to say about a place, before it is known where that lies. */
export interface Remark {
  readonly path: string;
  readonly message: string;
}
