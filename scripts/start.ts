import { parseArgs } from "node:util";
import { CliError, progress, runCommand, withProgress } from "./lib/cli.ts";
import { deployed, deployedConfig, pluginConfig } from "./lib/envoy/deployed.ts";
import { startEnvoy, type RunningEnvoy } from "./lib/envoy/run.ts";
import type { Bootstrap } from "./lib/envoy/types.ts";
import { ensureFilter } from "./lib/filter-build.ts";
import { sleep, takeOverInterrupt, waitFor } from "./lib/process.ts";
import type { Metrics } from "./lib/prometheus.ts";
import { provisionEnvoy } from "./lib/provision/envoy.ts";
import type { Provisioned } from "./lib/provision/tool.ts";
import { countedRequests, isFlushed, summarise } from "./lib/summary.ts";
import { startTradingService } from "./sample/process.ts";
import { driveTraffic, type TrafficResult } from "./sample/traffic.ts";

const help = `Runs Tickgate in Envoy in front of a sample trading service, on free loopback ports, drives trading
traffic through it and shows what the filter did. Stays up with light traffic until Ctrl-C.

  npm start
  npm start -- --once

  --once         ten seconds of traffic, the summary, the end
  --seconds N    the same with N seconds (1..3600)
  --rate N       requests a second (default 400, 1..2000)
  --seed N       traffic and latencies are drawn from it (default 1)
  --verbose      show Envoy's log
  --help         this text

ENVOY_BIN names the Envoy to use; else it is looked for on PATH, else a pinned one is fetched into .tools/.
`;

const lightPerSecond = 20;
const burstSeconds = 10;

interface Options {
  readonly seconds: number;
  readonly staysUp: boolean;
  readonly perSecond: number;
  readonly seed: number;
  readonly verbose: boolean;
}

async function main(): Promise<number> {
  const options = readOptions();
  if (options === undefined) {
    process.stdout.write(help);
    return 0;
  }
  const module = await ensureFilter();
  const envoy = await provisionEnvoy();
  const service = await startTradingService(options.seed);
  try {
    const config = await deployedConfig(service.port);
    pluginConfig(config, deployed.listener).vm_config.code.local.filename = module;
    return await serve(config, envoy, options);
  } finally {
    await service.process.stop();
  }
}

async function serve(
  config: Bootstrap,
  { path, version, origin }: Provisioned,
  options: Options,
): Promise<number> {
  const envoy = await withProgress("Starting Envoy", () =>
    startEnvoy({
      config,
      binary: path,
      ...(options.verbose && { onLine: (line: string) => progress(line) }),
    }),
  );
  try {
    console.log(addresses(envoy, `Envoy ${version} (${origin === "pinned" ? "pinned" : path})`));
    return await drive(envoy, options);
  } finally {
    await envoy.stop();
  }
}

function readOptions(): Options | undefined {
  const { values } = parseArgs({
    options: {
      once: { type: "boolean", default: false },
      seconds: { type: "string" },
      rate: { type: "string", default: "400" },
      seed: { type: "string", default: "1" },
      verbose: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return undefined;
  return {
    seconds: values.seconds === undefined ? burstSeconds : wholeNumber("--seconds", values.seconds, 3600),
    staysUp: !values.once && values.seconds === undefined,
    perSecond: wholeNumber("--rate", values.rate, 2000),
    seed: wholeNumber("--seed", values.seed, 1_000_000_000),
    verbose: values.verbose,
  };
}

function wholeNumber(flag: string, text: string, most: number): number {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : 0;
  if (value < 1 || value > most) throw new CliError(`${flag} ${text} is not a whole number in 1..${most}`);
  return value;
}

function addresses(envoy: RunningEnvoy, title: string): string {
  const proxy = envoy.url(deployed.listener);
  const metrics = `${envoy.admin.url}/stats/prometheus`;
  return `
${title} with Tickgate
  proxy    ${proxy}
  admin    ${envoy.admin.url}
  metrics  ${metrics}

  curl -i -X POST -H 'x-user-id: me' -H 'x-trading-symbol: BTC-USD' -H 'x-order-type: limit' ${proxy}/api/v1/orders
  curl -s '${metrics}?filter=wasmcustom.trading_requests_total'
`;
}

async function drive(envoy: RunningEnvoy, options: Options): Promise<number> {
  const { seconds, perSecond, seed } = options;
  const signal = takeOverInterrupt();
  const port = envoy.port(deployed.listener);
  progress(`Driving ${perSecond} requests/s for ${seconds} s ...`);
  const result = await driveTraffic({ port, perSecond, seed, count: seconds * perSecond, signal });
  const metrics = await countedMetrics(envoy, result);
  const counted = countedRequests(metrics);
  console.log(`\n${result.sent} requests sent, ${counted} counted by the filter${remarks(result)}\n`);
  if (counted === 0) throw new CliError("the filter has counted no requests", "--verbose shows Envoy's log");
  console.log(summarise(metrics));
  if (options.staysUp && !signal.aborted) await stayUp(envoy, seed + 1, signal);
  return 0;
}

async function stayUp(envoy: RunningEnvoy, seed: number, interrupted: AbortSignal): Promise<void> {
  progress(`\nStaying up with ${lightPerSecond} requests/s. Ctrl-C ends it.`);
  const ended = new AbortController();
  void envoy.process.exited.then(() => ended.abort());
  const signal = AbortSignal.any([interrupted, ended.signal]);
  await driveTraffic({ port: envoy.port(deployed.listener), perSecond: lightPerSecond, seed, signal });
  if (!ended.signal.aborted) return;
  const { code, signal: cause } = await envoy.process.exited;
  throw new CliError(`Envoy ended unexpectedly (${cause ?? `code ${code}`})`, "--verbose shows its log");
}

function remarks({ skipped, statuses }: TrafficResult): string {
  const unanswered = statuses.get(0) ?? 0;
  const parts = [
    ...(unanswered > 0 ? [`${unanswered} got no answer`] : []),
    ...(skipped > 0 ? [`${skipped} not sent: this machine is too slow for the rate`] : []),
  ];
  return parts.length === 0 ? "" : ` (${parts.join("; ")})`;
}

/** The filter's metrics once they hold everything that was answered; what there is after a few seconds otherwise. */
async function countedMetrics(envoy: RunningEnvoy, { sent, statuses }: TrafficResult): Promise<Metrics> {
  const answered = sent - (statuses.get(0) ?? 0);
  const giveUp = performance.now() + 5000;
  return waitFor("the filter's metrics", async () => {
    const metrics = await envoy.admin.metrics("wasmcustom");
    const complete = countedRequests(metrics) >= answered && isFlushed(metrics);
    if (complete || performance.now() > giveUp) return metrics;
    await sleep(100);
    return undefined;
  });
}

await runCommand(main);
