import { CliError, progress } from "../../../scripts/lib/cli.ts";
import { causeWithin } from "../cause.ts";
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
      `istiod at ${url} does not answer: ${causeWithin(timeoutMillis, error)}`,
      "kubectl -n istio-system port-forward deploy/istiod 15014, then --istiod http://localhost:15014; or leave --istiod out",
    );
  }
}

/** URLs that did not answer and have been mentioned. */
const silent = new Set<string>();

/**
 * What `readNacks` tells, none without an istiod to ask. They only put words to what the pods show themselves: an istiod
 * that does not answer is mentioned once on stderr, and asked again the next time.
 */
export async function nacksIfTold(istiod: string | undefined): Promise<ReadonlyMap<string, string>> {
  if (istiod === undefined) return new Map();
  try {
    return await readNacks(istiod);
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    if (!silent.has(istiod)) progress(`${error.message}; going on without its words for what pods refuse`);
    silent.add(istiod);
    return new Map();
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
