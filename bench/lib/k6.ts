import { availableParallelism } from "node:os";
import { provisionEnvoy } from "../../scripts/lib/provision/envoy.ts";
import { provisionK6 } from "../../scripts/lib/provision/k6.ts";
import { budgetViolation } from "./drivers/budget-violation.ts";
import { burst } from "./drivers/burst.ts";
import { cardinalityAttack } from "./drivers/cardinality-attack.ts";
import { configUpdate } from "./drivers/config-update.ts";
import { connections } from "./drivers/connections.ts";
import { overhead } from "./drivers/overhead.ts";
import { quotaExhaustion } from "./drivers/quota-exhaustion.ts";
import { soak } from "./drivers/soak.ts";
import { steady } from "./drivers/steady.ts";
import type { RunOptions, Scenario } from "./k6-scenario.ts";
import { Stage } from "./k6-stage.ts";
import type { K6Report, ScenarioName, ScenarioOptions } from "./k6-types.ts";

/** All scenarios by name. */
export const scenarios: Readonly<Record<ScenarioName, Scenario>> = {
  overhead,
  steady,
  burst,
  "quota-exhaustion": quotaExhaustion,
  "budget-violation": budgetViolation,
  "cardinality-attack": cardinalityAttack,
  connections,
  soak,
  "config-update-under-load": configUpdate,
};

/** Runs one scenario against real Envoy. What does not hold is in the report; a CliError when it could not be measured. */
export async function runScenario(name: ScenarioName, options: ScenarioOptions = {}): Promise<K6Report> {
  const scenario = scenarios[name];
  const chosen: RunOptions = {
    concurrency: 1,
    connections: 10_500,
    seed: 1,
    ...scenario.defaults,
    ...options,
  };
  const [envoy, k6] = [await provisionEnvoy(), await provisionK6()];
  const stage = new Stage();
  try {
    const { pinned, ...findings } = await scenario.run(stage, chosen);
    return {
      scenario: name,
      question: scenario.question,
      passed: findings.verdicts.every(({ passed }) => passed),
      ...findings,
      environment: {
        k6: k6.version,
        envoy: envoy.version,
        concurrency: chosen.concurrency,
        cpus: availableParallelism(),
        ...(pinned && { pinned }),
        command: commandOf(name, options),
      },
    };
  } finally {
    await stage.close();
  }
}

function commandOf(name: ScenarioName, options: ScenarioOptions): string {
  const flags: readonly (readonly [flag: string, value: string | number | undefined])[] = [
    ["rate", options.ratePerSecond],
    ["duration", options.durationSeconds && `${options.durationSeconds}s`],
    ["concurrency", options.concurrency],
    ["arms", options.arms?.join(",")],
    ["connections", options.connections],
    ["seed", options.seed],
  ];
  const given = flags.flatMap(([flag, value]) => (value === undefined ? [] : [`--${flag} ${value}`]));
  return ["npx tsx bench/k6.ts", name, ...given].join(" ");
}
