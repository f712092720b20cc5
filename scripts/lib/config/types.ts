/** A configuration document of the filter, as `deploy/schema/tickgate.schema.json` describes it. */
export interface Config {
  readonly mode?: "enforce" | "observe";
  readonly failureMode?: "allow" | "deny";
  readonly trustedPeers?: readonly string[];
  readonly headers?: {
    readonly operation?: string;
    readonly tier?: string;
    readonly latencyBudget?: string;
    readonly marketTimestamp?: string;
  };
  readonly identity?: {
    readonly sources?: readonly ({ readonly header: string } | { readonly peer: "spiffe" })[];
    readonly anonymous?: "shared" | "exempt" | "reject";
    readonly logKeyEnv?: string;
  };
  readonly operations?: readonly OperationConfig[];
  readonly dimensions?: readonly DimensionConfig[];
  readonly stages?: { readonly values?: readonly string[] };
  readonly metrics?: {
    readonly maxSeries?: number;
    readonly durationLabels?: readonly string[];
    readonly filterState?: boolean;
  };
  readonly store?: { readonly capacity?: number };
  readonly quotas?: readonly QuotaConfig[];
  readonly budgets?: readonly BudgetConfig[];
  readonly violationLog?: { readonly perSecond?: number };
}

/** What callers ask for, and how it is recognised. */
export interface OperationConfig {
  readonly name: string;
  readonly method?: string;
  readonly path?: string;
  readonly pathPrefix?: string;
}

/** A request header that becomes a metric label. */
export interface DimensionConfig {
  readonly label: string;
  readonly header: string;
  readonly case?: "keep" | "upper" | "lower";
  readonly values?: readonly string[];
  readonly maxValues?: number;
  readonly newValuesPerMinute?: number;
}

/** `limit` a `window` for ever, `burst` at once. The window is a duration such as `1s`. */
export interface RateConfig {
  readonly limit: number;
  readonly window?: string;
  readonly burst?: number;
}

/** A rate that users are held to. */
export interface QuotaConfig extends RateConfig {
  readonly name: string;
  readonly operations?: readonly string[];
  readonly key?: readonly string[];
  readonly tiers?: Readonly<Record<string, RateConfig>>;
  readonly cost?: { readonly header: string; readonly max: number };
  readonly mode?: "enforce" | "shadow";
  readonly precision?: "exact" | { readonly lease: number };
  readonly announce?: boolean;
}

/** Time that requests are given. */
export interface BudgetConfig {
  readonly name: string;
  readonly operations?: readonly string[];
  readonly dimensions?: Readonly<Record<string, readonly string[]>>;
  readonly limit: string;
  readonly measure?: "first_byte" | "complete";
  readonly mode?: "flag" | "shed";
  readonly announce?: boolean;
  readonly propagate?: boolean;
}

/** One thing that is wrong. `path` is as in `quotas[0].limit`, or `document`. */
export interface ConfigProblem {
  readonly path: string;
  readonly message: string;
}
