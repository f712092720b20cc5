import { hostname } from "node:os";
import { CliError } from "../../../scripts/lib/cli.ts";
import { sleep } from "../../../scripts/lib/process.ts";
import { readConfigMap, writeConfigMap } from "../cluster/config-maps.ts";
import type { Cluster } from "../cluster/connect.ts";
import { ApiError } from "../cluster/failures.ts";

/** The right to drive a rollout, which one process has at a time. */
export interface Claim {
  /** Says that we live; to be called often. A CliError when another process has taken over. */
  renew(): Promise<void>;
  /** Lets others go on at once. */
  release(): Promise<void>;
}

interface Holding {
  readonly holder: string;
  readonly renewedAt: number;
  readonly resourceVersion: string | undefined;
}

/** Silent for longer, a process is taken for dead. Clocks of two machines may differ by half of it. */
const deadMillis = 15_000;
const renewMillis = 5000;
const pollMillis = 500;

/** Name of the ConfigMap that says which process drives the rollout of a plugin. */
export function claimName(plugin: string): string {
  return `${plugin}-rollout`;
}

/**
 * Takes the claim; waits until a process that does not answer any more counts as dead, and is refused with a CliError
 * where it lives. In a ConfigMap, for which the tool has rights anyway, and not in the plugin, each change of which
 * makes istiod push.
 */
export async function takeClaim(cluster: Cluster, plugin: string): Promise<Claim> {
  const holder = `${hostname()}:${process.pid}`;
  const first = await read(cluster, plugin);
  let seen = first;
  while (isAlive(seen, holder)) {
    if (seen.renewedAt !== first.renewedAt || seen.holder !== first.holder) {
      throw new CliError(
        `another process drives this rollout: ${seen.holder}`,
        "wait for it or stop it; tickgate rollout approve and abort speak to it",
      );
    }
    await sleep(pollMillis);
    seen = await read(cluster, plugin);
  }
  await write(cluster, plugin, holder, seen.resourceVersion);
  let renewed = Date.now();
  return {
    async renew() {
      if (Date.now() - renewed < renewMillis) return;
      const now = await read(cluster, plugin);
      if (now.holder !== holder) {
        throw new CliError(`process ${now.holder || "of somebody else"} has taken this rollout over`);
      }
      await write(cluster, plugin, holder, now.resourceVersion);
      renewed = Date.now();
    },
    async release() {
      const now = await read(cluster, plugin);
      if (now.holder === holder) await write(cluster, plugin, "", now.resourceVersion);
    },
  };
}

/** Whether a living process drives the rollout of this plugin. */
export async function isDriven(cluster: Cluster, plugin: string): Promise<boolean> {
  return isAlive(await read(cluster, plugin), "");
}

function isAlive({ holder, renewedAt }: Holding, self: string): boolean {
  if (holder === "" || holder === self || Date.now() - renewedAt > deadMillis) return false;
  const [host, pid] = holder.split(":");
  return host !== hostname() || isRunning(Number(pid));
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Not ours to signal, and alive.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

async function read(cluster: Cluster, plugin: string): Promise<Holding> {
  const { data, resourceVersion } = await readConfigMap(cluster, claimName(plugin));
  const at = Date.parse(data["renewedAt"] ?? "");
  return { holder: data["holder"] ?? "", renewedAt: Number.isNaN(at) ? 0 : at, resourceVersion };
}

async function write(
  cluster: Cluster,
  plugin: string,
  holder: string,
  resourceVersion: string | undefined,
): Promise<void> {
  const data = { holder, renewedAt: new Date().toISOString() };
  try {
    await writeConfigMap(cluster, claimName(plugin), { data, resourceVersion });
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 409) throw error;
    throw new CliError(
      `another process began to drive the rollout of ${plugin} at the same moment`,
      "tickgate rollout --resume goes on with it once that one has ended",
    );
  }
}
