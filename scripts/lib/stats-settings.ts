import { stringify } from "yaml";
import { CliError } from "./cli.ts";
import type { Config } from "./config/types.ts";
import { statTag } from "./envoy/config.ts";

/** Labels that every configuration has, beside those of its dimensions. */
export const builtInLabels = [
  "operation",
  "result",
  "quota",
  "decision",
  "budget",
  "share",
  "stage",
  "version",
  "config",
  "label",
  "reason",
] as const;

const defaultDimensions = ["symbol", "order_type", "strategy_id", "venue"];

/** Upper bounds of histogram buckets in microseconds: dense around a millisecond, where budgets lie, up to 5 s. */
export const bucketsMicros = [
  50, 100, 150, 200, 300, 400, 500, 600, 700, 800, 900, 1000, 1250, 1500, 2000, 2500, 3000, 4000, 5000, 7500,
  10_000, 15_000, 25_000, 50_000, 75_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000,
];

/** Histograms by the name that Envoy matches buckets on. */
export const histogramNames = [
  "wasmcustom.trading_request_duration_us",
  "wasmcustom.trading_stage_duration_us",
  "wasmcustom.trading_market_data_lag_us",
];

/** Tags that Envoy's and Istio's own rules cut out of every stat name; ours must not end in one of them, nor they in ours. */
export const meshTags = ["cache", "component", "tag", "wasm_filter", "reporter"];

/** All labels of a configuration: its dimensions', then the built-in ones. Throws a CliError on one that rules would mix up. */
export function labelsOf(config: Config, otherTags: readonly string[] = meshTags): string[] {
  const dimensions = config.dimensions?.map(({ label }) => label) ?? defaultDimensions;
  const labels = [...dimensions, ...builtInLabels];
  for (const label of labels) {
    const clash = [...labels, ...otherTags].find((other) => other !== label && mixes(label, other));
    if (clash !== undefined) {
      throw new CliError(
        `label ${label} and tag ${clash} end alike`,
        "tag rules are not anchored: rename the label",
      );
    }
    if (otherTags.includes(label))
      throw new CliError(`label ${label} is a tag of the mesh already`, "rename the label");
  }
  return labels;
}

function mixes(label: string, other: string): boolean {
  return label.endsWith(other) || other.endsWith(label);
}

/** Where the settings go: an Envoy bootstrap, a pod's annotations, the mesh's defaults. */
export type StatsFormat = "envoy" | "istio-pod" | "istio-mesh";

/** Tag rules and buckets for a configuration, as YAML to paste. */
export function renderStatsSettings(
  config: Config,
  format: StatsFormat,
  otherTags?: readonly string[],
): string {
  const labels = labelsOf(config, otherTags);
  if (format === "envoy") {
    return stringify({
      stats_flush_interval: "1s",
      stats_config: {
        stats_tags: labels.map(statTag),
        histogram_bucket_settings: histogramNames.map((prefix) => ({
          match: { prefix },
          buckets: bucketsMicros,
        })),
      },
    });
  }
  const buckets = JSON.stringify(Object.fromEntries(histogramNames.map((name) => [name, bucketsMicros])));
  const annotations = {
    "sidecar.istio.io/extraStatTags": labels.join(","),
    "sidecar.istio.io/statsHistogramBuckets": buckets,
    "sidecar.istio.io/statsFlushInterval": "1s",
    // By these the deploy tool sees that a proxy has refused an update. Not needed for the filter's own metrics.
    "sidecar.istio.io/statsInclusionPrefixes": "extension_config_discovery",
  };
  if (format === "istio-pod") return stringify({ metadata: { annotations } }, { lineWidth: 0 });
  // Buckets have no mesh-wide setting: they stay on the pods.
  return stringify({ meshConfig: { defaultConfig: { extraStatTags: labels } } });
}
