import type { TestContext } from "node:test";
import { startLatencyService, type LatencyService } from "../../../bench/lib/latency-service.ts";
import {
  bootstrap,
  httpListener,
  loopbackCluster,
  statTag,
  type HttpListenerOptions,
} from "../../../scripts/lib/envoy/config.ts";
import { startEnvoy, type RunningEnvoy } from "../../../scripts/lib/envoy/run.ts";
import type { Cluster, HttpFilter } from "../../../scripts/lib/envoy/types.ts";
import { waitFor } from "../../../scripts/lib/process.ts";
import type { Metrics } from "../../../scripts/lib/prometheus.ts";
import { labels, tickgate } from "./gateway.ts";
import { accessLine, jsonLog, type AccessLine } from "./lines.ts";

/** A broken budget as the filter's log tells it; times in microseconds. */
export interface Violation {
  readonly budget: string;
  readonly share: string;
  readonly spent: number;
  readonly limit: number;
  readonly upstream: number;
  readonly proxy: number;
  readonly attempts: number;
  readonly id: string;
  readonly line: string;
}

/** What a test puts around the filter. */
export interface BudgetOptions {
  readonly configuration: Readonly<Record<string, unknown>>;
  /** Filters between ours and the router. */
  readonly after?: readonly HttpFilter[];
  readonly listener?: Partial<HttpListenerOptions>;
  readonly upstreamFields?: Readonly<Record<string, unknown>>;
  readonly http2Upstream?: boolean;
  readonly clusters?: readonly Cluster[];
  /** In place of the latency server. */
  readonly upstreamPort?: number;
}

const durations = {
  // A request without a body has ended when the filters see its headers: the nearest to our zero that Envoy notes.
  toUpstream: "DS_RX_END:US_TX_BEG",
  upstream: "US_TX_BEG:US_RX_BEG",
  upstreamWhole: "US_TX_BEG:US_RX_END",
  first: "DS_RX_BEG:DS_TX_BEG",
  whole: "DS_RX_BEG:DS_TX_END",
  handshake: "US_CX_BEG:US_HS_END",
} as const;

/** Tickgate in front of a latency server, with an access log of all of Envoy's own durations. */
export class BudgetGateway {
  readonly envoy: RunningEnvoy;
  readonly service: LatencyService;

  constructor(envoy: RunningEnvoy, service: LatencyService) {
    this.envoy = envoy;
    this.service = service;
  }

  get port(): number {
    return this.envoy.port("trading");
  }

  /** The violations that were logged so far. */
  violations(): Violation[] {
    return this.envoy.logs().flatMap((line) => parseViolation(line) ?? []);
  }

  /** Waits for the violation of a request. */
  violation(id: string): Promise<Violation> {
    return waitFor(`the violation of ${id}`, () => this.violations().find((one) => one.id === id), {
      child: this.envoy.process,
    });
  }

  /** Waits for what Envoy itself says of a request; times in microseconds, NaN where it has none. */
  async timesOf(id: string): Promise<Record<keyof typeof durations, number> & { readonly line: AccessLine }> {
    const line = await accessLine(this.envoy, id);
    const time = (name: keyof typeof durations): number => Number(line[name] ?? NaN);
    return {
      toUpstream: time("toUpstream"),
      upstream: time("upstream"),
      upstreamWhole: time("upstreamWhole"),
      first: time("first"),
      whole: time("whole"),
      handshake: time("handshake"),
      line,
    };
  }

  /** Waits until a budget has judged so many requests; its violations by share. */
  async counted(budget: string, requests: number): Promise<Record<string, number>> {
    const scrape = (): Promise<Metrics> => this.envoy.admin.metrics("wasmcustom");
    await waitFor(
      `${requests} requests of budget ${budget}`,
      async () => {
        const seen = await scrape();
        return seen.sum("trading_budget_requests_total", { budget }) >= requests ? true : undefined;
      },
      { child: this.envoy.process, intervalMillis: 50 },
    );
    // The scrape before may have fallen between two counters of one flush.
    const metrics = await scrape();
    const judged = metrics.sum("trading_budget_requests_total", { budget });
    if (judged !== requests) throw new Error(`${judged} requests were judged, ${requests} were sent`);
    const shares = metrics.sumBy("trading_budget_violations_total", "share", { budget });
    return Object.fromEntries([...shares].filter(([, count]) => count > 0));
  }
}

/** Starts the latency server and Envoy in front of it; both end with the test. */
export async function startBudgets(t: TestContext, options: BudgetOptions): Promise<BudgetGateway> {
  const service = await startLatencyService();
  t.after(() => service.process.stop());
  const configuration = {
    metrics: { filterState: true },
    violationLog: { perSecond: 1000 },
    ...options.configuration,
  };
  const port = options.upstreamPort ?? (options.http2Upstream ? service.http2Port : service.http1Port);
  const { http2Upstream: http2 = false, upstreamFields: fields = {} } = options;
  const listener = httpListener({
    name: "trading",
    target: { cluster: "service" },
    filters: [tickgate({ configuration }), ...(options.after ?? [])],
    accessLog: [budgetLog],
    ...options.listener,
  });
  const config = bootstrap({
    listeners: [listener],
    clusters: [loopbackCluster("service", port, { http2, fields }), ...(options.clusters ?? [])],
    stats: { stats_tags: labels.map(statTag) },
  });
  const envoy = await startEnvoy({ config, concurrency: 1 });
  t.after(() => envoy.stop());
  return new BudgetGateway(envoy, service);
}

const budgetLog = jsonLog({
  ...Object.fromEntries(
    Object.entries(durations).map(([name, points]) => [name, `%COMMON_DURATION(${points}:us)%`]),
  ),
  code: "%RESPONSE_CODE%",
  details: "%RESPONSE_CODE_DETAILS%",
  flags: "%RESPONSE_FLAGS%",
  attempts: "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
  broken: "%FILTER_STATE(wasm.trading_budget:PLAIN)%",
  verdict: "%FILTER_STATE(wasm.trading_verdict:PLAIN)%",
  announced: "%RESP(x-latency-budget)%",
  route: "%ROUTE_NAME%",
});

function parseViolation(line: string): Violation | undefined {
  const [, budget] = / budget (\S+) broken:/.exec(line) ?? [];
  if (budget === undefined) return undefined;
  const text = (name: string): string => new RegExp(` ${name}=(\\S+)`).exec(line)?.[1] ?? "";
  const micros = (name: string): number => Number(/^(\d+)us$/.exec(text(name))?.[1] ?? NaN);
  return {
    budget,
    share: text("share"),
    spent: micros("spent"),
    limit: micros("limit"),
    upstream: micros("upstream"),
    proxy: micros("proxy"),
    attempts: Number(text("attempts")),
    id: text("request_id"),
    line,
  };
}
