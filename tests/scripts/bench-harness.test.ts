import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { PeerName } from "../../bench/harness/arm.ts";
import { armOf, arms } from "../../bench/harness/arms.ts";
import type { BlockResult } from "../../bench/harness/bed.ts";
import { numberList, wholeNumber } from "../../bench/harness/command.ts";
import { ratiosOf } from "../../bench/harness/cpu.ts";
import { harnessConfig, type Lane } from "../../bench/harness/envoy-config.ts";
import { h2loadArguments, parseH2load, userQuery } from "../../bench/harness/load.ts";
import { coresOf } from "../../bench/harness/machine.ts";
import { slopeOf } from "../../bench/harness/memory.ts";
import { podsNeeded } from "../../bench/harness/pods.ts";
import { proofsOf, wrongProofs } from "../../bench/harness/proof.ts";
import { measured, measuredDifference } from "../../bench/harness/rounds.ts";
import type { MemoryPoint } from "../../bench/harness/types.ts";
import { checkConfig } from "../../scripts/lib/config/check.ts";
import { connectionManager, pluginConfig } from "../../scripts/lib/envoy/deployed.ts";
import { isWasm } from "../../scripts/lib/envoy/wasm.ts";
import { root } from "../../scripts/lib/paths.ts";
import { parseMetrics } from "../../scripts/lib/prometheus.ts";

const peers = new Map<PeerName, string>([
  ["pass-through", "/p.wasm"],
  ["rust", "/r.wasm"],
  ["sdk", "/s.wasm"],
]);

function lanesOf(copies: number): Lane[] {
  return arms.map((arm) => ({ name: arm.id, arm, copies }));
}

function render(copies: number): ReturnType<typeof harnessConfig> {
  return harnessConfig({ lanes: lanesOf(copies), users: 7, module: "/m.wasm", peers });
}

test("a listener an arm, each with K copies of it between the same filters", () => {
  const config = render(3);
  const filters = (lane: string): string[] =>
    connectionManager(config, lane).http_filters.map(({ name }) => name);
  assert.deepEqual(
    config.static_resources.listeners.map(({ name }) => name),
    arms.map(({ id }) => id),
  );
  assert.deepEqual(filters("none"), ["from_query_u", "envoy.filters.http.router"]);
  assert.deepEqual(filters("none_again"), filters("none"));
  assert.deepEqual(filters("exact"), [
    "from_query_u",
    "tickgate_0",
    "tickgate_1",
    "tickgate_2",
    "envoy.filters.http.router",
  ]);
  for (const { id, family } of arms) {
    const copies = family === "empty" ? 0 : 3;
    assert.equal(filters(id).length, 2 + copies, id);
  }
  assert.equal(connectionManager(config, "native_stack").access_log?.length, 3);
  assert.equal(connectionManager(config, "native_limit").access_log, undefined);
});

for (const id of ["dimensions", "budgets", "exact", "leased", "denied"] as const) {
  test(`the filter's configuration of the arm ${id} is a valid one, with the labels of every peer`, () => {
    const checked = checkConfig(pluginConfig(render(2), id).configuration?.value ?? "");
    assert.ok(checked.ok);
    const labels = checked.config.dimensions?.map(({ label }) => label) ?? [];
    assert.deepEqual(labels, ["symbol", "order_type", "strategy_id"]);
    assert.deepEqual(checked.config.metrics?.durationLabels, [...labels, "operation"]);
  });
}

test("peers write the labels that ours writes", () => {
  const [logger] = connectionManager(render(1), "native_stack").access_log ?? [];
  const written: { counters: TaggedStat[]; histograms: TaggedStat[] } = JSON.parse(
    JSON.stringify(logger?.typed_config),
  );
  const labels = ["symbol", "order_type", "strategy_id", "operation"];
  assert.deepEqual(
    written.counters.map(({ stat }) => stat.tags.map(({ name }) => name)),
    [[...labels, "result"]],
  );
  assert.deepEqual(
    written.histograms.map(({ stat }) => stat.tags.map(({ name }) => name)),
    [labels],
  );
});

interface TaggedStat {
  readonly stat: { readonly tags: readonly { readonly name: string }[] };
}

test("copies of one listener share no bucket, and the SDK's no VM", () => {
  const config = render(2);
  const wasm = (lane: string): { vm?: string | undefined; configuration: string }[] =>
    connectionManager(config, lane).http_filters.flatMap(({ typed_config: typed }) => {
      if (!isWasm(typed)) return [];
      return [{ vm: typed.config.vm_config.vm_id, configuration: typed.config.configuration?.value ?? "" }];
    });
  const [first, second] = wasm("exact").map(({ configuration }) => JSON.parse(configuration).quotas[0].name);
  assert.notEqual(first, second);
  assert.deepEqual(
    wasm("rust").map(({ configuration }) => configuration),
    ["0.", "1."],
  );
  assert.deepEqual(
    wasm("sdk").map(({ vm }) => vm),
    ["sdk_0", "sdk_1"],
  );
});

test("every arm that leaves something out says so, and every arm has a proof", () => {
  for (const { id, leavesOut, proofs } of arms) {
    assert.notEqual(leavesOut.length, 0, id);
    assert.notEqual(proofs(id, 2).length, 0, id);
  }
});

test("a proof wants what was sent, times the copies, and fails on anything else", () => {
  const lane: Lane = { name: "rust", arm: armOf("rust"), copies: 8 };
  const labels = 'symbol="BTC-USD",order_type="limit",strategy_id="momentum-7",operation="rust"';
  const scrape = (counted: number): ReturnType<typeof parseMetrics> =>
    parseMetrics(
      `rust_requests_total{${labels},result="ok"} ${counted}\nrust_request_duration_us_count{${labels}} 80\n`,
    );
  const proofs = proofsOf(scrape(80), lane, 10);
  assert.deepEqual(
    proofs.map(({ expected, counted }) => [expected, counted]),
    [
      [80, 80],
      [80, 80],
    ],
  );
  assert.deepEqual(wrongProofs(new Map([["rust", proofs]])), []);
  const wrong = wrongProofs(new Map([["rust", proofsOf(scrape(79), lane, 10)]]));
  assert.equal(wrong.length, 1);
  assert.match(wrong[0] ?? "", /^ {2}rust: rust_requests_total\{.*\} is 79, not 80$/);
  const nothing = wrongProofs(new Map([["rust", proofsOf(parseMetrics(""), lane, 0)]]));
  assert.equal(nothing.length, 2, "an arm that was sent nothing has proved nothing");
});

test("costs are paired within a round and divided by the copies", () => {
  const difference = measuredDifference([100, 140, 90], [60, 92, 58], 8);
  assert.deepEqual(difference.each, [5, 6, 4]);
  assert.equal(difference.value, 5);
  assert.ok(difference.low <= difference.value && difference.value <= difference.high);
  assert.deepEqual(measured([3, 1, 2]).each, [3, 1, 2]);
  assert.equal(measured([3, 1, 2]).value, 2);
});

function blocks(micros: readonly number[]): BlockResult[] {
  const rest = { cpuMicros: NaN, seconds: NaN, perSecond: NaN, byClass: new Map(), command: "" };
  return micros.map((microsPerRequest) => Object.assign({ microsPerRequest }, rest));
}

test("ratios are of medians above the empty arm, and only of arms that were measured", () => {
  const ratios = ratiosOf(
    new Map([
      ["none", blocks([30, 60, 30])],
      ["exact", blocks([62, 92, 62])],
      ["native_stack", blocks([46, 76, 46])],
    ]),
  );
  const [ratio] = ratios;
  assert.deepEqual(
    ratios.map(({ arm, to }) => [arm, to]),
    [["exact", "native_stack"]],
  );
  assert.equal(ratio?.ratio.value, 2);
  assert.equal(ratio?.met, false);
});

test("pods: millicores x 1000 µs a second, divided by what a request costs, rounded up", () => {
  const question = { requestsPerSecond: 100_000, microsWithout: 100, microsWith: 125 };
  assert.deepEqual(podsNeeded(question, 100), {
    sidecarMillicores: 100,
    perPodWithout: 1000,
    perPodWith: 800,
    podsWithout: 100,
    podsWith: 125,
  });
  assert.equal(podsNeeded({ ...question, microsWith: 125.1 }, 100).podsWith, 126);
  assert.equal(podsNeeded(question, 500).podsWithout, 20);
});

function point(workers: number, without: number, withFilter: number): MemoryPoint {
  return { workers, withoutBytes: measured([without]), withBytes: measured([withFilter]) };
}

test("a VM's memory is the slope over the workers, not what the first one brings along", () => {
  assert.equal(slopeOf([point(1, 60, 82), point(2, 61, 85), point(4, 63, 91)]), 2);
  assert.ok(Number.isNaN(slopeOf([point(1, 60, 82)])));
});

const summary = (classes: string, failed = "0 failed, 0 errored, 0 timeout"): string =>
  `finished in 250.50ms, 7984.03 req/s, 1.12MB/s
requests: 2000 total, 2000 started, 2000 done, 2000 succeeded, ${failed}
status codes: ${classes}
`;

test("h2load's summary is read, and an answer missing is an error", () => {
  const result = parseH2load(summary("1990 2xx, 0 3xx, 10 4xx, 0 5xx"), 2000);
  assert.equal(result.seconds, 0.2505);
  assert.equal(result.perSecond, 7984.03);
  assert.deepEqual([result.byClass.get(2), result.byClass.get(4)], [1990, 10]);
  assert.throws(() => parseH2load(summary("1990 2xx, 0 3xx, 0 4xx, 0 5xx"), 2000), /1990 of 2000/);
  const late = summary("2000 2xx, 0 3xx, 0 4xx, 0 5xx", "1 failed, 1 errored, 0 timeout");
  assert.throws(() => parseH2load(late, 2000), /1 failed/);
  assert.throws(() => parseH2load("h2load: no", 1), /not as expected/);
});

test("a load is over HTTP/1.1 or HTTP/2, with the headers of an order", () => {
  const load = {
    port: 1,
    operation: "exact",
    requests: 9,
    connections: 4,
    protocol: "http1",
    paths: "/p",
  } as const;
  const line = h2loadArguments(load).join(" ");
  assert.match(line, /^--h1 -c 4 -n 9 -H x-trading-symbol: BTC-USD /);
  assert.match(line, / -H x-trading-operation: exact -B http:\/\/127\.0\.0\.1:1 -i \/p$/);
  assert.match(h2loadArguments({ ...load, protocol: "http2", streams: 3 }).join(" "), /^-m 3 -c 4/);
  assert.match(h2loadArguments({ ...load, perSecond: 1000 }).join(" "), / --rps 250 /);
  assert.equal(userQuery(42), "u=user-00000042");
});

test("the kernel's list of cores", () => {
  assert.deepEqual(coresOf("0-1,4"), [0, 1, 4]);
  assert.deepEqual(coresOf(""), []);
});

test("flags are whole numbers", () => {
  assert.equal(wholeNumber("--n", "12"), 12);
  for (const text of ["0", "-1", "1.5", "x", "9999999999"])
    assert.throws(() => wholeNumber("--n", text), /--n/);
  assert.deepEqual(numberList("--l", "0,100"), [0, 100]);
  assert.throws(() => numberList("--l", "1,,2"), /--l/);
});

test("the SDK's lockfile pins hashes and names no registry", async () => {
  const path = join(root, "bench", "harness", "peers", "sdk", "package-lock.json");
  const lock: { packages: Record<string, { integrity?: string; resolved?: string }> } = JSON.parse(
    await readFile(path, "utf8"),
  );
  for (const [name, entry] of Object.entries(lock.packages)) {
    assert.equal(entry.resolved, undefined, name);
    assert.ok(name === "" || entry.integrity?.startsWith("sha512-"), name);
  }
});
