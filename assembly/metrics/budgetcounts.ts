import { Budget, BudgetFilter, Plan } from "../config/plan";
import { Arena } from "../memory/arena";
import { hashBytes } from "../memory/hash";
import { Share } from "../policy/budget";
import { rangeAt } from "../text/bytes";
import { writeWord } from "../text/words";
import { Writer } from "../text/writer";
import { FIRST_VALUE, OTHER } from "../trading/ids";
import { Metric } from "./catalog";
import { DIMENSIONS_AT } from "./family";
import { placeConfigured } from "./places";
import { Recorder } from "./recorder";
import { isMetric, seriesId, startName } from "./registry";
import { addToTotal } from "./totals";

const SHARES: u32 = 3;
const SHARE_NAMES = "upstream, proxy, arrival";
const scratch = memory.data(64);

/** Appends the label text of a share. */
export function writeShare(writer: Writer, share: Share): Writer {
  return writeWord(writer, SHARE_NAMES, share);
}

/** One budget of a configuration, with what was counted for it since the last flush. */
@unmanaged
export class BudgetState {
  private requests: u64;
  private violations0: u64;
  private violations1: u64;
  private violations2: u64;
  budget: Budget;
  /** u16 each: for every filter its number of values, then their ids. */
  filterIds: usize;

  /** Whether it applies to a request with these label ids; `bit` is the operation's. */
  applies(bit: u64, ids: usize): bool {
    if ((this.budget.operations & bit) == 0) return false;
    let at = this.filterIds;
    for (let i: u32 = 0; i < this.budget.filterCount; i++) {
      const filter = filterAt(this.budget, i);
      const id = load<u16>(ids + DIMENSIONS_AT + ((<usize>filter.dimension) << 1));
      if (!holds(at, id)) return false;
      at += (<usize>load<u16>(at) + 1) << 1;
    }
    return true;
  }

  noteRequest(): void {
    this.requests += 1;
  }

  noteViolation(share: Share): void {
    const at = this.violationsAt(share);
    store<u64>(at, load<u64>(at) + 1);
  }

  flush(maxSeries: u32): void {
    if (addToTotal(Metric.BudgetRequests, this.requestsName(), this.requests, maxSeries)) this.requests = 0;
    for (let share = 0; share < <i32>SHARES; share++) {
      const at = this.violationsAt(share);
      if (addToTotal(Metric.BudgetViolations, this.violationsName(share), load<u64>(at), maxSeries))
        store<u64>(at, 0);
    }
  }

  /** Makes all its counters, at 0: a rate needs a value before the first event. Returns how many found no room. */
  reserve(maxSeries: u32): u32 {
    let missing: u32 = isMetric(seriesId(Metric.BudgetRequests, this.requestsName(), maxSeries)) ? 0 : 1;
    for (let share = 0; share < <i32>SHARES; share++) {
      if (!isMetric(seriesId(Metric.BudgetViolations, this.violationsName(share), maxSeries))) missing += 1;
    }
    return missing;
  }

  private violationsAt(share: Share): usize {
    return changetype<usize>(this) + offsetof<BudgetState>("violations0") + ((<usize>share) << 3);
  }

  private requestsName(): Writer {
    return startName(Metric.BudgetRequests)
      .ascii("budget=.=")
      .bytes(this.budget.name, this.budget.nameLength)
      .ascii(";.;");
  }

  private violationsName(share: Share): Writer {
    const name = startName(Metric.BudgetViolations)
      .ascii("budget=.=")
      .bytes(this.budget.name, this.budget.nameLength);
    return writeShare(name.ascii(";.;share=.="), share).ascii(";.;");
  }
}

const STATE_BYTES: usize = 40;

/** Entry `index` of a table of states. */
export function budgetStateAt(table: usize, index: u32): BudgetState {
  return changetype<BudgetState>(table + <usize>index * STATE_BYTES);
}

function filterAt(budget: Budget, index: u32): BudgetFilter {
  return changetype<BudgetFilter>(budget.filters + <usize>index * offsetof<BudgetFilter>());
}

function holds(list: usize, id: u32): bool {
  for (let i: u32 = 1, n: u32 = load<u16>(list); i <= n; i++) {
    if (load<u16>(list + (i << 1)) == id) return true;
  }
  return false;
}

/** Makes the states of a plan's budgets; address 0 when the arena is full. */
export function createBudgetStates(arena: Arena, plan: Plan, recorder: Recorder): usize {
  const table = arena.alloc(<usize>(plan.budgetCount + 1) * STATE_BYTES);
  if (table == 0) return 0;
  for (let i: u32 = 0; i < plan.budgetCount; i++) {
    const state = budgetStateAt(table, i);
    state.budget = plan.budgetAt(i);
    if (!resolveFilters(arena, state, recorder)) return 0;
  }
  return table;
}

/** Turns the values of the filters into label ids; a learned label keeps a place for what a budget names. */
function resolveFilters(arena: Arena, state: BudgetState, recorder: Recorder): bool {
  let values: u32 = 0;
  for (let i: u32 = 0; i < state.budget.filterCount; i++) values += filterAt(state.budget, i).valueCount + 1;
  state.filterIds = arena.alloc((<usize>values) << 1);
  if (state.filterIds == 0) return false;
  let at = state.filterIds;
  for (let i: u32 = 0; i < state.budget.filterCount; i++) {
    const filter = filterAt(state.budget, i);
    store<u16>(at, <u16>filter.valueCount);
    for (let j: u32 = 0; j < filter.valueCount; j++) {
      at += 2;
      store<u16>(at, <u16>idOf(recorder, filter, j));
    }
    at += 2;
  }
  return true;
}

function idOf(recorder: Recorder, filter: BudgetFilter, index: u32): u32 {
  const vocabulary = recorder.vocabularyAt(filter.dimension + 1);
  const value = rangeAt(filter.values, index);
  const length = vocabulary.normalise(value.ptr, value.len, scratch);
  const id = vocabulary.find(hashBytes(scratch, length), scratch, length);
  if (id != u32.MAX_VALUE) return id;
  const placed = vocabulary.learns ? placeConfigured(vocabulary, scratch, length) : OTHER;
  // A value without a place matches nothing, `other` included.
  return placed >= FIRST_VALUE ? placed : u16.MAX_VALUE;
}
