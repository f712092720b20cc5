import { CliError } from "../../../scripts/lib/cli.ts";
import { causeOf } from "../cause.ts";
import { parseJson } from "../json.ts";

const timeoutMillis = 5000;
const ecdsType = "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig";

interface SyncEntry {
  readonly proxy?: string;
  readonly resources?: Readonly<Record<string, { readonly lastError?: string }>>;
}

/**
 * Which proxies refused their last extension configuration, and their words, by `<pod>.<namespace>`. istiod shows it at
 * `/debug/syncz` of its monitoring port. An ACK there proves nothing: the agent also acknowledges modules it can't fetch.
 */
export async function readNacks(istiod: string): Promise<ReadonlyMap<string, string>> {
  const url = `${istiod.replace(/\/$/, "")}/debug/syncz`;
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMillis) });
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    return parseNacks(await response.text());
  } catch (error) {
    throw new CliError(
      `istiod at ${url} does not answer: ${causeOf(error)}`,
      "kubectl -n istio-system port-forward deploy/istiod 15014, then --istiod http://localhost:15014; or leave --istiod out",
    );
  }
}

/** Reads an answer of `/debug/syncz`. */
export function parseNacks(text: string): ReadonlyMap<string, string> {
  const entries = parseJson<readonly SyncEntry[]>(text);
  const nacks = new Map<string, string>();
  for (const { proxy, resources } of entries) {
    const error = resources?.[ecdsType]?.lastError;
    if (proxy !== undefined && error !== undefined && error !== "") nacks.set(proxy, oneLine(error));
  }
  return nacks;
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ").trim().slice(0, 300);
}
