import { Proxy, type HeaderValue } from "../../scripts/lib/emulator/index.ts";
import { NUMBER, type Scenario } from "./scenarios.ts";

/** What a request's life costs at the border between filter and host, on average. */
export interface Crossings {
  /** Calls by name. */
  readonly calls: Readonly<Record<string, number>>;
  readonly mallocs: number;
  readonly bytesCopied: number;
}

const TICK_MILLIS = 500;

/** Counts a scenario's crossings in the emulator. */
export function countCrossings(wasm: Uint8Array, scenario: Scenario): Crossings {
  const proxy = new Proxy();
  // The filter's hash is keyed by random bytes: the same ones here, so that counts repeat.
  proxy.faults.after("random_get", ({ vm, args }) => {
    vm.memory.writeBytes(Number(args[0]), new Uint8Array(Number(args[1])).fill(11));
  });
  const plugin = proxy.load({ wasm, configuration: scenario.configuration });
  const send = (headers: Scenario["headers"], number: number): void => {
    const digits = String(number).padStart(NUMBER.length, "0");
    const numbered = headers.map(([name, value]): [string, HeaderValue] => [
      name,
      value.replace(NUMBER, digits),
    ]);
    const { response, early, properties = {} } = scenario;
    plugin.worker().request({
      headers: numbered,
      properties,
      ...(early === true ? { earlyReply: { status: 403 } } : { upstream: { headers: response } }),
    });
  };
  for (let i = 0; i < scenario.warmUp; i++) send(scenario.warmHeaders ?? scenario.headers, i);
  proxy.advance(TICK_MILLIS);
  proxy.calls.reset();
  for (let i = 0; i < scenario.counted; i++) send(scenario.headers, i);
  const each = (count: number): number => Math.round((count / scenario.counted) * 1000) / 1000;
  const { calls } = proxy;
  return {
    calls: Object.fromEntries(Object.entries(calls.toRecord()).map(([name, count]) => [name, each(count)])),
    mallocs: each(calls.mallocs),
    bytesCopied: each(calls.bytesCopied),
  };
}
