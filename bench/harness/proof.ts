import { CliError } from "../../scripts/lib/cli.ts";
import type { EnvoyAdmin } from "../../scripts/lib/envoy/admin.ts";
import { waitFor } from "../../scripts/lib/process.ts";
import type { Metrics } from "../../scripts/lib/prometheus.ts";
import type { ProofCounter } from "./arm.ts";
import type { Lane } from "./envoy-config.ts";
import type { Proof } from "./types.ts";

/** Counters are written up to half a second late, and histograms show what the last flush has merged. */
const settleMillis = 15_000;

/** How many requests each lane was sent. */
export type Sent = ReadonlyMap<string, number>;

/** Waits until every counter shows what was sent; a CliError that names those that do not. */
export async function proveLanes(
  admin: EnvoyAdmin,
  lanes: readonly Lane[],
  sent: Sent,
): Promise<Map<string, Proof[]>> {
  let latest = new Map<string, Proof[]>();
  const settled = async (): Promise<true | undefined> => {
    const metrics = await admin.metrics();
    latest = new Map(lanes.map((lane) => [lane.name, proofsOf(metrics, lane, sent.get(lane.name) ?? 0)]));
    return wrongProofs(latest).length === 0 ? true : undefined;
  };
  await waitFor("the counters of every arm showed its requests", settled, {
    timeoutMillis: settleMillis,
    intervalMillis: 200,
  }).catch((error: unknown) => {
    const wrong = wrongProofs(latest);
    throw wrong.length === 0 ? error : new CliError(`arms did not run as they should:\n${wrong.join("\n")}`);
  });
  return latest;
}

/** What each counter of a lane should show, and what it shows. */
export function proofsOf(metrics: Metrics, { name, arm, copies }: Lane, requests: number): Proof[] {
  return arm.proofs(name, copies).map((counter) => ({
    counter: spelled(counter),
    expected: requests * counter.each,
    counted: metrics.sum(counter.metric, counter.labels),
  }));
}

/** A line for each counter that shows something else than it should, or nothing. */
export function wrongProofs(proofs: ReadonlyMap<string, readonly Proof[]>): string[] {
  return [...proofs].flatMap(([lane, counters]) =>
    counters
      .filter(({ expected, counted }) => expected !== counted || expected === 0)
      .map(({ counter, expected, counted }) => `  ${lane}: ${counter} is ${counted}, not ${expected}`),
  );
}

function spelled({ metric, labels }: ProofCounter): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${value}"`);
  return pairs.length === 0 ? metric : `${metric}{${pairs.join(",")}}`;
}
