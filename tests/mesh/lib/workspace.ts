import { createWriteStream, mkdtempSync, rmSync, type WriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { progress } from "../../../scripts/lib/cli.ts";
import { startChild, type Child, type ChildOptions } from "../../../scripts/lib/process.ts";

/** Folder of one control plane: what its programs are given, what they keep, what they log. */
export class Workspace {
  readonly path: string;
  private readonly logs = new Set<WriteStream>();

  constructor() {
    this.path = mkdtempSync(join(tmpdir(), "tickgate-mesh-"));
    process.once("exit", (code) => {
      if (code === 0) rmSync(this.path, { recursive: true, force: true });
      else progress(`the mesh's logs are kept in ${this.path}`);
    });
  }

  /** A folder for one program. */
  async folder(...names: readonly string[]): Promise<string> {
    const path = join(this.path, ...names);
    await mkdir(path, { recursive: true });
    return path;
  }

  /** Starts a program whose output is kept in `<name>.log`. It knows nothing of this process's environment. */
  async start(options: ChildOptions): Promise<Child> {
    const log = createWriteStream(join(this.path, `${options.name}.log`), { flags: "a" });
    this.logs.add(log);
    const child = await startChild({
      ...options,
      env: { PATH: process.env["PATH"], HOME: this.path, ...options.env },
      onLine: (line, stream) => {
        log.write(`${line}\n`);
        options.onLine?.(line, stream);
      },
    });
    void child.exited.then(() => log.end());
    return child;
  }
}
