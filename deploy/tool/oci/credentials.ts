import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { CliError } from "../../../scripts/lib/cli.ts";
import { wordsOf } from "../given-file.ts";
import { runToEnd } from "../../../scripts/lib/process.ts";

/** What a registry may be told of the caller: a name and a password, or a refresh token of its own. */
export type Credentials =
  | { readonly kind: "password"; readonly username: string; readonly password: string }
  | { readonly kind: "identity"; readonly token: string };

const helperMillis = 30_000;
const hubKey = "https://index.docker.io/v1/";
/** The user name with which a helper says that the secret is a refresh token. */
const tokenUser = "<token>";

interface AuthEntry {
  readonly auth?: string;
  readonly username?: string;
  readonly password?: string;
  readonly identitytoken?: string;
}

interface DockerConfig {
  readonly auths?: Readonly<Record<string, AuthEntry>>;
  readonly credHelpers?: Readonly<Record<string, string>>;
  readonly credsStore?: string;
}

/**
 * The credentials that `docker login` left for a registry: from the helper that config.json names, or from the file
 * itself. Undefined when there are none: the registry is asked anonymously. Error messages never hold a secret.
 */
export async function findCredentials(
  registry: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<Credentials | undefined> {
  const file = join(env["DOCKER_CONFIG"] ?? join(homedir(), ".docker"), "config.json");
  const config = await readDockerConfig(file);
  if (config === undefined) return undefined;
  const keys = keysOf(registry);
  const helper = keys.map((key) => config.credHelpers?.[key]).find((name) => name !== undefined);
  const program = helper ?? config.credsStore;
  if (program !== undefined && program !== "") {
    const found = await askHelper(program, keys[0] ?? registry, env);
    if (found !== undefined) return found;
  }
  const entry = keys.map((key) => config.auths?.[key]).find((one) => one !== undefined);
  return entry === undefined ? undefined : credentialsOf(entry, registry, file);
}

/** How registries are written in config.json; the first is what a helper is asked for. */
function keysOf(registry: string): string[] {
  if (registry === "docker.io" || registry === "index.docker.io")
    return [hubKey, "docker.io", "index.docker.io"];
  return [
    registry,
    `https://${registry}`,
    `https://${registry}/`,
    `https://${registry}/v2/`,
    `http://${registry}`,
  ];
}

async function readDockerConfig(file: string): Promise<DockerConfig | undefined> {
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw new CliError(`${file} can't be read: ${wordsOf(error)}`);
  });
  if (text === undefined) return undefined;
  try {
    const config: DockerConfig = JSON.parse(text);
    return config;
  } catch {
    // JSON.parse quotes the text around the fault, which may be a password.
    throw new CliError(`${file} is no JSON`, "`docker login` writes it anew");
  }
}

function credentialsOf(entry: AuthEntry, registry: string, file: string): Credentials | undefined {
  if (entry.identitytoken) return { kind: "identity", token: entry.identitytoken };
  if (entry.username !== undefined && entry.password !== undefined) {
    return { kind: "password", username: entry.username, password: entry.password };
  }
  if (!entry.auth) return undefined;
  const decoded = Buffer.from(entry.auth, "base64").toString("utf8");
  const colon = decoded.indexOf(":");
  if (colon === -1) throw new CliError(`${file}: auths["${registry}"].auth is not user:password in base64`);
  return {
    kind: "password",
    username: decoded.slice(0, colon),
    password: decoded.slice(colon + 1).replace(/\0+$/, ""),
  };
}

async function askHelper(
  name: string,
  server: string,
  env: NodeJS.ProcessEnv,
): Promise<Credentials | undefined> {
  const program = `docker-credential-${name}`;
  const answer = await runToEnd({
    name: program,
    command: program,
    args: ["get"],
    env,
    input: `${server}\n`,
    timeoutMillis: helperMillis,
  });
  if (answer.code !== 0) {
    // Helpers say so on stdout, and on nothing else.
    if (/credentials not found/i.test(answer.stdout + answer.stderr)) return undefined;
    throw new CliError(
      `${program} failed for ${server} (exit code ${answer.code})`,
      `echo ${server} | ${program} get`,
    );
  }
  const { username, secret } = readAnswer(answer.stdout, program);
  if (username === tokenUser) return { kind: "identity", token: secret };
  return { kind: "password", username, password: secret };
}

function readAnswer(text: string, program: string): { username: string; secret: string } {
  try {
    const { Username: username, Secret: secret }: { Username?: unknown; Secret?: unknown } = JSON.parse(text);
    if (typeof username === "string" && typeof secret === "string") return { username, secret };
  } catch {
    // The text may hold the secret: it is not shown.
  }
  throw new CliError(`${program} did not answer with a user name and a secret`);
}
