import { performance } from "node:perf_hooks";
import { CliError } from "../../../scripts/lib/cli.ts";
import { sleep } from "../../../scripts/lib/process.ts";
import { table } from "../../../scripts/lib/table.ts";
import { findCanary } from "../cluster/canaries.ts";
import { readHistory, type Revision } from "../cluster/history.ts";
import { readPlugin, type WasmPlugin } from "../cluster/plugins.ts";
import { trackLabel } from "../cluster/pods.ts";
import { surveyTracks, type SurveyedPod } from "../dataplane/survey.ts";
import type { PodState } from "../dataplane/state.ts";
import type { Session } from "./session.ts";

/** One pod in `tickgate status`. Rates are a second's worth, undefined when the pod could not be read twice. */
export interface PodStatus {
  readonly pod: string;
  readonly ready: boolean;
  readonly track: string;
  readonly version: string | undefined;
  readonly configHash: string | undefined;
  readonly series: number | undefined;
  readonly maxSeries: number;
  readonly deniedPerSecond: number | undefined;
  readonly violationsPerSecond: number | undefined;
  readonly failuresPerSecond: number | undefined;
  /** Since the proxy started. */
  readonly failuresTotal: number | undefined;
  readonly standing: string;
  readonly reason: string;
}

/** What `tickgate status` tells. */
export interface StatusReport {
  readonly plugin: string;
  readonly image: string;
  readonly revision: Pick<Revision, "revision" | "result" | "at" | "by"> | undefined;
  /** The image of the canary while a rollout is under way. */
  readonly canary: string | undefined;
  readonly pods: readonly PodStatus[];
  /** Labels by which the plugin selects its pods. */
  readonly selector: Readonly<Record<string, string>>;
  /** There are pods, and every one runs what it should. */
  readonly healthy: boolean;
}

const betweenScrapesMillis = 1000;
const defaultMaxSeries = 2000;

/** Reads every pod of the application twice, a second apart. A CliError when there is no plugin. */
export async function readStatus(session: Session, name: string): Promise<StatusReport> {
  const { cluster } = session;
  const [stable, canary, revisions] = await Promise.all([
    readPlugin(cluster, name),
    findCanary(cluster, name),
    readHistory(cluster, name),
  ]);
  if (stable === undefined) {
    throw new CliError(
      `there is no WasmPlugin ${name} in namespace ${cluster.namespace}`,
      "--namespace and --name choose another; tickgate deploy makes one; tickgate rollback brings a removed one back",
    );
  }
  const pods = await readPods(session, { stable, canary });
  const last = revisions.at(-1);
  return {
    plugin: `${cluster.namespace}/${name}`,
    image: stable.spec.url,
    revision: last && { revision: last.revision, result: last.result, at: last.at, by: last.by },
    canary: canary?.spec.url,
    pods,
    selector: stable.spec.selector?.matchLabels ?? {},
    healthy: pods.length > 0 && pods.every(({ standing }) => standing === "running"),
  };
}

interface Plugins {
  readonly stable: WasmPlugin;
  readonly canary: WasmPlugin | undefined;
}

async function readPods(session: Session, plugins: Plugins): Promise<PodStatus[]> {
  const { cluster, access, istiod } = session;
  const first = await surveyTracks({ cluster, access }, plugins);
  const start = performance.now();
  await sleep(betweenScrapesMillis);
  const second = await surveyTracks({ cluster, access, istiod }, plugins);
  const seconds = (performance.now() - start) / 1000;
  return second.map((after) => {
    const before = first.find(({ pod }) => pod.name === after.pod.name);
    const { canary, stable } = plugins;
    const maxSeries = maxSeriesOf(after.plugin === canary?.metadata.name ? canary : stable);
    return podStatus(after, before?.state, { seconds, maxSeries });
  });
}

function maxSeriesOf(plugin: WasmPlugin | undefined): number {
  const configured = metricsOf(plugin?.spec.pluginConfig)["maxSeries"];
  return typeof configured === "number" ? configured : defaultMaxSeries;
}

function metricsOf(config: Readonly<Record<string, unknown>> | undefined): Record<string, unknown> {
  const metrics = config?.["metrics"];
  return typeof metrics === "object" && metrics !== null ? { ...metrics } : {};
}

function podStatus(
  { pod, state, standing }: SurveyedPod,
  before: PodState | undefined,
  { seconds, maxSeries }: { readonly seconds: number; readonly maxSeries: number },
): PodStatus {
  const rate = (total: (state: PodState) => number): number | undefined =>
    state === undefined || before === undefined
      ? undefined
      : // A proxy that has restarted in between counts from 0.
        Math.max(0, total(state) - total(before)) / seconds;
  return {
    pod: pod.name,
    ready: pod.ready,
    track: pod.labels[trackLabel] ?? "none",
    version: state?.version?.replaceAll("_", "."),
    configHash: state?.configHash,
    series: state?.series,
    maxSeries,
    deniedPerSecond: rate(({ deniedTotal }) => deniedTotal),
    violationsPerSecond: rate(({ violationsTotal }) => violationsTotal),
    failuresPerSecond: rate(({ failuresTotal }) => failuresTotal),
    failuresTotal: state?.failuresTotal,
    standing: standing.kind,
    reason: standing.reason,
  };
}

const columns = ["pod", "track", "version", "config", "series", "denied/s", "broken/s", "failures", "state"];

/** The report as a table, what is wrong below it. */
export function describeStatus(report: StatusReport): string {
  const { plugin, image, revision, canary, pods, selector } = report;
  const head = [
    `${plugin}: ${image}`,
    revision === undefined
      ? "not in the history: applied by something else than this tool"
      : `revision ${revision.revision}, ${revision.result}, applied ${revision.at} by ${revision.by}`,
    ...(canary === undefined ? [] : [`a rollout is under way: canary ${canary}`]),
    "",
  ];
  if (pods.length === 0) {
    const labels = Object.entries(selector).map(([key, value]) => `${key}=${value}`);
    return [
      ...head,
      `no running pod with a sidecar is selected by ${labels.join(",")}: nothing is filtered`,
      "next: tickgate doctor tells whether labels or sidecars are missing",
    ].join("\n");
  }
  const wrong = pods
    .filter(({ standing }) => standing !== "running")
    .map(({ pod, reason }) => `${pod} ${reason}`);
  return [...head, table([columns, ...pods.map(row)]), ...(wrong.length > 0 ? ["", ...wrong] : [])].join(
    "\n",
  );
}

function row(pod: PodStatus): string[] {
  const failing = pod.failuresPerSecond !== undefined && pod.failuresPerSecond > 0;
  return [
    pod.ready ? pod.pod : `${pod.pod} (not ready)`,
    pod.track,
    pod.version ?? "-",
    pod.configHash ?? "-",
    pod.series === undefined ? "-" : `${pod.series}/${pod.maxSeries}`,
    perSecond(pod.deniedPerSecond),
    perSecond(pod.violationsPerSecond),
    pod.failuresTotal === undefined
      ? "-"
      : `${pod.failuresTotal}${failing ? ` (+${perSecond(pod.failuresPerSecond)}/s)` : ""}`,
    pod.standing === "running" ? "running" : pod.standing.toUpperCase(),
  ];
}

function perSecond(rate: number | undefined): string {
  if (rate === undefined) return "-";
  return rate === 0 || rate >= 10 ? rate.toFixed(0) : rate.toFixed(1);
}
