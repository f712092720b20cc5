import { readFile, writeFile } from "node:fs/promises";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { join } from "node:path";
import { waitFor, type Child } from "../../../scripts/lib/process.ts";
import { provisionApiServer, provisionEtcd } from "../../../scripts/lib/provision/kubernetes.ts";
import { answers } from "./answers.ts";
import { namedPorts } from "./ports.ts";
import type { Workspace } from "./workspace.ts";

/** Where an API server is and how its users are told it. */
export interface Kubernetes {
  /** Path of a kubeconfig of a user who may do everything. */
  readonly kubeconfig: string;
  /** The API server's own certificate for 127.0.0.1 and its key: paths, PEM. */
  readonly certificate: { readonly path: string; readonly key: string };
  /** Writes a kubeconfig for the bearer of a token and returns its path. */
  kubeconfigFor(user: string, token: string, namespace?: string): Promise<string>;
  /** Ends the API server as a crash would and starts it anew on the same port and store. */
  restart(): Promise<void>;
  /** Ends the API server; `restart` brings it back. */
  crash(): Promise<void>;
  stop(): Promise<void>;
}

const readyMillis = 60_000;

/** Starts etcd and kube-apiserver: RBAC, service accounts and every admission plugin that is on by default. */
export async function startKubernetes(workspace: Workspace): Promise<Kubernetes> {
  const [apiServer, etcdBinary] = [await provisionApiServer(), await provisionEtcd()];
  const ports = await namedPorts("etcd", "peers", "api");
  const folder = await workspace.folder("kubernetes");
  const token = randomBytes(16).toString("hex");
  const args = await apiServerArguments(folder, ports, token);
  const etcd = await startEtcd(workspace, etcdBinary.path, folder, ports);
  const start = (): Promise<Child> =>
    workspace.start({ name: "kube-apiserver", command: apiServer.path, args, cwd: folder });
  let child = await start();
  await whenReady(child, ports.api, token);
  const authority = await readFile(join(folder, "apiserver.crt"), "utf8");
  const server = `https://127.0.0.1:${ports.api}`;
  const kubeconfigFor: Kubernetes["kubeconfigFor"] = async (user, userToken, namespace = "default") => {
    const path = join(folder, `${user}.kubeconfig`);
    await writeFile(path, kubeconfig({ server, authority, user, token: userToken, namespace }), {
      mode: 0o600,
    });
    return path;
  };
  const crash = async (): Promise<void> => {
    // After SIGTERM, once etcd is gone, it was seen to hold its port for ten minutes.
    child.signal("SIGKILL");
    await child.exited;
  };
  return {
    kubeconfig: await kubeconfigFor("admin", token),
    certificate: { path: join(folder, "apiserver.crt"), key: join(folder, "apiserver.key") },
    kubeconfigFor,
    async restart() {
      await crash();
      child = await start();
      await whenReady(child, ports.api, token);
    },
    crash,
    async stop() {
      await crash();
      await etcd.stop(2000);
    },
  };
}

async function startEtcd(
  workspace: Workspace,
  command: string,
  folder: string,
  ports: { readonly etcd: number; readonly peers: number },
): Promise<Child> {
  const [client, peer] = [`http://127.0.0.1:${ports.etcd}`, `http://127.0.0.1:${ports.peers}`];
  const flags = {
    name: "only",
    "data-dir": join(folder, "etcd"),
    "listen-client-urls": client,
    "advertise-client-urls": client,
    "listen-peer-urls": peer,
    "initial-advertise-peer-urls": peer,
    "initial-cluster": `only=${peer}`,
    "log-level": "warn",
  };
  const args = [...flagsOf(flags), "--unsafe-no-fsync"];
  const child = await workspace.start({ name: "etcd", command, args, cwd: folder });
  await waitFor("etcd was healthy", () => answers(`${client}/health`), { child, timeoutMillis: readyMillis });
  return child;
}

async function apiServerArguments(
  folder: string,
  ports: { readonly etcd: number; readonly api: number },
  token: string,
): Promise<string[]> {
  const keys = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const [privateKey, publicKey, tokens] = ["sa.key", "sa.pub", "tokens.csv"].map((name) =>
    join(folder, name),
  );
  await Promise.all([
    writeFile(`${privateKey}`, keys.privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600 }),
    writeFile(`${publicKey}`, keys.publicKey.export({ type: "spki", format: "pem" })),
    writeFile(`${tokens}`, `${token},admin,admin,system:masters\n`, { mode: 0o600 }),
  ]);
  return flagsOf({
    "etcd-servers": `http://127.0.0.1:${ports.etcd}`,
    "bind-address": "127.0.0.1",
    "advertise-address": "127.0.0.1",
    "secure-port": String(ports.api),
    // It makes itself a certificate there.
    "cert-dir": folder,
    "token-auth-file": `${tokens}`,
    "authorization-mode": "RBAC",
    "anonymous-auth": "false",
    "service-account-issuer": "https://kubernetes.default.svc",
    "service-account-key-file": `${publicKey}`,
    "service-account-signing-key-file": `${privateKey}`,
    "service-cluster-ip-range": "10.96.0.0/16",
    "endpoint-reconciler-type": "none",
    "enable-priority-and-fairness": "false",
    profiling: "false",
  });
}

async function whenReady(child: Child, port: number, token: string): Promise<void> {
  const url = `https://127.0.0.1:${port}/readyz`;
  await waitFor("the API server was ready", () => answers(url, token), {
    child,
    timeoutMillis: readyMillis,
    intervalMillis: 100,
  });
}

function flagsOf(flags: Readonly<Record<string, string>>): string[] {
  return Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
}

function kubeconfig(options: {
  readonly server: string;
  readonly authority: string;
  readonly user: string;
  readonly token: string;
  readonly namespace: string;
}): string {
  const { server, authority, user, token, namespace } = options;
  const data = Buffer.from(authority).toString("base64");
  // JSON is YAML.
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "mesh", cluster: { server, "certificate-authority-data": data } }],
    users: [{ name: user, user: { token } }],
    contexts: [{ name: "mesh", context: { cluster: "mesh", user, namespace } }],
    "current-context": "mesh",
  });
}
