import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { stringify } from "yaml";
import { CliError } from "../../scripts/lib/cli.ts";
import { runToEnd } from "../../scripts/lib/process.ts";
import { findOnPath } from "../../scripts/lib/provision/provision.ts";
import { temporaryDirectory } from "../../scripts/lib/temporary.ts";

/** A series of a rule test: its name with labels, and its values in promtool's notation. */
export interface InputSeries {
  readonly series: string;
  readonly values: string;
}

/** One case of a rule test: a sample a minute, an evaluation every half an hour (times must be multiples of it). */
export interface RuleCase {
  readonly name: string;
  readonly input: readonly InputSeries[];
  /** Alerts that fire at a time, by name; those left out must not. */
  readonly alerts?: { readonly at: string; readonly firing: Readonly<Record<string, object | undefined>> };
  /** Values of expressions at a time. */
  readonly values?: { readonly at: string; readonly of: readonly Expected[] };
}

interface Expected {
  readonly expr: string;
  readonly labels: string;
  readonly value: number;
}

/** Checks rules with `promtool check rules`, then runs cases over them with `promtool test rules`. */
export async function testRules(t: TestContext, rules: string, cases: readonly RuleCase[]): Promise<void> {
  const promtool = await findPromtool();
  const directory = await temporaryDirectory();
  t.after(() => directory.remove());
  await writeFile(join(directory.path, "rules.yaml"), rules);
  const tests = cases.map((one) => ({
    name: one.name,
    interval: "1m",
    input_series: one.input,
    alert_rule_test: Object.entries(one.alerts?.firing ?? {}).map(([alertname, alert]) => ({
      eval_time: one.alerts?.at,
      alertname,
      exp_alerts: alert === undefined ? [] : [alert],
    })),
    promql_expr_test: (one.values?.of ?? []).map(({ expr, labels, value }) => ({
      expr,
      eval_time: one.values?.at,
      exp_samples: [{ labels, value }],
    })),
  }));
  const suite = { rule_files: ["rules.yaml"], evaluation_interval: "30m", tests };
  await writeFile(join(directory.path, "tests.yaml"), stringify(suite));
  for (const args of [
    ["check", "rules", "rules.yaml"],
    ["test", "rules", "tests.yaml"],
  ]) {
    const options = { name: "promtool", command: promtool, args, cwd: directory.path, timeoutMillis: 60_000 };
    const result = await runToEnd(options);
    if (result.code !== 0) throw new Error(`promtool ${args[0]}:\n${result.stdout}${result.stderr}`);
  }
}

async function findPromtool(): Promise<string> {
  const named = process.env.PROMTOOL_BIN;
  const found = named === undefined || named === "" ? await findOnPath("promtool", process.env) : named;
  if (found !== undefined) return found;
  throw new CliError("promtool is neither on PATH nor named by PROMTOOL_BIN: apt-get install prometheus");
}
