import { showValue, spellPath } from "./path.ts";
import { checkQuotaRates } from "./rates.ts";
import type { Config, ConfigProblem } from "./types.ts";

type Step = string | number;
type Note = (steps: readonly Step[], message: string) => void;

const builtInLabels = "operation result quota decision budget share stage label reason version config".split(
  " ",
);

/** The rules that JSON Schema cannot say, for a configuration that keeps to the schema. */
export function checkReferences(config: Config): readonly ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const note: Note = (steps, message) => problems.push({ path: spellPath(steps), message });
  checkUnique("operations", "name", config.operations ?? [], note);
  checkUnique("dimensions", "label", config.dimensions ?? [], note);
  checkUnique("quotas", "name", config.quotas ?? [], note);
  checkUnique("budgets", "name", config.budgets ?? [], note);
  checkSuffixes(config, note);
  const labels = declaredLabels(config);
  checkParts(
    ["metrics", "durationLabels"],
    config.metrics?.durationLabels,
    ["operation", "result"],
    labels,
    note,
  );
  const words = ["user", "peer", "operation"];
  for (const [index, quota] of (config.quotas ?? []).entries()) {
    checkOperations(["quotas", index], quota.operations, config, note);
    checkParts(["quotas", index, "key"], quota.key, words, labels, note);
    checkQuotaRates(["quotas", index], quota, note);
  }
  checkBudgets(config, labels, note);
  return problems;
}

function declaredLabels(config: Config): readonly string[] {
  const defaults = ["symbol", "order_type", "strategy_id", "venue"];
  return config.dimensions?.map(({ label }) => label) ?? defaults;
}

function checkUnique<K extends string>(
  list: string,
  key: K,
  entries: readonly Readonly<Record<K, string>>[],
  note: Note,
): void {
  const first = new Map<string, number>();
  for (const [index, { [key]: name }] of entries.entries()) {
    const known = first.get(name);
    if (known === undefined) first.set(name, index);
    else note([list, index, key], `"${name}" is already used by ${list}[${known}]`);
  }
}

function checkSuffixes(config: Config, note: Note): void {
  const known = [...builtInLabels];
  for (const [index, { label }] of (config.dimensions ?? []).entries()) {
    for (const other of known) {
      if (other === label) continue;
      const [short, long] = label.length < other.length ? [label, other] : [other, label];
      if (long.endsWith(short)) note(["dimensions", index, "label"], `"${short}" is a suffix of "${long}"`);
    }
    known.push(label);
  }
}

function checkParts(
  steps: readonly Step[],
  parts: readonly string[] | undefined,
  words: readonly string[],
  labels: readonly string[],
  note: Note,
): void {
  for (const [index, part] of (parts ?? []).entries()) {
    if (words.includes(part) || labels.includes(part)) continue;
    note([...steps, index], `"${part}" is not one of ${words.join(", ")} or a declared label`);
  }
}

function checkOperations(
  steps: readonly Step[],
  names: readonly string[] | undefined,
  config: Config,
  note: Note,
): void {
  const declared = new Set(config.operations?.map(({ name }) => name));
  for (const [index, name] of (names ?? []).entries()) {
    if (!declared.has(name)) note([...steps, "operations", index], `"${name}" is not a declared operation`);
  }
}

function checkBudgets(config: Config, labels: readonly string[], note: Note): void {
  const allowLists = new Map(config.dimensions?.map(({ label, values }) => [label, values]));
  for (const [index, budget] of (config.budgets ?? []).entries()) {
    checkOperations(["budgets", index], budget.operations, config, note);
    for (const [label, values] of Object.entries(budget.dimensions ?? {})) {
      const steps = ["budgets", index, "dimensions", label];
      const allowed = allowLists.get(label);
      if (!labels.includes(label)) note(steps, "is not a declared label");
      for (const [at, value] of values.entries()) {
        if (allowed === undefined || allowed.includes(value)) continue;
        note([...steps, at], `${showValue(value)} is not a value of ${label}`);
      }
    }
  }
}
