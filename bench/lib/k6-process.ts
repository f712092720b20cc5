import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { CliError } from "../../scripts/lib/cli.ts";
import { root } from "../../scripts/lib/paths.ts";
import { startChild } from "../../scripts/lib/process.ts";
import { provisionK6 } from "../../scripts/lib/provision/k6.ts";
import { temporaryDirectory } from "../../scripts/lib/temporary.ts";
import type { Parameters } from "./k6/parameters.ts";
import { Samples } from "./k6-samples.ts";
import type { ScenarioName, Verdict } from "./k6-types.ts";
import { thresholdVerdicts, type K6Summary } from "./k6-verdicts.ts";

/** One run of k6 that came to its end, whether or not its thresholds held. */
export interface K6Run {
  readonly samples: Samples;
  readonly thresholds: readonly Verdict[];
  /** Requests that k6 could not start on time. */
  readonly dropped: number;
}

const thresholdsFailed = 99;
const graceMillis = 60_000;

/** Runs bench/scenarios/NAME.ts; with `core`, held to that CPU. Throws a CliError when k6 itself fails. */
export async function runK6(scenario: ScenarioName, parameters: Parameters, core?: number): Promise<K6Run> {
  const directory = await temporaryDirectory();
  const summaryPath = join(directory.path, "summary.json");
  const env = {
    ...process.env,
    PARAMETERS: JSON.stringify(parameters),
    SUMMARY: summaryPath,
    ...(core !== undefined && { GOMAXPROCS: "1" }),
  };
  const seconds = parameters.warmUpSeconds + parameters.durationSeconds;
  try {
    const args = await commandLine(scenario, core);
    const samples = await collect(args, env, seconds * 1000 + graceMillis);
    const summary: K6Summary = JSON.parse(await readFile(summaryPath, "utf8"));
    return {
      samples,
      thresholds: thresholdVerdicts(summary),
      dropped: summary.metrics.dropped_iterations?.values.count ?? 0,
    };
  } finally {
    await directory.remove();
  }
}

async function commandLine(scenario: ScenarioName, core: number | undefined): Promise<[string, ...string[]]> {
  const { path } = await provisionK6();
  const script = join("bench", "scenarios", `${scenario}.ts`);
  const args = ["run", "--quiet", "--no-color", "--no-usage-report", "--out", "json=-", script];
  return core === undefined ? [path, ...args] : ["taskset", "-c", String(core), path, ...args];
}

/** Runs k6 to its end and keeps the requests that it writes to stdout, line by line: a long run makes gigabytes. */
async function collect(
  [command, ...args]: readonly [string, ...string[]],
  env: NodeJS.ProcessEnv,
  timeoutMillis: number,
): Promise<Samples> {
  const samples = new Samples();
  const complaints: string[] = [];
  const onLine = (line: string, stream: "stdout" | "stderr"): void => {
    if (stream === "stdout") samples.addLine(line);
    else complaints.push(line);
  };
  const child = await startChild({ name: "k6", command, args, cwd: root, env, onLine });
  const timer = setTimeout(() => void child.stop(), timeoutMillis);
  const { code } = await child.exited;
  clearTimeout(timer);
  if (code === 0 || code === thresholdsFailed) return samples;
  throw new CliError(`k6 failed (${code ?? "too late"}):\n${complaints.slice(-5).join("\n")}`);
}
