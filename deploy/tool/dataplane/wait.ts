import { performance } from "node:perf_hooks";
import { progress } from "../../../scripts/lib/cli.ts";
import { sleep } from "../../../scripts/lib/process.ts";
import { lasting, type StandingKind } from "./standing.ts";
import { survey, type SurveyedPod, type SurveyScope } from "./survey.ts";

/** Bounds of a wait. */
export interface WaitBounds {
  readonly timeoutMillis: number;
  readonly signal: AbortSignal;
  /** Called at every look that finds pods behind; what it throws ends the wait. */
  readonly assertWanted?: () => Promise<void>;
  /** Sends the plugin once more; asked for when a pod will not get further by itself, and may with a second delivery. */
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

const resendMillis = 3000;

/**
 * Where a second delivery may help, with how many are worth it. After a refused update and a removal, Envoy checks the
 * listener that comes back against the refused update, which it still holds, refuses the listener, and is not sent it
 * again until the resource changes. An agent that could not fetch a module does not try again either, when the registry
 * is back or has the image at last.
 */
const resendable: Readonly<Partial<Record<StandingKind, { most: number; why: string }>>> = {
  unreferenced: { most: 3, why: "have refused the listener with the plugin" },
  denying: { most: 1, why: "could not fetch the module" },
  bypassed: { most: 1, why: "could not fetch the module" },
};

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
    await bounds.assertWanted?.();
    if ([...stuckSince.values()].some((since) => now - since >= settleMillis)) return { end: "stuck", pods };
    if (now >= deadline) return { end: "timeout", pods };
    notice(pods, behind, now);
    // What a pod makes of the second delivery shows only after a while.
    if (await heal(behind)) stuckSince.clear();
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

/** Sends the plugin again when pods have needed it for a while, a few times and not at once; whether it did. */
function healer(resend: WaitBounds["resend"]): (behind: readonly SurveyedPod[]) => Promise<boolean> {
  let since: number | undefined;
  let resends = 0;
  return async (behind) => {
    const stranded = behind.filter(({ standing }) => resends < (resendable[standing.kind]?.most ?? 0));
    const [first] = stranded;
    const now = performance.now();
    if (first === undefined) since = undefined;
    else since ??= now;
    if (resend === undefined || first === undefined || since === undefined || now - since < resendMillis)
      return false;
    progress(`${stranded.length} pods ${resendable[first.standing.kind]?.why ?? ""}: sending it again`);
    await resend();
    resends += 1;
    since = undefined;
    return true;
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
