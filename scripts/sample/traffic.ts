import { Agent, request } from "node:http";
import { sleep, waitFor } from "../lib/process.ts";
import { tradingTraffic, type TradingRequest } from "./traffic-mix.ts";

/** How much traffic to send, and where on loopback. It ends after `count` or when `signal` is aborted. */
export interface TrafficOptions {
  readonly port: number;
  readonly perSecond: number;
  readonly seed: number;
  readonly count?: number;
  readonly signal?: AbortSignal;
}

/** What came of it. */
export interface TrafficResult {
  readonly sent: number;
  /** Responses by status; 0 for a request that got none. */
  readonly statuses: ReadonlyMap<number, number>;
  /** Not sent because too many were under way. */
  readonly skipped: number;
}

const tickMillis = 10;
const maxInFlight = 200;
const requestTimeoutMillis = 5000;

/** Sends requests at a steady rate whether or not answers come (up to a bound), then waits for what is under way. */
export async function driveTraffic(options: TrafficOptions): Promise<TrafficResult> {
  const agent = new Agent({ keepAlive: true, maxSockets: maxInFlight });
  const traffic = tradingTraffic(options.seed);
  const statuses = new Map<number, number>();
  const total = options.count ?? Infinity;
  const start = performance.now();
  let inFlight = 0;
  let due = 0;
  let skipped = 0;
  const onAnswer = (status: number): void => {
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    inFlight -= 1;
  };
  while (due < total && options.signal?.aborted !== true) {
    const scheduled = Math.min(total, Math.ceil(((performance.now() - start) / 1000) * options.perSecond));
    for (; due < scheduled; due += 1) {
      const next = traffic.next().value;
      if (inFlight < maxInFlight) {
        inFlight += 1;
        send(next, options.port, agent, onAnswer);
      } else {
        skipped += 1;
      }
    }
    await sleep(tickMillis, options.signal);
  }
  const timeoutMillis = 2 * requestTimeoutMillis;
  await waitFor("the last answers", () => inFlight === 0 || undefined, { timeoutMillis });
  agent.destroy();
  return { sent: due - skipped, statuses, skipped };
}

/** Calls back once: with the status, or with 0 when there was no complete response. */
function send(next: TradingRequest, port: number, agent: Agent, onAnswer: (status: number) => void): void {
  const { method, path, headers, body } = next;
  const signal = AbortSignal.timeout(requestTimeoutMillis);
  let status = 0;
  const sent = request({ host: "127.0.0.1", port, method, path, headers, agent, signal }, (response) => {
    response.resume();
    response.once("end", () => {
      status = response.statusCode ?? 0;
    });
    response.once("error", () => undefined);
  });
  sent.once("error", () => undefined);
  sent.once("close", () => onAnswer(status));
  sent.end(body);
}
