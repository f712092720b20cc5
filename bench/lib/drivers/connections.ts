import { allowConnections, startCrowd } from "../crowd.ts";
import { population } from "../k6-distribution.ts";
import { filtered, settledMetrics, startFront } from "../k6-front.ts";
import { MemoryWatch } from "../k6-memory.ts";
import {
  commonVerdicts,
  drive,
  loadOf,
  parametersOf,
  warmUpSeconds,
  type Findings,
  type RunOptions,
  type Scenario,
} from "../k6-scenario.ts";
import type { Stage } from "../k6-stage.ts";
import { verdict } from "../k6-verdicts.ts";

/** k6 measures twice: alone, and with the crowd there. */
export const connections: Scenario = {
  name: "connections",
  question:
    "Ten thousand connections are open, each with a request now and then: what does somebody among them feel?",
  defaults: { ratePerSecond: 100, durationSeconds: 30, connections: 10_500 },
  run,
};

/** Each connection of the crowd has a request in so many seconds. */
const turnSeconds = 30;

async function run(stage: Stage, options: RunOptions): Promise<Findings> {
  const configuration = { quotas: [{ name: "per-user", key: ["user"], limit: 1000, window: "1s" }] };
  await allowConnections(options.connections);
  const envoy = await startFront(stage, configuration, options);
  const parameters = parametersOf(options, { filtered: envoy.url(filtered) });
  const watch = new MemoryWatch(envoy);
  const alone = await drive("connections", parameters);
  const perSecond = Math.max(1, options.connections / turnSeconds);
  const crowd = stage.own(
    await startCrowd({ port: envoy.port(filtered), connections: options.connections, perSecond }),
  );
  const among = await drive("connections", parameters);
  const active =
    (await envoy.admin.stats(`http.${filtered}.downstream_cx_active`)).values().next().value ?? NaN;
  const count = await crowd.disperse();
  const memory = await watch.end();
  const sent = alone.samples.sent() + among.samples.sent() + count.sent;
  const metrics = await settledMetrics(envoy, sent);
  const expected = options.ratePerSecond * (warmUpSeconds + options.durationSeconds);
  return {
    ...loadOf(among, options),
    populations: [
      population("alone", alone.samples.population("measured")),
      population(`among ${options.connections} connections`, among.samples.population("measured")),
    ],
    comparisons: [],
    series: [memory.resident, memory.allocated],
    verdicts: [
      ...commonVerdicts(among, expected),
      ...commonVerdicts(alone, expected),
      verdict("connections open at the end", [active, ">=", options.connections]),
      verdict("connections that closed", [count.closed, "==", 0]),
      verdict("requests of the crowd", [
        count.sent,
        ">=",
        Math.floor(0.9 * perSecond * options.durationSeconds),
      ]),
      verdict("answers to the crowd", [count.answered - count.refused, "==", count.sent]),
      verdict("requests that the filter counted", [metrics.sum("trading_requests_total"), "==", sent]),
    ],
    notes: [
      ...loadOf(among, options).notes,
      `the crowd sends ${perSecond.toFixed(0)} requests a second; ${count.busy} were not sent because the one before was under way`,
    ],
  };
}
