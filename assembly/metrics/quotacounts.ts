import { PART_USER, Plan, Quota, Tier } from "../config/plan";
import { Arena } from "../memory/arena";
import { Metric } from "./catalog";
import { isMetric, seriesId, startName } from "./registry";
import { addToTotal } from "./totals";
import { Rate } from "../policy/quota";
import { writeWord } from "../text/words";
import { Writer } from "../text/writer";

/** How a quota decided: label `decision`. */
export enum QuotaDecision {
  Allowed,
  Denied,
  ShadowDenied,
  Failed,
}

const DECISIONS: u32 = 4;
const DECISION_NAMES = "allowed, denied, shadow_denied, failed";
/** One quota of a configuration, ready to decide. */
@unmanaged
export class QuotaState {
  /** Counted since the last flush, by `QuotaDecision`. */
  private pending0: u64;
  private pending1: u64;
  private pending2: u64;
  private pending3: u64;
  quota: Quota;
  /** Table of `Rate`, by tier. */
  rates: usize;
  /** Hash of its name in the store; 0 until it is needed. */
  nameHash: u64;
  /** The tier whose burst takes longest to come back. */
  widest: u32;
  /** Whether its key names the user. */
  ofUser: bool;
  /** Whether an empty bucket may be refused from memory: nothing can ever put tokens back but time. */
  deniable: bool;

  rateAt(tier: u32): Rate {
    return changetype<Rate>(this.rates + <usize>tier * offsetof<Rate>());
  }

  note(decision: QuotaDecision): void {
    const at = this.pendingAt(decision);
    store<u64>(at, load<u64>(at) + 1);
  }

  flush(maxSeries: u32): void {
    for (let decision = 0; decision < <i32>DECISIONS; decision++) {
      const at = this.pendingAt(decision);
      if (addToTotal(Metric.QuotaDecisions, this.nameOf(decision), load<u64>(at), maxSeries))
        store<u64>(at, 0);
    }
  }

  /** Makes all its counters, at 0: a rate needs a value before the first event. Returns how many found no room. */
  reserve(maxSeries: u32): u32 {
    let missing: u32 = 0;
    for (let decision = 0; decision < <i32>DECISIONS; decision++) {
      if (!isMetric(seriesId(Metric.QuotaDecisions, this.nameOf(decision), maxSeries))) missing += 1;
    }
    return missing;
  }

  private pendingAt(decision: QuotaDecision): usize {
    return changetype<usize>(this) + ((<usize>decision) << 3);
  }

  private nameOf(decision: QuotaDecision): Writer {
    const name = startName(Metric.QuotaDecisions)
      .ascii("quota=.=")
      .bytes(this.quota.name, this.quota.nameLength);
    return writeWord(name.ascii(";.;decision=.="), DECISION_NAMES, decision).ascii(";.;");
  }
}

/** Entry `index` of a table of states. */
export function quotaStateAt(table: usize, index: u32): QuotaState {
  return changetype<QuotaState>(table + <usize>index * STATE_BYTES);
}

const STATE_BYTES: usize = 64;

/** Makes the states of a plan's quotas; address 0 when the arena is full. */
export function createQuotaStates(arena: Arena, plan: Plan): usize {
  const table = arena.alloc(<usize>(plan.quotaCount + 1) * STATE_BYTES);
  if (table == 0) return 0;
  for (let i: u32 = 0; i < plan.quotaCount; i++) {
    const state = quotaStateAt(table, i);
    const quota = plan.quotaAt(i);
    state.quota = quota;
    state.ofUser = namesUser(quota);
    state.rates = arena.alloc(<usize>quota.tierCount * offsetof<Rate>());
    if (state.rates == 0) return 0;
    for (let j: u32 = 0; j < quota.tierCount; j++) {
      const tier = changetype<Tier>(quota.tiers + <usize>j * offsetof<Tier>());
      state.rateAt(j).init(tier.limit, tier.windowNanos, tier.burst);
      if (state.rateAt(state.widest).tolerance.less(state.rateAt(j).tolerance)) state.widest = j;
    }
    state.deniable = isDeniable(plan, i);
  }
  return table;
}

function namesUser(quota: Quota): bool {
  for (let i: u32 = 0; i < quota.keyCount; i++) {
    if (load<u8>(quota.key + i) == PART_USER) return true;
  }
  return false;
}

/**
 * A charge is undone only when a request's quotas lie in different slots and a later one refuses; with tiers, a
 * bucket that is empty for one tier may not be for another.
 */
function isDeniable(plan: Plan, index: u32): bool {
  const quota = plan.quotaAt(index);
  if (quota.tierCount > 1) return false;
  for (let i: u32 = 0; i < plan.quotaCount; i++) {
    const other = plan.quotaAt(i);
    if (i == index || (other.operations & quota.operations) == 0) continue;
    if (!namesUser(quota) || !namesUser(other)) return false;
  }
  return true;
}
