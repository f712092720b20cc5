import { Agent, request } from "node:http";
import {
  accessLog,
  bootstrap,
  httpListener,
  loopbackCluster,
  statTag,
} from "../../scripts/lib/envoy/config.ts";
import { startEnvoy, type RunningEnvoy } from "../../scripts/lib/envoy/run.ts";
import { wasmFilter } from "../../scripts/lib/envoy/wasm.ts";
import { filterModule } from "../../scripts/lib/paths.ts";
import { waitFor } from "../../scripts/lib/process.ts";
import type { Metrics } from "../../scripts/lib/prometheus.ts";
import type { Judged } from "./budget-judge.ts";
import { startLatencyService } from "./latency-service.ts";

/** How many requests, and how they are spread around the limit. */
export interface RunOptions {
  readonly requests: number;
  readonly limitMicros: number;
  /** Waits of the upstream in whole milliseconds; its timer adds up to one more. */
  readonly waits: readonly [least: number, most: number];
  readonly concurrency: number;
}

/** All requests as the clocks saw them, and what the counters say. */
export interface RunResult {
  readonly judged: readonly Judged[];
  readonly countedRequests: number;
  readonly countedViolations: number;
  readonly loggedViolations: number;
}

/** Sends requests through Envoy to an upstream of random latency, and gathers what every clock says of them. */
export async function runAroundLimit(options: RunOptions): Promise<RunResult> {
  const service = await startLatencyService();
  const envoy = await startBudgetEnvoy(service.http1Port, options.limitMicros).catch(
    async (error: unknown) => {
      await service.process.stop();
      throw error;
    },
  );
  try {
    await drive(envoy.port("trading"), options);
    const lines = await waitForLines(envoy, options.requests);
    const visits = new Map((await service.takeVisits()).map((visit) => [visit.id, visit]));
    const judged = lines.map((line): Judged => {
      const visit = visits.get(line.id ?? "");
      return {
        id: line.id ?? "",
        flagged: line.broken === "around",
        spent: Number(/;spent=(\d+)/.exec(line.announced ?? "")?.[1]),
        untilUpstream: Number(line.untilUpstream),
        untilDownstream: Number(line.untilDownstream),
        upstream: (visit?.answeredMicros ?? NaN) - (visit?.receivedMicros ?? NaN),
      };
    });
    return { judged, ...(await counted(envoy, options.requests)) };
  } finally {
    await envoy.stop();
    await service.process.stop();
  }
}

function startBudgetEnvoy(upstreamPort: number, limitMicros: number): Promise<RunningEnvoy> {
  const configuration = {
    budgets: [{ name: "around", limit: `${limitMicros}us`, announce: true }],
    metrics: { filterState: true },
    violationLog: { perSecond: 1000 },
  };
  const listener = httpListener({
    name: "trading",
    target: { cluster: "service" },
    filters: [wasmFilter({ module: filterModule, configuration })],
    accessLog: [
      accessLog({
        id: "%REQ(x-request-id)%",
        broken: "%FILTER_STATE(wasm.trading_budget:PLAIN)%",
        announced: "%RESP(x-latency-budget)%",
        untilUpstream: "%COMMON_DURATION(DS_RX_BEG:US_RX_BEG:us)%",
        untilDownstream: "%COMMON_DURATION(DS_RX_BEG:DS_TX_BEG:us)%",
      }),
    ],
  });
  const config = bootstrap({
    listeners: [listener],
    clusters: [loopbackCluster("service", upstreamPort)],
    stats: { stats_tags: ["budget", "share", "reason"].map(statTag) },
  });
  return startEnvoy({ config, concurrency: 1 });
}

/** Keeps `concurrency` requests under way until all are answered. */
async function drive(
  port: number,
  { requests, waits: [least, most], concurrency }: RunOptions,
): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: concurrency });
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < requests) {
      const id = next;
      next += 1;
      await send(port, agent, {
        "x-request-id": `r${id}`,
        "x-wait-ms": String(least + (id % (most - least + 1))),
      });
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  agent.destroy();
}

function send(port: number, agent: Agent, headers: Record<string, string>): Promise<void> {
  return new Promise((resolve, reject) => {
    request({ port, host: "127.0.0.1", agent, headers }, (response) => response.resume().once("end", resolve))
      .once("error", reject)
      .end();
  });
}

type Line = Readonly<Record<string, string | undefined>>;

function waitForLines(envoy: RunningEnvoy, count: number): Promise<Line[]> {
  return waitFor(
    `${count} access log lines`,
    () => {
      const lines = envoy.logs().filter((line) => line.startsWith("{"));
      return lines.length < count ? undefined : lines.map((line): Line => JSON.parse(line));
    },
    { child: envoy.process, intervalMillis: 100 },
  );
}

async function counted(envoy: RunningEnvoy, requests: number): Promise<Omit<RunResult, "judged">> {
  const scrape = (): Promise<Metrics> => envoy.admin.metrics("wasmcustom");
  await waitFor("the budget's counters", async () =>
    (await scrape()).sum("trading_budget_requests_total") >= requests ? true : undefined,
  );
  // The scrape before may have fallen between two counters of one flush.
  const metrics = await scrape();
  return {
    countedRequests: metrics.sum("trading_budget_requests_total"),
    countedViolations: metrics.sum("trading_budget_violations_total"),
    loggedViolations: envoy.logs().filter((line) => line.includes("budget around broken:")).length,
  };
}
