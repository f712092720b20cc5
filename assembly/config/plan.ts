import { Arena } from "../memory/arena";

/** Most entries of each list. They bound the work and the memory of a configuration. */
export const MAX_OPERATIONS: u32 = 62;
export const MAX_DIMENSIONS: u32 = 8;
export const MAX_VALUES: u32 = 1000;
export const MAX_STAGES: u32 = 32;
export const MAX_QUOTAS: u32 = 16;
export const MAX_TIERS: u32 = 16;
export const MAX_BUDGETS: u32 = 16;
export const MAX_HEADERS: u32 = 48;

/** Stands for "no header" in every header index. */
export const NO_HEADER: u32 = 0xff;

/** How an operation is recognised. */
export const MATCH_HEADER: u8 = 0;
export const MATCH_METHOD: u8 = 1;
export const MATCH_EXACT: u8 = 2;
export const MATCH_PREFIX: u8 = 3;

/** Case folding of a dimension. */
export const CASE_KEEP: u8 = 0;
export const CASE_UPPER: u8 = 1;
export const CASE_LOWER: u8 = 2;

export const ANONYMOUS_SHARED: u8 = 0;
export const ANONYMOUS_EXEMPT: u8 = 1;
export const ANONYMOUS_REJECT: u8 = 2;

/** Parts of a quota key and of `durationLabels` that are no dimension; smaller numbers are dimension indexes. */
export const PART_USER: u8 = 0xf0;
export const PART_PEER: u8 = 0xf1;
export const PART_OPERATION: u8 = 0xf2;
export const PART_RESULT: u8 = 0xf3;

/** An identity source that is the mTLS peer; smaller numbers are header indexes. */
export const SOURCE_PEER: u8 = 0xfe;

/** One declared operation; its index is its id, `operationCount` is the id of `other`. */
@unmanaged
export class Operation {
  name: usize;
  nameLength: u32;
  /** Zero length: any method. */
  method: usize;
  methodLength: u32;
  path: usize;
  pathLength: u32;
  match: u8;
}

/** One label taken from a request header. */
@unmanaged
export class Dimension {
  label: usize;
  labelLength: u32;
  header: u32;
  /** Table of `Range`, the allow-list, as it is in the document; `valueCount` 0: values are learned. */
  values: usize;
  valueCount: u32;
  maxValues: u32;
  newValuesPerMinute: u32;
  letterCase: u8;
}

/** The rate of one tier. Tier 0 of a quota is its base and has no name. */
@unmanaged
export class Tier {
  limit: u64;
  windowNanos: u64;
  burst: u64;
  name: usize;
  nameLength: u32;
}

/** One quota. */
@unmanaged
export class Quota {
  /** Bit `id` for every operation it applies to, `other` included; all ones when it names none. */
  operations: u64;
  costMax: u64;
  name: usize;
  nameLength: u32;
  /** Table of bytes: `PART_*` or dimension indexes, in the document's order. */
  key: usize;
  keyCount: u32;
  /** Table of `Tier`, the base first. */
  tiers: usize;
  tierCount: u32;
  /** Tokens a lease takes at once; 1 is exact. */
  lease: u32;
  /** `NO_HEADER`: every request costs 1. */
  costHeader: u32;
  shadow: bool;
  announce: bool;
}

/** Values of one dimension that a budget is limited to. */
@unmanaged
export class BudgetFilter {
  dimension: u32;
  values: usize;
  valueCount: u32;
}

/** One latency budget. */
@unmanaged
export class Budget {
  /** As in `Quota`. */
  operations: u64;
  limitMicros: u64;
  name: usize;
  nameLength: u32;
  /** Table of `BudgetFilter`; all must hold. */
  filters: usize;
  filterCount: u32;
  complete: bool;
  shed: bool;
  announce: bool;
  propagate: bool;
}

/** A compiled configuration: flat tables in one arena, never changed once made. */
@unmanaged
export class Plan {
  arena: Arena;
  observe: bool;
  failureDeny: bool;
  trustAll: bool;
  filterState: bool;
  operationsConfigured: bool;
  anonymous: u8;
  /** Table of `Range`; empty with `trustAll` false: nobody is trusted. */
  trustedPeers: usize;
  trustedPeerCount: u32;
  /** Table of `Range`: every request header the plan reads, lower case, each once. Indexes into it are header indexes. */
  headers: usize;
  headerCount: u32;
  operationHeader: u32;
  tierHeader: u32;
  budgetHeader: u32;
  /** A response header, so not in `headers`. */
  marketTimestamp: usize;
  marketTimestampLength: u32;
  /** Table of bytes: `SOURCE_PEER` or header indexes. */
  sources: usize;
  sourceCount: u32;
  logKeyEnv: usize;
  logKeyEnvLength: u32;
  operations: usize;
  operationCount: u32;
  dimensions: usize;
  dimensionCount: u32;
  /** Table of `Range`. */
  stages: usize;
  stageCount: u32;
  maxSeries: u32;
  /** Table of bytes: `PART_OPERATION`, `PART_RESULT` or dimension indexes. */
  durationLabels: usize;
  durationLabelCount: u32;
  storeCapacity: u32;
  quotas: usize;
  quotaCount: u32;
  budgets: usize;
  budgetCount: u32;
  violationsPerSecond: u32;

  operationAt(index: u32): Operation {
    return changetype<Operation>(this.operations + <usize>index * offsetof<Operation>());
  }

  dimensionAt(index: u32): Dimension {
    return changetype<Dimension>(this.dimensions + <usize>index * offsetof<Dimension>());
  }

  quotaAt(index: u32): Quota {
    return changetype<Quota>(this.quotas + <usize>index * offsetof<Quota>());
  }

  budgetAt(index: u32): Budget {
    return changetype<Budget>(this.budgets + <usize>index * offsetof<Budget>());
  }
}
