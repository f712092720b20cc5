import { performance } from "node:perf_hooks";
import { progress } from "../../../scripts/lib/cli.ts";
import { sleep } from "../../../scripts/lib/process.ts";
import { lasting } from "./standing.ts";
import { survey, type SurveyedPod, type SurveyScope } from "./survey.ts";

/** Bounds of a wait. */
export interface WaitBounds {
  readonly timeoutMillis: number;
  readonly signal: AbortSignal;
  /** Sends the plugin once more; asked for when a listener has refused it because of an update refused before. */
  readonly resend?: () => Promise<void>;
  /** How long a pod may be in a state that does not pass by itself before the wait ends. */
  readonly settleMillis?: number;
}

/** How a wait ended, and where every pod stood then. */
export interface WaitOutcome {
  readonly end: "running" | "stuck" | "timeout" | "interrupted";
  readonly pods: readonly SurveyedPod[];
}

const intervalMillis = 500;
const noticeMillis = 5000;

// A refusal and an update under way look the same until the workers have settled. A module that can't be fetched shows
// only once the agent has given up, after five attempts in about 7 s.
const defaultSettleMillis = 5000;

// After a refused update and a removal, Envoy checks the listener that comes back against the refused update, which it
// still holds, refuses the listener, and is not sent it again until the resource changes.
const resendMillis = 3000;
const mostResends = 3;

/** Waits until every selected pod runs the expected plugin. Says on stderr what it waits for whenever that changes. */
export async function waitUntilRunning(scope: SurveyScope, bounds: WaitBounds): Promise<WaitOutcome> {
  const { timeoutMillis, signal, settleMillis = defaultSettleMillis } = bounds;
  const deadline = performance.now() + timeoutMillis;
  const stuckSince = new Map<string, number>();
  const heal = healer(bounds.resend);
  const notice = noticer();
  for (;;) {
    const pods = await survey(scope);
    const now = performance.now();
    noteStuck(stuckSince, pods, now);
    const behind = pods.filter(({ standing }) => standing.kind !== "running");
    if (behind.length === 0) return { end: "running", pods };
    if (signal.aborted) return { end: "interrupted", pods };
    if ([...stuckSince.values()].some((since) => now - since >= settleMillis)) return { end: "stuck", pods };
    if (now >= deadline) return { end: "timeout", pods };
    notice(pods, behind, now);
    await heal(behind);
    await sleep(intervalMillis, signal);
  }
}

function noteStuck(stuckSince: Map<string, number>, pods: readonly SurveyedPod[], now: number): void {
  const stuck = new Set(pods.filter(({ standing }) => lasting.has(standing.kind)).map(({ pod }) => pod.name));
  for (const name of stuckSince.keys()) {
    if (!stuck.has(name)) stuckSince.delete(name);
  }
  for (const name of stuck) {
    if (!stuckSince.has(name)) stuckSince.set(name, now);
  }
}

/** Sends the plugin again while pods lack it in their listeners, a few times and not at once. */
function healer(resend: WaitBounds["resend"]): (behind: readonly SurveyedPod[]) => Promise<void> {
  let since: number | undefined;
  let resends = 0;
  return async (behind) => {
    const lacking = behind.filter(({ standing }) => standing.kind === "unreferenced");
    const now = performance.now();
    if (lacking.length === 0) since = undefined;
    else since ??= now;
    if (resend === undefined || since === undefined || now - since < resendMillis || resends >= mostResends)
      return;
    progress(`${lacking.length} pods have refused the listener with the plugin: sending it again`);
    await resend();
    resends += 1;
    since = undefined;
  };
}

/** Prints what is waited for when it has changed, and otherwise every five seconds. */
function noticer(): (pods: readonly SurveyedPod[], behind: readonly SurveyedPod[], now: number) => void {
  let said = "";
  let saidAt = Number.NEGATIVE_INFINITY;
  return (pods, behind, now) => {
    const [first] = behind;
    const more = behind.length > 1 ? ` (and ${behind.length - 1} more)` : "";
    const line = `${pods.length - behind.length} of ${pods.length} pods run it; ${first?.pod.name ?? ""} ${first?.standing.reason ?? ""}${more}`;
    if (line === said && now - saidAt < noticeMillis) return;
    progress(`waiting: ${line}`);
    said = line;
    saidAt = now;
  };
}

/** One line a pod that does not run the plugin, indented. */
export function describeBehind(pods: readonly SurveyedPod[]): string {
  return pods
    .filter(({ standing }) => standing.kind !== "running")
    .map(({ pod, standing }) => `  ${pod.namespace}/${pod.name} ${standing.reason}`)
    .join("\n");
}
