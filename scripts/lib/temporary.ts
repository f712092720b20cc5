import { rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A directory that goes away with `remove()`, at the latest when this process exits. */
export interface TemporaryDirectory {
  readonly path: string;
  remove(): Promise<void>;
}

/** Creates an empty directory under the system's temporary one. */
export async function temporaryDirectory(): Promise<TemporaryDirectory> {
  const path = await mkdtemp(join(tmpdir(), "tickgate-"));
  const onExit = (): void => rmSync(path, { recursive: true, force: true });
  process.once("exit", onExit);
  return {
    path,
    async remove() {
      process.removeListener("exit", onExit);
      await rm(path, { recursive: true, force: true });
    },
  };
}
