import { Range, rangeAt } from "../text/bytes";
import { NANOS_PER_HOUR, NANOS_PER_MICRO } from "../text/duration";
import { Build } from "./build";
import { Budget, BudgetFilter, Dimension, MAX_BUDGETS, MAX_DIMENSIONS, MAX_VALUES } from "./plan";
import { findName } from "./names";
import { findLabel, readOperationBits } from "./references";
import { LABEL, NAME, PRINTABLE, checkKey, readChoice, readDuration, readFlag } from "./values";

const KEYS = "name, operations, dimensions, limit, measure, mode, announce, propagate";
const enum Key {
  name,
  operations,
  dimensions,
  limit,
  measure,
  mode,
  announce,
  propagate,
}

export function readBudgets(build: Build): void {
  const document = build.document;
  const plan = build.plan;
  plan.budgets = build.room(<usize>MAX_BUDGETS * offsetof<Budget>());
  document.openArray();
  while (document.item(MAX_BUDGETS)) {
    readBudget(build, plan.budgetAt(plan.budgetCount));
    plan.budgetCount += 1;
  }
}

function readBudget(build: Build, budget: Budget): void {
  const document = build.document;
  budget.operations = u64.MAX_VALUE;
  document.openObject();
  while (document.field(KEYS)) readField(build, budget);
  document.require(KEYS, Key.name);
  document.require(KEYS, Key.limit);
  if (budget.announce && budget.complete) {
    document.failAt(KEYS, Key.announce).ascii("true is not possible with measure complete");
  }
}

function readField(build: Build, budget: Budget): void {
  const document = build.document;
  const names = build.plan.budgets + offsetof<Budget>("name");
  switch (document.key) {
    case Key.name:
      build.readName(names, offsetof<Budget>(), build.plan.budgetCount, NAME);
      break;
    case Key.operations:
      budget.operations = readOperationBits(build);
      break;
    case Key.dimensions:
      readFilters(build, budget);
      break;
    case Key.limit:
      budget.limitMicros =
        readDuration(document, NANOS_PER_MICRO, NANOS_PER_HOUR, "1us..1h") / NANOS_PER_MICRO;
      break;
    default:
      readManner(build, budget);
  }
}

function readManner(build: Build, budget: Budget): void {
  const document = build.document;
  switch (document.key) {
    case Key.measure:
      budget.complete = readChoice(document, "first_byte, complete") == 1;
      break;
    case Key.mode:
      budget.shed = readChoice(document, "flag, shed") == 1;
      break;
    case Key.announce:
      budget.announce = readFlag(document);
      break;
    default:
      budget.propagate = readFlag(document);
  }
}

function filterAt(budget: Budget, index: u32): BudgetFilter {
  return changetype<BudgetFilter>(budget.filters + <usize>index * offsetof<BudgetFilter>());
}

function readFilters(build: Build, budget: Budget): void {
  const document = build.document;
  const labels = build.labels;
  let count: u32 = 0;
  budget.filters = build.room(<usize>MAX_DIMENSIONS * offsetof<BudgetFilter>());
  document.openObject();
  while (document.member(MAX_DIMENSIONS)) {
    if (!checkKey(document, LABEL)) return;
    if (findName(labels, offsetof<Range>(), count, document.text, document.textLength) >= 0)
      document.repeatedKey();
    build.keep(rangeAt(labels, count));
    readFilter(build, filterAt(budget, count));
    count += 1;
  }
  budget.filterCount = count;
}

function readFilter(build: Build, filter: BudgetFilter): void {
  const document = build.document;
  const list = changetype<Range>(changetype<usize>(filter) + offsetof<BudgetFilter>("values"));
  const allowed = build.resolving() ? resolveFilter(build, filter) : changetype<Dimension>(0);
  build.openList();
  while (build.listItem(MAX_VALUES, PRINTABLE)) {
    if (changetype<usize>(allowed) == 0 || build.allowed.has(document.text, document.textLength)) continue;
    document.refuseUnless("a value of ").bytes(allowed.label, allowed.labelLength);
  }
  build.requireEntry();
  build.keepList(list);
}

/** The dimension of the current key when it has an allow-list, which `Build.allowed` then holds; else address 0. */
function resolveFilter(build: Build, filter: BudgetFilter): Dimension {
  const document = build.document;
  const nothing = changetype<Dimension>(0);
  const index = findLabel(build.known, document.text, document.textLength);
  if (index < 0) {
    document.fail().ascii("is not a declared label");
    return nothing;
  }
  filter.dimension = index;
  const dimension = build.known.dimensionAt(index);
  if (dimension.valueCount == 0) return nothing;
  build.allowed.clear();
  for (let i: u32 = 0; i < dimension.valueCount; i++) {
    const value = rangeAt(dimension.values, i);
    build.allowed.add(value.ptr, value.len);
  }
  return dimension;
}
