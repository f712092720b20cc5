import { readdir, readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { CliError } from "../../scripts/lib/cli.ts";
import { runToEnd } from "../../scripts/lib/process.ts";

/** Cores for Envoy and for everything else; both undefined where there is only one. */
export interface Cores {
  readonly envoy?: number;
  readonly load?: number;
}

/** The last core that this process may use for Envoy, the first for the load. */
export async function chooseCores(): Promise<Cores> {
  requireLinux();
  const status = await readFile("/proc/self/status", "utf8");
  const cores = coresOf(/^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1] ?? "");
  const [load, envoy] = [cores[0], cores.at(-1)];
  if (load === undefined || envoy === undefined || load === envoy || availableParallelism() < 2) return {};
  return { envoy, load };
}

/** The numbers of a kernel's list, such as `0-1,4`. */
export function coresOf(list: string): number[] {
  return [...list.matchAll(/(\d+)(?:-(\d+))?/g)].flatMap(([, from, to]) => {
    const [first, last] = [Number(from), Number(to ?? from)];
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}

/** Holds all threads of a process to one core. */
export async function pin(pid: number, core: number): Promise<void> {
  const args = ["--all-tasks", "--cpu-list", "--pid", String(core), String(pid)];
  const result = await runToEnd({ name: "taskset", command: "taskset", args, timeoutMillis: 10_000 });
  if (result.code !== 0) throw new CliError(`taskset failed: ${result.stderr.trim()}`);
}

/** CPU time that all threads of a process have had, in microseconds, to the nanosecond. */
export async function cpuMicros(pid: number): Promise<number> {
  requireLinux();
  const tasks = await readdir(`/proc/${pid}/task`);
  const times = await Promise.all(
    tasks.map(async (task) => {
      const text = await readFile(`/proc/${pid}/task/${task}/schedstat`, "utf8").catch(() => "0");
      return Number(text.split(" ")[0]);
    }),
  );
  return times.reduce((total, nanos) => total + nanos, 0) / 1000;
}

/** Resident size of a process. */
export async function residentBytes(pid: number): Promise<number> {
  requireLinux();
  const kilobytes = /^VmRSS:\s*(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, "utf8"))?.[1];
  if (kilobytes === undefined) throw new CliError(`process ${pid} has no resident size: it has ended`);
  return Number(kilobytes) * 1024;
}

function requireLinux(): void {
  if (process.platform !== "linux") {
    throw new CliError("CPU and memory of a process are read from /proc", "run the benches on Linux");
  }
}
