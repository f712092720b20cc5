import type { Response } from "undici";
import { CliError } from "../../../scripts/lib/cli.ts";
import { parseChallenges, type Challenge } from "./challenge.ts";
import type { Credentials } from "./credentials.ts";
import { isLoopback } from "./reference.ts";
import type { Transport } from "./transport.ts";

/** Who asks for what: the registry and the scope of a token, `repository:team/tickgate:pull,push`. */
export interface AuthorizerOptions {
  readonly registry: string;
  readonly scope: string;
  readonly credentials: Credentials | undefined;
  /** Whether secrets may go over plain HTTP to another machine, since the registry itself is reached so. */
  readonly insecureRemote: boolean;
}

/** Answers a registry's challenges, and keeps the answer for the requests that follow. */
export class Authorizer {
  private readonly options: AuthorizerOptions;
  private readonly transport: Transport;
  private readonly secrets: string[] = [];
  private header: string | undefined;

  constructor(transport: Transport, options: AuthorizerOptions) {
    this.transport = transport;
    this.options = options;
    const { credentials } = options;
    if (credentials?.kind === "password") this.secrets.push(credentials.password, basic(credentials));
    if (credentials?.kind === "identity") this.secrets.push(credentials.token);
  }

  /** Headers that prove who we are, none before the registry has asked. */
  get headers(): Record<string, string> {
    return this.header === undefined ? {} : { authorization: this.header };
  }

  /** Text of a registry, without any secret that it may have repeated. */
  withoutSecrets(text: string): string {
    return this.secrets
      .filter((secret) => secret !== "")
      .reduce((safe, secret) => safe.replaceAll(secret, "***"), text);
  }

  /** Takes up the challenge of a 401. False when nothing was asked that we can answer, or the answer was no good. */
  async answer(response: Response): Promise<boolean> {
    if (this.header !== undefined) return false;
    const challenges = parseChallenges(response.headers.get("www-authenticate") ?? "");
    const bearer = challenges.find(({ scheme }) => scheme === "bearer");
    const { credentials } = this.options;
    if (bearer !== undefined) {
      const token = await this.fetchToken(bearer);
      this.secrets.push(token);
      this.header = `Bearer ${token}`;
      return true;
    }
    if (!challenges.some(({ scheme }) => scheme === "basic") || credentials?.kind !== "password")
      return false;
    this.header = `Basic ${basic(credentials)}`;
    return true;
  }

  private async fetchToken({ parameters }: Challenge): Promise<string> {
    const { registry, credentials, scope } = this.options;
    const realm = this.checkedRealm(parameters["realm"] ?? "");
    const what = `token from ${realm.host}`;
    const fields = { ...(parameters["service"] ? { service: parameters["service"] } : {}), scope };
    const response =
      credentials?.kind === "identity"
        ? await this.transport.send(what, realm.href, {
            method: "POST",
            headers: { "content-type": "application/x-www-form-urlencoded" },
            body: new URLSearchParams({
              ...fields,
              grant_type: "refresh_token",
              client_id: "tickgate",
              refresh_token: credentials.token,
            }).toString(),
          })
        : await this.transport.send(what, withQuery(realm, fields), {
            headers: credentials === undefined ? {} : { authorization: `Basic ${basic(credentials)}` },
          });
    const text = await response.text();
    const token = response.ok ? tokenIn(text) : undefined;
    if (token !== undefined) return token;
    const who =
      credentials === undefined ? "anonymously" : "with the credentials of the Docker configuration";
    const message = response.ok ? "the answer holds no token" : `${response.status}`;
    throw new CliError(`registry ${registry}: ${what}, asked ${who}: ${message}`, `docker login ${registry}`);
  }

  /** The address of the token service. It is the registry that names it: credentials go there encrypted or not at all. */
  private checkedRealm(text: string): URL {
    const { registry, credentials, insecureRemote } = this.options;
    const realm = URL.canParse(text) ? new URL(text) : undefined;
    if (realm?.protocol === "https:") return realm;
    const harmless =
      realm !== undefined && (isLoopback(realm.host) || insecureRemote || credentials === undefined);
    if (realm?.protocol === "http:" && harmless) return realm;
    throw new CliError(`registry ${registry}: its token service "${text}" is no https:// address`);
  }
}

function basic(credentials: Credentials): string {
  if (credentials.kind !== "password") return "";
  return Buffer.from(`${credentials.username}:${credentials.password}`).toString("base64");
}

function withQuery(realm: URL, fields: Readonly<Record<string, string>>): string {
  const url = new URL(realm);
  for (const [name, value] of Object.entries(fields)) url.searchParams.set(name, value);
  return url.href;
}

function tokenIn(text: string): string | undefined {
  try {
    const { token, access_token: accessToken }: { token?: unknown; access_token?: unknown } =
      JSON.parse(text);
    if (typeof token === "string" && token !== "") return token;
    return typeof accessToken === "string" && accessToken !== "" ? accessToken : undefined;
  } catch {
    return undefined;
  }
}
