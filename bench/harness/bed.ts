import { join } from "node:path";
import { CliError } from "../../scripts/lib/cli.ts";
import { startEnvoy, type RunningEnvoy } from "../../scripts/lib/envoy/run.ts";
import { temporaryDirectory, type TemporaryDirectory } from "../../scripts/lib/temporary.ts";
import { harnessConfig, type HarnessOptions, type Lane } from "./envoy-config.ts";
import { runLoad, userQuery, writePaths, type Load, type LoadResult } from "./load.ts";
import { chooseCores, cpuMicros, pin, type Cores } from "./machine.ts";
import { proveLanes } from "./proof.ts";
import type { Proof } from "./types.ts";

/** Compiling a VM for each listener takes a while. */
const readyMillis = 120_000;

/** How the requests of one block are sent; the rest is the lane's. */
export type Block = Pick<Load, "requests" | "connections" | "protocol"> &
  Partial<Pick<Load, "streams" | "paths" | "perSecond">>;

/** One block of requests and what they cost. */
export interface BlockResult extends LoadResult {
  /** CPU of all of Envoy's threads. */
  readonly cpuMicros: number;
  readonly microsPerRequest: number;
}

/** One Envoy with all lanes in it, held to its core, and the load beside it. */
export class TestBed {
  readonly envoy: RunningEnvoy;
  readonly cores: Cores;
  private readonly lanes: readonly Lane[];
  private readonly directory: TemporaryDirectory;
  private readonly sent = new Map<string, number>();
  private files = 0;
  private paths = "";

  private constructor(
    { lanes }: HarnessOptions,
    started: { readonly envoy: RunningEnvoy; readonly cores: Cores; readonly directory: TemporaryDirectory },
  ) {
    this.lanes = lanes;
    this.envoy = started.envoy;
    this.cores = started.cores;
    this.directory = started.directory;
  }

  /** Starts Envoy with `concurrency` workers (1). Pinned only where one core is enough for them. */
  static async start(options: HarnessOptions, concurrency = 1): Promise<TestBed> {
    const cores = concurrency === 1 ? await chooseCores() : {};
    const directory = await temporaryDirectory();
    try {
      const config = harnessConfig(options);
      const envoy = await startEnvoy({ config, concurrency, readyTimeoutMillis: readyMillis });
      const bed = new TestBed(options, { envoy, cores, directory });
      if (cores.envoy !== undefined) await pin(envoy.process.pid, cores.envoy);
      bed.paths = await bed.writeQueries(Array.from({ length: options.users }, (_, user) => userQuery(user)));
      return bed;
    } catch (error) {
      await directory.remove();
      throw error;
    }
  }

  /** A file for `Block.paths` that sends these queries instead of one for each user in turn. */
  writeQueries(queries: readonly string[]): Promise<string> {
    this.files += 1;
    return writePaths(join(this.directory.path, `paths-${this.files}`), queries);
  }

  /** Sends a block to a lane. With `warmUp`, answers may have another status than the arm's. */
  async run(lane: Lane, block: Block, { warmUp = false } = {}): Promise<BlockResult> {
    const load = { paths: this.paths, ...block, port: this.envoy.port(lane.name), operation: lane.name };
    const before = await cpuMicros(this.envoy.process.pid);
    const result = await runLoad(load, this.cores);
    const spent = (await cpuMicros(this.envoy.process.pid)) - before;
    const expected = result.byClass.get(Math.floor(lane.arm.status / 100)) ?? 0;
    if (!warmUp && expected !== block.requests) {
      const answers = [...result.byClass].map(([digit, count]) => `${count} ${digit}xx`).join(", ");
      throw new CliError(`${lane.name} was to answer ${lane.arm.status} each time, but answered ${answers}`);
    }
    this.sent.set(lane.name, (this.sent.get(lane.name) ?? 0) + expected);
    return { ...result, cpuMicros: spent, microsPerRequest: spent / block.requests };
  }

  /** Waits until the counters of all lanes show what was sent to them so far. */
  prove(lanes: readonly Lane[] = this.lanes): Promise<Map<string, Proof[]>> {
    return proveLanes(this.envoy.admin, lanes, this.sent);
  }

  async stop(): Promise<void> {
    await this.envoy.stop();
    await this.directory.remove();
  }
}
