import { writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import { CliError } from "../../scripts/lib/cli.ts";
import { freePort } from "../../scripts/lib/ports.ts";
import { runToEnd, startChild, waitFor, type Finished } from "../../scripts/lib/process.ts";
import { findOnPath } from "../../scripts/lib/provision/provision.ts";
import { temporaryDirectory } from "../../scripts/lib/temporary.ts";

/** A series as Prometheus' API gives it: `__name__` among the labels. */
export interface ApiSeries {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** What is scraped: `address:port`, and the labels that its series get. */
export interface Target {
  readonly address: string;
  readonly labels?: Readonly<Record<string, string>>;
}

/** A Prometheus that scrapes its targets every half second. */
export interface RunningPrometheus {
  readonly url: string;
  /** An instant query. */
  query(expression: string): Promise<ApiSeries[]>;
}

const hint = "install Debian's package (apt-get install -y prometheus) or name the binary in PROMETHEUS_BIN";

/** Prometheus' binary: PROMETHEUS_BIN, else PATH. */
export async function prometheusBinary(): Promise<string> {
  const found = process.env["PROMETHEUS_BIN"] ?? (await findOnPath("prometheus", process.env));
  if (found === undefined) throw new CliError("there is no prometheus to test against", hint);
  return found;
}

/** Runs promtool, which lies beside Prometheus, with this text on its standard input. */
export async function promtool(args: readonly string[], input: string): Promise<Finished> {
  const directory = await temporaryDirectory();
  try {
    const file = join(directory.path, "input");
    await writeFile(file, input);
    const tool = join(dirname(await prometheusBinary()), "promtool");
    const command = `exec "$0" "$@" < '${file}'`;
    const all = ["-c", command, tool, ...args];
    return await runToEnd({ name: "promtool", command: "sh", args: all, timeoutMillis: 20_000 });
  } finally {
    await directory.remove();
  }
}

/** Starts a Prometheus that scrapes `/stats/prometheus` of these; it ends with the test. */
export async function startPrometheus(
  t: TestContext,
  targets: string | readonly Target[],
): Promise<RunningPrometheus> {
  const command = await prometheusBinary();
  const directory = await temporaryDirectory();
  const config = {
    global: { scrape_interval: "500ms", scrape_timeout: "500ms" },
    scrape_configs: [
      { job_name: "envoy", metrics_path: "/stats/prometheus", static_configs: staticConfigs(targets) },
    ],
  };
  const file = join(directory.path, "prometheus.yml");
  // JSON is YAML.
  await writeFile(file, JSON.stringify(config));
  const port = await freePort();
  const child = await startChild({
    name: "Prometheus",
    command,
    args: [
      `--config.file=${file}`,
      `--storage.tsdb.path=${join(directory.path, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    cwd: directory.path,
  });
  t.after(async () => {
    await child.stop();
    await directory.remove();
  });
  const url = `http://127.0.0.1:${port}`;
  await waitFor("Prometheus was ready", () => ready(url), { child, timeoutMillis: 30_000 });
  return { url, query: (expression) => query(url, expression) };
}

function staticConfigs(targets: string | readonly Target[]): object[] {
  const list = typeof targets === "string" ? [{ address: targets }] : targets;
  return list.map(({ address, labels = {} }: Target) => ({ targets: [address], labels }));
}

async function ready(url: string): Promise<true | undefined> {
  const response = await fetch(`${url}/-/ready`).catch(() => undefined);
  await response?.text();
  return response?.ok === true ? true : undefined;
}

interface QueryAnswer {
  readonly data: { readonly result: readonly { metric: Record<string, string>; value: [number, string] }[] };
}

async function query(url: string, expression: string): Promise<ApiSeries[]> {
  const response = await fetch(`${url}/api/v1/query?query=${encodeURIComponent(expression)}`);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const { data } = (await response.json()) as QueryAnswer;
  return data.result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
}
