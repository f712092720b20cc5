import { stringify } from "yaml";
import { CliError } from "./cli.ts";
import type { BudgetConfig, Config } from "./config/types.ts";

/** Share of requests within their budget, in percent, for all budgets and for some of them by name. */
export interface Objectives {
  readonly all: number;
  readonly budgets?: ReadonlyMap<string, number>;
}

/** A Prometheus rule. */
export interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Rules that Prometheus evaluates together. */
export interface RuleGroup {
  readonly name: string;
  readonly rules: readonly Rule[];
}

/** A long window that says it matters, a short one that says it goes on; `factor` of the rate that just keeps the objective. */
interface Burn {
  readonly long: string;
  readonly short: string;
  readonly factor: number;
  readonly severity: "page" | "ticket";
}

// The pairs of the SRE workbook ("Alerting on SLOs", 6) for an objective over 30 days: 2, 5, 10 and 10 percent of it.
const burns: readonly Burn[] = [
  { long: "1h", short: "5m", factor: 14.4, severity: "page" },
  { long: "6h", short: "30m", factor: 6, severity: "page" },
  { long: "1d", short: "2h", factor: 3, severity: "ticket" },
  { long: "3d", short: "6h", factor: 1, severity: "ticket" },
];

const windows = [...new Set(burns.flatMap(({ long, short }) => [short, long]))];
/** Below it the fastest burn would need more violations than requests. */
const leastObjective = 95;
const mostObjective = 99.999;
const orderOperation = "place_order";
const refusals = "quota_denied|budget_denied|unidentified";

/** Recording rules and alerts for every budget of a configuration, and the success rate of orders. */
export function sloGroups(config: Config, objectives: Objectives): RuleGroup[] {
  const budgets = config.budgets ?? [];
  const unknown = [...(objectives.budgets?.keys() ?? [])].find((name) =>
    budgets.every((one) => one.name !== name),
  );
  if (unknown !== undefined)
    throw new CliError(
      `there is no budget ${unknown}`,
      `budgets: ${budgets.map(({ name }) => name).join(", ")}`,
    );
  const groups = budgets.map((budget) =>
    budgetGroup(budget, checked(objectives.budgets?.get(budget.name) ?? objectives.all)),
  );
  return placesOrders(config) ? [...groups, orderGroup()] : groups;
}

/** The same as a rule file. */
export function renderSloRules(config: Config, objectives: Objectives): string {
  return stringify({ groups: sloGroups(config, objectives) }, { lineWidth: 0, aliasDuplicateObjects: false });
}

function checked(objective: number): number {
  if (objective >= leastObjective && objective <= mostObjective) return objective;
  throw new CliError(`objective ${objective} is not in ${leastObjective}..${mostObjective} percent`);
}

function budgetGroup(budget: BudgetConfig, objective: number): RuleGroup {
  const labels = { budget: budget.name };
  const ratios = windows.map((window) => ({
    record: ratioName(window),
    expr: ratio(budget.name, window),
    labels,
  }));
  return {
    name: `tickgate-budget-${budget.name}`,
    rules: [...ratios, ...burns.map((burn) => alert(budget, objective, burn))],
  };
}

function ratioName(window: string): string {
  return `budget:trading_budget_violations:ratio_rate${window}`;
}

/** Violations by requests, without those that came with nothing left: they neither page nor make others look better. */
function ratio(budget: string, window: string): string {
  const rate = (metric: string, selector: string): string =>
    `sum(rate(${metric}{budget="${budget}"${selector}}[${window}]))`;
  const violations = rate("trading_budget_violations_total", ',share!="arrival"');
  const arrivals = rate("trading_budget_violations_total", ',share="arrival"');
  const requests = rate("trading_budget_requests_total", "");
  return `(${violations} or vector(0)) / (${requests} - (${arrivals} or vector(0)))`;
}

function alert(budget: BudgetConfig, objective: number, { long, short, factor, severity }: Burn): Rule {
  const threshold = rounded((factor * (100 - objective)) / 100);
  const above = (window: string): string => `${ratioName(window)}{budget="${budget.name}"} > ${threshold}`;
  const share = "{{ $value | humanizePercentage }} of requests";
  return {
    alert: `TickgateBudgetBurn${long}`,
    expr: `${above(long)} and ${above(short)}`,
    labels: { severity, budget: budget.name, window: long },
    annotations: {
      summary: `Requests of ${budget.name} take longer than ${budget.limit}`,
      description: `${share} broke the latency budget ${budget.name} within ${long}: ${factor} times what an objective of ${objective}% allows.`,
    },
  };
}

/** Without the noise of binary fractions, which would show in the rule file. */
function rounded(value: number): number {
  return Number(value.toPrecision(12));
}

/** Whether `place_order` can be seen: undeclared operations are `other`, but where none is declared. */
function placesOrders({ operations = [] }: Config): boolean {
  return operations.length === 0 || operations.some(({ name }) => name === orderOperation);
}

function orderGroup(): RuleGroup {
  const rules = windows.map((window) => ({
    record: `operation:trading_requests_ok:ratio_rate${window}`,
    expr: `(${orderRate('result="ok"', window)} or vector(0)) / ${orderRate(`result!~"${refusals}"`, window)}`,
    labels: { operation: orderOperation },
  }));
  return { name: "tickgate-orders", rules };
}

function orderRate(selector: string, window: string): string {
  return `sum(rate(trading_requests_total{operation="${orderOperation}",${selector}}[${window}]))`;
}
