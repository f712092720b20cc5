import { defineCommand, type ParsedArgs } from "citty";
import { CliError, progress } from "../../../scripts/lib/cli.ts";
import { takeOverInterrupt } from "../../../scripts/lib/process.ts";
import { whoAmI } from "../cluster/access-review.ts";
import { checkImageArgument, durationMillis } from "../cluster/arguments.ts";
import { canaryName } from "../cluster/canaries.ts";
import type { WasmPluginSpec } from "../cluster/plugins.ts";
import { pluginYaml } from "../delivery/diff.ts";
import { openSession, type Session } from "../delivery/session.ts";
import { readConfigFile } from "../delivery/source.ts";
import { podMetrics } from "../metrics/pod-metrics.ts";
import { prometheusMetrics } from "../metrics/prometheus.ts";
import type { MetricsSource } from "../metrics/source.ts";
import { emit, outputFormat } from "../output.ts";
import { begin, prepare, targetOf, type Prepared } from "../rollout/begin.ts";
import { createCanary, readRollout, sameForPods } from "../rollout/canary.ts";
import { takeClaim } from "../rollout/claim.ts";
import { clusterPort } from "../rollout/cluster-port.ts";
import { drive, type Ending } from "../rollout/driver.ts";
import { notPublished } from "../rollout/judge.ts";
import {
  checkDriveArguments,
  driveArguments,
  planArguments,
  planOf,
  type DriveArguments,
} from "../rollout/options.ts";
import { describePlan, describeReport, reportOf } from "../rollout/report.ts";
import { describeStep, type RolloutState } from "../rollout/state.ts";
import { describeCommand } from "../run.ts";
import { UsageError } from "../usage.ts";

const args = {
  ...driveArguments,
  ...planArguments,
  resume: { type: "boolean", description: "go on with the rollout under way, by the plan it began with" },
  "dry-run": { type: "boolean", description: "print the plan and the canary plugin; change nothing" },
} as const;

type Arguments = ParsedArgs<typeof args>;

interface UnderWay {
  readonly target: WasmPluginSpec;
  readonly state: RolloutState;
}

/** `tickgate rollout`: brings a new version or configuration to the pods step by step, and back when it is worse. */
export const rollout = defineCommand({
  meta: describeCommand({
    name: "rollout",
    description: "Brings a new version or configuration to the pods step by step, and back when it is worse",
    details:
      "Pods with the new version are compared with pods of the old one over the same time: errors, quota denials, failures\n" +
      "and traps of the filter, p50 and p99. Run again, the command goes on where the last one ended.\n" +
      "tickgate rollout approve  lets a paused rollout go on      tickgate rollout abort  takes it back\n" +
      "Exit code 0: promoted. 1: rolled back, paused or stuck. 130: interrupted; the pods stay as they are.",
  }),
  args,
  subCommands: {
    approve: async () => (await import("./rollout-approve.ts")).approveRollout,
    abort: async () => (await import("./rollout-abort.ts")).abortRollout,
  },
  async run({ args: values }) {
    const format = outputFormat(values.output);
    const plan = planOf(values, durationMillis("timeout", values.timeout));
    await checkGiven(values);
    const session = await openSession(values);
    const underWay = await resumable(session, values);
    if (underWay !== undefined) {
      if (values["dry-run"]) throw new CliError("a rollout is under way", "tickgate status shows it");
      progress(`going on with the rollout of ${underWay.state.id}: ${describeStep(underWay.state)}`);
      return exitCodes[await driveToEnd(session, values, underWay)];
    }
    const force = values["force-conflicts"] === true;
    const { image, config } = values;
    const prepared = await prepare(session, values.name, { image, config }, { plan, force });
    if (prepared === undefined) {
      emit(
        format,
        { result: "unchanged" },
        () => `nothing to do: ${values.name} has this image and configuration`,
      );
      return 0;
    }
    if (values["dry-run"]) return preview(session, values, prepared);
    await assertFigures(metricsOf(session, values), prepared);
    return exitCodes[await driveToEnd(session, values, prepared)];
  },
});

/** What is wrong with the line by itself is told before the cluster is asked for anything. */
async function checkGiven(values: Arguments): Promise<void> {
  const { image, config } = values;
  checkDriveArguments(values);
  if (image !== undefined) checkImageArgument(image);
  if (config !== undefined) await readConfigFile(config);
}

/** The rollout to go on with. A CliError when one is under way and the command line asks for another, or the reverse. */
async function resumable(session: Session, values: Arguments): Promise<UnderWay | undefined> {
  const { image, config, resume, name } = values;
  const underWay = await readRollout(session.cluster, name);
  if (underWay === undefined) {
    if (resume)
      throw new CliError(
        `no rollout of ${name} is under way`,
        "tickgate history tells how the last one ended",
      );
    if (image === undefined && config === undefined)
      throw new UsageError(
        "nothing to roll out",
        "--image, --config or both; --resume goes on with one under way",
      );
    return undefined;
  }
  const { canary, state } = underWay;
  const found = { target: canary.spec, state };
  if (resume === true || (image === undefined && config === undefined)) return found;
  const { target } = await targetOf(session, name, { image, config });
  if (sameForPods(target, canary.spec)) return found;
  throw new CliError(
    `a rollout of something else is under way: ${canary.spec.url}, ${describeStep(state)}`,
    "tickgate rollout --resume goes on with it, tickgate rollout abort takes it back",
  );
}

async function preview(
  session: Session,
  values: Arguments,
  { state, target, pods }: Prepared,
): Promise<number> {
  const canary = await createCanary(session.cluster, values.name, target, { state, dryRun: true });
  const result = { plan: state.plan, pods: pods.map(({ name }) => name), canary };
  emit(outputFormat(values.output), result, () =>
    `${describePlan(state, pods.length)}\n\n${pluginYaml(canary)}`.trimEnd(),
  );
  return 0;
}

/** Without a single figure there would be nothing to decide by; without Envoy's, dead filters may go unnoticed. */
async function assertFigures(metrics: MetricsSource, { pods }: Prepared): Promise<void> {
  const { pods: found, missing } = await metrics.read(pods);
  if ([...found.values()].some(({ counts }) => counts.proxy !== undefined)) return;
  if (found.size > 0) return progress(`warning: ${notPublished.text}`);
  const [[pod, reason] = ["", ""]] = missing;
  throw new CliError(
    `${metrics.description} have no figures of any pod; ${pod}: ${reason}`,
    "--prometheus URL with --prometheus-pod-label and --prometheus-namespace-label, or --pods and --admin-port for the pods themselves",
  );
}

/** Takes the claim, begins the rollout unless it is under way, drives it, and prints what came of it. */
export async function driveToEnd(
  session: Session,
  values: DriveArguments,
  which: UnderWay | Prepared,
): Promise<Ending["result"]> {
  const approvalMillis = durationMillis("approval-timeout", values["approval-timeout"]);
  const by = await whoAmI(session.cluster);
  // From here on Ctrl-C ends the drive after the action under way, and what is left is told.
  const signal = takeOverInterrupt();
  const claim = await takeClaim(session.cluster, values.name, { signal });
  if (claim === undefined) {
    progress("interrupted; nothing was changed");
    return "stopped";
  }
  try {
    const { target, state } = await startOf(session, values.name, which);
    const port = clusterPort({
      session,
      plugin: values.name,
      canary: canaryName(values.name, state.id),
      target,
      original: state.original,
      metrics: metricsOf(session, values),
      claim,
      by,
      force: values["force-conflicts"] === true,
      signal,
    });
    const ending = await drive(port, state, { signal, approvalMillis, report: progress });
    const report = reportOf(ending, target);
    emit(outputFormat(values.output), report, () => describeReport(report, ending.state));
    return ending.result;
  } finally {
    await claim.release();
  }
}

/** Somebody else has brought the rollout to its end. */
export class RolloutOver extends CliError {}

/** Where to begin or to go on. Read under the claim: whoever had it before may have got further. */
async function startOf(session: Session, plugin: string, which: UnderWay | Prepared): Promise<UnderWay> {
  const found = await readRollout(session.cluster, plugin);
  const { state } = which;
  if ("pods" in which) {
    if (found === undefined) return { target: await begin(session, plugin, which), state };
    throw new CliError(
      `another rollout of ${plugin} has begun in the meantime: ${found.canary.spec.url}`,
      "tickgate rollout --resume goes on with it, tickgate rollout abort takes it back",
    );
  }
  if (found?.state.id === state.id) return { target: found.canary.spec, state: found.state };
  throw new RolloutOver(`the rollout of ${state.id} has ended in the meantime`, "tickgate history tells how");
}

/** Of the command; `rollout abort` wants something else. */
export const exitCodes: Readonly<Record<Ending["result"], number>> = {
  promoted: 0,
  "rolled-back": 1,
  superseded: 1,
  undecided: 1,
  stuck: 1,
  stopped: 130,
};

function metricsOf(session: Session, values: DriveArguments): MetricsSource {
  const { prometheus: url, name: plugin } = values;
  if (url === undefined) return podMetrics(session.access, plugin);
  return prometheusMetrics({
    url,
    podLabel: values["prometheus-pod-label"],
    namespaceLabel: values["prometheus-namespace-label"],
    matchers: values["prometheus-matchers"],
    plugin,
    token: process.env["TICKGATE_PROMETHEUS_TOKEN"],
  });
}
