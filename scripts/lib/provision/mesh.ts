import { CliError } from "../cli.ts";
import { runToEnd } from "../process.ts";
import { provisionEnvoy } from "./envoy.ts";
import { istioSource, provisionIstiod, provisionPilotAgent } from "./istio.ts";
import { provisionApiServer, provisionEtcd } from "./kubernetes.ts";
import { provisionRegistry } from "./registry.ts";

/** How a program gets mounts of its own: as root, or as root of a user namespace of its own. */
export const ownMounts: readonly string[] =
  process.getuid?.() === 0 ? ["--mount"] : ["--user", "--map-root-user", "--mount"];

/** A CliError that says what to do when this machine can't give a program mounts of its own. */
export async function assertOwnMounts(): Promise<void> {
  const hint = "run it as root, on Linux, with util-linux; in a container, one with CAP_SYS_ADMIN";
  const tried = await runToEnd({
    name: "unshare",
    command: "unshare",
    args: [...ownMounts, "mount", "-t", "tmpfs", "tmpfs", "/var/lib"],
    timeoutMillis: 10_000,
  }).catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CliError(`each sidecar needs mounts of its own: ${reason}`, hint);
  });
  if (tried.code !== 0)
    throw new CliError(`each sidecar needs mounts of its own: ${tried.stderr.trim()}`, hint);
}

/**
 * Gets everything that a mesh is made of, one after the other: the builds share Go's caches, and each fills two cores.
 * What is there already takes no time. A CliError names what is missing and what to do.
 */
export async function provisionMesh(): Promise<void> {
  await assertOwnMounts();
  await provisionRegistry();
  await provisionEnvoy();
  await provisionEtcd();
  await provisionApiServer();
  await provisionIstiod();
  await provisionPilotAgent();
  await istioSource();
}
