import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import fc from "fast-check";
import { adviseConfig } from "../../deploy/tool/config/advice.ts";
import { reservationOf } from "../../deploy/tool/config/series.ts";
import { checkConfig } from "../../scripts/lib/config/check.ts";
import type { Config, QuotaConfig } from "../../scripts/lib/config/types.ts";
import { Proxy } from "../../scripts/lib/emulator/index.ts";
import { filterModule } from "../../scripts/lib/paths.ts";

/** Paths of the warnings about a configuration. */
function warned(config: Config): string[] {
  assert.deepEqual(checkConfig(JSON.stringify(config)), { ok: true, config });
  return adviseConfig(config).map(({ path }) => path);
}

const quiet = { trustedPeers: ["spiffe://mesh/ns/edge/sa/gateway"], dimensions: [] };

const operations = [
  { name: "place_order", method: "POST", path: "/orders" },
  { name: "quote", method: "GET", pathPrefix: "/quotes/" },
];

for (const [name, config, expected] of [
  ["no quotas, nothing unlimited", { operations }, []],
  [
    "an operation without a quota",
    { operations, quotas: [{ name: "a", operations: ["quote"], limit: 1 }] },
    ["operations[0]"],
  ],
  [
    "an operation with a shadow quota only",
    {
      operations,
      quotas: [
        { name: "a", operations: ["quote"], limit: 1 },
        { name: "b", operations: ["place_order"], limit: 1, mode: "shadow" },
      ],
    },
    ["operations[0]"],
  ],
  ["a quota for all", { operations, quotas: [{ name: "a", limit: 1 }] }, []],
  [
    "an operation that the header names",
    { operations: [{ name: "quote" }], quotas: [{ name: "a", operations: ["quote"], limit: 1 }] },
    ["quotas[0].operations"],
  ],
  [
    "a rule behind one that takes all",
    {
      operations: [
        { name: "all", pathPrefix: "/" },
        { name: "quote", method: "GET", path: "/q" },
      ],
    },
    ["operations[1]"],
  ],
  [
    "a rule behind one of another method",
    {
      operations: [
        { name: "all", method: "PUT", pathPrefix: "/" },
        { name: "quote", method: "GET", path: "/q" },
      ],
    },
    [],
  ],
  ["anyone is believed", { trustedPeers: ["*"] }, ["trustedPeers"]],
  ["observe", { mode: "observe" }, ["mode"]],
  [
    "a budget below the proxy",
    {
      budgets: [
        { name: "b", limit: "49us" },
        { name: "c", limit: "50us" },
      ],
    },
    ["budgets[0].limit"],
  ],
  ["a label without a cap", { dimensions: [{ label: "desk", header: "x-desk" }] }, ["dimensions[0]"]],
  [
    "a label with more values than series",
    { dimensions: [{ label: "desk", header: "x-desk", maxValues: 1000 }], metrics: { maxSeries: 1000 } },
    ["dimensions[0].maxValues"],
  ],
  ["a tag of the mesh", { dimensions: [{ label: "cache", header: "x-c", maxValues: 3 }] }, ["dimensions"]],
  ["too few series", { operations, metrics: { maxSeries: 40 } }, ["metrics.maxSeries"]],
] satisfies [string, Config, string[]][]) {
  test(`warnings: ${name}`, () => assert.deepEqual(warned({ ...quiet, ...config }), expected));
}

for (const [name, quotas, expected] of [
  [
    "the looser of two",
    [
      { name: "a", limit: 5 },
      { name: "b", limit: 6 },
    ],
    ["quotas[1]"],
  ],
  [
    "the later of two that are equal",
    [
      { name: "a", limit: 5 },
      { name: "b", limit: 5 },
    ],
    ["quotas[1]"],
  ],
  [
    "not with a smaller burst",
    [
      { name: "a", limit: 5 },
      { name: "b", limit: 6, burst: 4 },
    ],
    [],
  ],
  [
    "another window",
    [
      { name: "a", limit: 60, window: "1m", burst: 2 },
      { name: "b", limit: 2 },
    ],
    ["quotas[1]"],
  ],
  [
    "a key that splits the other's buckets",
    [
      { name: "a", key: [], limit: 5 },
      { name: "b", limit: 9 },
    ],
    ["quotas[1]"],
  ],
  [
    "not a key that joins them",
    [
      { name: "a", limit: 5 },
      { name: "b", key: [], limit: 9 },
    ],
    [],
  ],
  [
    "fewer operations",
    [
      { name: "b", operations: ["quote"], limit: 9 },
      { name: "a", limit: 5 },
    ],
    ["quotas[0]"],
  ],
  [
    "not more operations",
    [
      { name: "a", operations: ["quote"], limit: 5 },
      { name: "b", limit: 9 },
    ],
    [],
  ],
  [
    "not behind a shadow",
    [
      { name: "a", mode: "shadow", limit: 5 },
      { name: "b", limit: 9 },
    ],
    [],
  ],
  [
    "not behind leases",
    [
      { name: "a", precision: { lease: 2 }, limit: 5 },
      { name: "b", limit: 9 },
    ],
    [],
  ],
  [
    "not with a cost of its own",
    [
      { name: "a", limit: 5 },
      { name: "b", limit: 9, cost: { header: "x-n", max: 3 } },
    ],
    [],
  ],
  [
    "not where a tier is stricter",
    [
      { name: "a", limit: 5 },
      { name: "b", limit: 9, tiers: { low: { limit: 1 } } },
    ],
    [],
  ],
] satisfies [string, QuotaConfig[], string[]][]) {
  test(`a quota without effect: ${name}`, () => {
    const paths = warned({ ...quiet, operations: [{ name: "quote", path: "/q" }], quotas });
    assert.deepEqual(
      paths.filter((path) => path.startsWith("quotas")),
      expected,
    );
  });
}

const rates = {
  limit: fc.integer({ min: 1, max: 6 }),
  burst: fc.integer({ min: 3, max: 6 }),
  window: fc.constantFrom("1s", "2s"),
};
const quota = fc.record(
  {
    ...rates,
    key: fc.constantFrom([], ["user"], ["user", "operation"]),
    tiers: fc.record({ gold: fc.record(rates) }),
    operations: fc.constantFrom(["quote"], ["place_order", "quote"]),
    cost: fc.constant({ header: "x-cost", max: 3 }),
  },
  { requiredKeys: ["limit", "burst", "window", "key"] },
);
const visit = fc.record({
  user: fc.constantFrom("u1", "u2"),
  tier: fc.constantFrom("gold", ""),
  path: fc.constantFrom("/orders", "/quotes/a", "/else"),
  cost: fc.constantFrom("1", "2", "3"),
  pauseMillis: fc.constantFrom(0, 0, 50, 400),
});

/** A quota, and one like it with a little more of everything: the rules for tiers, costs and keys still decide. */
const pair = fc.tuple(quota, quota, fc.nat(3), fc.nat(3)).map(([one, { key }, limit, burst]) => {
  const more = { limit: one.limit + limit, burst: one.burst + burst };
  const { tiers } = one;
  const gold = tiers && { ...tiers.gold, limit: tiers.gold.limit + limit, burst: tiers.gold.burst + burst };
  const looser: typeof one = Object.assign({}, one, more, { key }, gold && { tiers: { gold } });
  return (limit + burst) % 2 === 0 ? ([one, looser] as const) : ([looser, one] as const);
});

type Visit = typeof visit extends fc.Arbitrary<infer T> ? T : never;

/** Statuses of the visits under some quotas, one after the other. */
function statuses(wasm: Uint8Array, quotas: readonly QuotaConfig[], visits: readonly Visit[]): number[] {
  const proxy = new Proxy();
  const loaded = proxy.load({ wasm, configuration: { operations, quotas } });
  return visits.map(({ user, tier, path, cost, pauseMillis }) => {
    proxy.advance(pauseMillis);
    const who = { "x-user-id": user, "x-user-tier": tier, "x-cost": cost };
    const method = path === "/orders" ? "POST" : "GET";
    return loaded.worker(0).request({ headers: { ":method": method, ":path": path, ...who } }).status ?? 0;
  });
}

test("without a quota that is said to have no effect the filter decides the same", async () => {
  const wasm = await readFile(filterModule);
  let said = 0;
  let refused = 0;
  fc.assert(
    fc.property(pair, fc.array(visit, { minLength: 40, maxLength: 60 }), ([one, other], visits) => {
      const quotas = [
        { ...one, name: "first" },
        { ...other, name: "second" },
      ];
      const useless = shadowedOf({ operations, quotas });
      if (useless.length === 0) return;
      said += 1;
      const whole = statuses(wasm, quotas, visits);
      const rest = quotas.filter((_, index) => !useless.includes(index));
      assert.deepEqual(whole, statuses(wasm, rest, visits));
      refused += whole.filter((status) => status === 429).length;
    }),
    { numRuns: 400, seed: 7 },
  );
  assert.ok(said >= 30, `only ${said} of the pairs shadow each other`);
  assert.ok(refused > 100, `only ${refused} refusals: the traffic is too thin to tell`);
});

/** Indexes of the quotas that are said to have no effect. */
function shadowedOf(config: Config): number[] {
  const places = adviseConfig(config).map(({ path }) => /^quotas\[(\d)\]$/.exec(path));
  return places.flatMap((place) => (place === null ? [] : [Number(place[1])]));
}

for (const [name, config] of [
  ["nothing", {}],
  [
    "operations, stages, quotas, budgets",
    {
      operations,
      dimensions: [],
      stages: { values: ["a", "b"] },
      quotas: [{ name: "q", limit: 1 }],
      budgets: [{ name: "b", limit: "1ms" }],
    },
  ],
  [
    "allow-lists",
    {
      operations,
      dimensions: [
        { label: "venue", header: "x-v", case: "lower", values: ["NYSE", "nyse", "lse"] },
        { label: "desk", header: "x-d" },
      ],
    },
  ],
  [
    "durations by a label",
    {
      operations,
      dimensions: [{ label: "venue", header: "x-v", values: ["nyse", "lse"] }],
      metrics: { durationLabels: ["venue", "result"] },
    },
  ],
  [
    "durations by operation and label",
    {
      dimensions: [{ label: "venue", header: "x-v", values: ["nyse", "lse"] }],
      metrics: { durationLabels: ["venue", "operation"] },
    },
  ],
] satisfies [string, Config][]) {
  test(`what the filter reserves is what is counted here: ${name}`, async () => {
    const { fixed, listed } = reservationOf(config);
    const proxy = new Proxy();
    proxy.load({ wasm: await readFile(filterModule), configuration: config });
    proxy.advance(1000);
    assert.equal(proxy.stats.value("tickgate_series"), fixed + listed);
    // With one less the filter says that something found no room, and so does the check.
    const tight: Config = { ...config, metrics: { ...config.metrics, maxSeries: fixed + listed - 1 } };
    const full = new Proxy();
    full.load({ wasm: await readFile(filterModule), configuration: tight });
    assert.match(full.log.messages({ source: "filter" }).join("\n"), /no room to reserve for/);
    assert.ok(adviseConfig(tight).some(({ path }) => path === "metrics.maxSeries"));
  });
}
