import { join } from "node:path";
import { progress } from "../../../scripts/lib/cli.ts";
import { startEnvoy, type RunningEnvoy } from "../../../scripts/lib/envoy/run.ts";
import type { Lane } from "../../harness/envoy-config.ts";
import { sentHeaders } from "../../harness/load.ts";
import { chooseCores, pin } from "../../harness/machine.ts";
import { proveLanes } from "../../harness/proof.ts";
import type { OverheadParameters } from "../../scenarios/overhead.ts";
import { startEcho } from "../k6-front.ts";
import { runK6 } from "../k6-process.ts";
import { logRequestPath, readRequestPath } from "../k6-request-path.ts";
import { commonVerdicts, loadOf, type Findings, type RunOptions, type Scenario } from "../k6-scenario.ts";
import type { Stage } from "../k6-stage.ts";
import { armsConfig, chooseArms, users } from "../overhead-arms.ts";
import { answered, comparisonsOf, populationOf, targetVerdicts, type Measured } from "../overhead-figures.ts";
import { planSlices, type Plan } from "../overhead-plan.ts";

/** Every arm of the harness in one Envoy, in front of an upstream in another. */
export const overhead: Scenario = {
  name: "overhead",
  question: "What does a client feel of the filter, beside no filter and beside what could be used instead?",
  defaults: { ratePerSecond: 400, durationSeconds: 90 },
  run,
};

async function run(stage: Stage, options: RunOptions): Promise<Findings> {
  const arms = await chooseArms(options.arms);
  const { lanes, peers } = arms;
  const cores = options.concurrency === 1 ? await chooseCores() : {};
  const logs = await stage.directory();
  const config = await armsConfig(arms, await startEcho(stage, cores.load));
  for (const { name } of lanes) logRequestPath(config, name, join(logs, name));
  const { concurrency } = options;
  const envoy = stage.own(await startEnvoy({ config, concurrency, readyTimeoutMillis: 60_000 }));
  if (cores.envoy !== undefined) await pin(envoy.process.pid, cores.envoy);
  const names = lanes.map(({ name }) => name);
  const plan = planSlices(names, options.ratePerSecond * options.durationSeconds, options.seed);
  const { rounds, sliceRequests } = plan;
  progress(`k6: overhead, ${lanes.length} arms, ${rounds} rounds of ${sliceRequests} requests an arm ...`);
  const k6 = await runK6("overhead", parametersOf(plan, lanes, envoy, options), cores.load);
  const sent = new Map(lanes.map((lane) => [lane.name, answered(k6.samples, lane)]));
  const measured: Measured = {
    samples: k6.samples,
    proofs: await proveLanes(envoy.admin, lanes, sent),
    requestPaths: await requestPaths(logs, lanes, (name) => k6.samples.sentAs(name, `warm-up ${name}`)),
  };
  const comparisons = comparisonsOf(lanes, measured);
  const { load, notes } = loadOf(k6, options);
  const { envoy: envoyCore, load: loadCore } = cores;
  return {
    load,
    populations: lanes.map((lane) => populationOf(lane, measured)),
    comparisons,
    series: [],
    verdicts: [...commonVerdicts(k6, plan.order.length * sliceRequests), ...targetVerdicts(comparisons)],
    notes: [...notes, ...[...peers.missing].map(([peer, why]) => `left out: ${peer}: ${why}`)],
    ...(envoyCore !== undefined &&
      loadCore !== undefined && { pinned: { envoy: String(envoyCore), k6: String(loadCore) } }),
  };
}

function parametersOf(
  { order, warmUpRounds, rounds, sliceRequests }: Plan,
  lanes: readonly Lane[],
  envoy: RunningEnvoy,
  { ratePerSecond, seed }: RunOptions,
): OverheadParameters {
  const secondsOf = (count: number): number => (count * lanes.length * sliceRequests) / ratePerSecond;
  return {
    targets: Object.fromEntries(lanes.map(({ name }) => [name, envoy.url(name)])),
    ratePerSecond,
    warmUpSeconds: secondsOf(warmUpRounds),
    durationSeconds: secondsOf(rounds),
    seed,
    order,
    warmUpRounds,
    sliceRequests,
    statuses: Object.fromEntries(lanes.map(({ name, arm }) => [name, arm.status])),
    headers: Object.fromEntries(sentHeaders),
    users,
  };
}

async function requestPaths(
  directory: string,
  lanes: readonly Lane[],
  sentTo: (name: string) => number,
): Promise<Measured["requestPaths"]> {
  const paths = new Map();
  for (const { name } of lanes) paths.set(name, await readRequestPath(join(directory, name), sentTo(name)));
  return paths;
}
