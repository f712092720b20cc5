import { performance } from "node:perf_hooks";
import { CliError, progress } from "../../../scripts/lib/cli.ts";
import { sleep } from "../../../scripts/lib/process.ts";
import type { Pod } from "../cluster/pods.ts";
import type { PodAccess } from "./access.ts";
import { readPodState } from "./state.ts";
import { mapLimited } from "./survey.ts";

/** A pod that still has a plugin, or can't be read. */
export interface Remaining {
  readonly pod: Pod;
  readonly reason: string;
}

const intervalMillis = 500;
const concurrency = 10;

/**
 * Waits until no listener of these pods uses the plugin any more. `pods` is asked anew every time, so that pods that go
 * away are not waited for. Returns the pods that are left when the time is up or `signal` is aborted.
 */
export async function waitUntilGone(
  scope: { readonly access: PodAccess; readonly name: string; readonly pods: () => Promise<readonly Pod[]> },
  { timeoutMillis, signal }: { readonly timeoutMillis: number; readonly signal: AbortSignal },
): Promise<readonly Remaining[]> {
  const deadline = performance.now() + timeoutMillis;
  let said = -1;
  for (;;) {
    const found = await mapLimited(await scope.pods(), concurrency, (pod) =>
      look(scope.access, pod, scope.name),
    );
    const remaining = found.filter((entry) => entry !== undefined);
    if (remaining.length === 0 || signal.aborted || performance.now() >= deadline) return remaining;
    if (remaining.length !== said) progress(`waiting: ${remaining.length} pods still have the plugin`);
    said = remaining.length;
    await sleep(intervalMillis, signal);
  }
}

async function look(access: PodAccess, pod: Pod, name: string): Promise<Remaining | undefined> {
  try {
    const { plugins, listeners } = await readPodState(access, pod, [name]);
    const plugin = plugins.find((entry) => entry.namespace === pod.namespace && entry.name === name);
    const used = plugin !== undefined && listeners.used.has(plugin.resource);
    return used ? { pod, reason: "still has it in its listeners" } : undefined;
  } catch (error) {
    if (error instanceof CliError) return { pod, reason: error.message };
    throw error;
  }
}
