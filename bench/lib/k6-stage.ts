import { temporaryDirectory } from "../../scripts/lib/temporary.ts";

/** Everything that a run has started; stopped in the reverse order. */
export class Stage {
  private readonly closers: (() => Promise<unknown>)[] = [];

  /** Stops it when the run is over. */
  own<T extends { stop(): Promise<unknown> }>(started: T): T {
    this.closers.push(() => started.stop());
    return started;
  }

  /** A directory that goes away with the stage. */
  async directory(): Promise<string> {
    const directory = await temporaryDirectory();
    this.closers.push(() => directory.remove());
    return directory.path;
  }

  async close(): Promise<void> {
    for (const close of this.closers.splice(0).toReversed()) await close();
  }
}
