import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { CliError } from "../../../scripts/lib/cli.ts";
import { runToEnd } from "../../../scripts/lib/process.ts";
import { temporaryDirectory } from "../../../scripts/lib/temporary.ts";

/** Paths of a certificate and its key, PEM. */
export interface Certificate {
  readonly certificate: string;
  readonly key: string;
}

/** A certificate authority of one test, by the openssl command line. */
export class Authority {
  /** Path of its own certificate, PEM. */
  readonly root: string;
  private readonly directory: string;
  private issued = 0;

  constructor(directory: string) {
    this.directory = directory;
    this.root = join(directory, "root.pem");
  }

  /** Issues a certificate whose only subject alternative name is this URI. */
  issue(uri: string): Promise<Certificate> {
    return this.issueFor(`URI:${uri}`);
  }

  /** Issues a certificate for a subject alternative name as openssl writes it: `URI:spiffe://a/b`, `IP:127.0.0.1`. */
  async issueFor(name: string): Promise<Certificate> {
    this.issued += 1;
    const path = (suffix: string): string => join(this.directory, `leaf-${this.issued}.${suffix}`);
    await writeFile(path("ext"), `subjectAltName=critical,${name}\n`);
    await openssl("req", "-new", ...newKey, "-keyout", path("key"), "-out", path("csr"), "-subj", "/O=leaf");
    const authority = ["-CA", this.root, "-CAkey", join(this.directory, "root.key")];
    const serial = ["-set_serial", String(this.issued + 1), "-days", "2"];
    const files = ["-in", path("csr"), "-extfile", path("ext"), "-out", path("pem")];
    await openssl("x509", "-req", ...authority, ...serial, ...files);
    return { certificate: path("pem"), key: path("key") };
  }
}

const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

/** Makes an authority in a directory that goes with the test. */
export async function makeAuthority(t: TestContext): Promise<Authority> {
  const directory = await temporaryDirectory();
  t.after(() => directory.remove());
  const authority = new Authority(directory.path);
  const key = join(directory.path, "root.key");
  await openssl(
    "req",
    "-x509",
    ...newKey,
    "-keyout",
    key,
    "-out",
    authority.root,
    "-subj",
    "/O=root",
    "-days",
    "2",
  );
  if (!(await readFile(authority.root, "utf8")).startsWith("-----BEGIN CERTIFICATE"))
    throw new CliError("openssl wrote no certificate");
  return authority;
}

async function openssl(...args: readonly string[]): Promise<void> {
  const result = await runToEnd({ name: "openssl", command: "openssl", args, timeoutMillis: 20_000 });
  if (result.code !== 0) throw new CliError(`openssl ${args.join(" ")} failed:\n${result.stderr.trim()}`);
}
