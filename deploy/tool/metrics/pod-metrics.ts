import { parseMetrics } from "../../../scripts/lib/prometheus.ts";
import { causeOf } from "../cause.ts";
import type { Pod } from "../cluster/pods.ts";
import type { PodAccess } from "../dataplane/access.ts";
import { mapLimited } from "../dataplane/survey.ts";
import { countsOf } from "./counts.ts";
import type { MetricsSource, PodCounts } from "./source.ts";

/** Envoy's names of everything `countsOf` reads. */
const needed = [
  String.raw`^wasmcustom\.(trading_(requests|request_duration|quota_decisions)|tickgate_failures)`,
  String.raw`^http\..*\.(downstream_rq_[1-5]xx|downstream_rq_time|rbac\.denied)`,
  String.raw`^wasm\..*vm_reload_`,
  "istio_request(s_total|_duration_milliseconds)",
].join("|");

const page = `/stats/prometheus?filter=${encodeURIComponent(needed)}`;
const readersAtOnce = 10;

/** Reads every pod's Envoy over its admin interface; counters are of this moment, histograms of the last flush. */
export function podMetrics(access: PodAccess, plugin: string): MetricsSource {
  return {
    description: "the pods themselves",
    async read(pods) {
      const found = new Map<string, PodCounts>();
      const missing = new Map<string, string>();
      await mapLimited(pods, readersAtOnce, async (pod) => {
        try {
          found.set(pod.name, await readPod(access, pod, plugin));
        } catch (error) {
          missing.set(pod.name, causeOf(error));
        }
      });
      return { pods: found, missing };
    },
  };
}

async function readPod(access: PodAccess, pod: Pod, plugin: string): Promise<PodCounts> {
  const text = await access.get(pod, "admin", page);
  return { counts: countsOf(parseMetrics(text), plugin), atMillis: Date.now() };
}
