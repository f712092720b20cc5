import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { CLOCK, Explorer, exhaust, follow, type Answer, type Choose, type Script } from "./lib/explorer.ts";
import { assertBounded, intervalOf, type Bucket } from "./lib/law.ts";
import { seeded } from "./lib/random.ts";
import { seedOf, ticksAhead } from "./lib/slots.ts";
import type { Sent } from "./lib/traffic.ts";

const MILLI = 1_000_000n;
const SECOND = 1_000_000_000n;
/** Of a store of 100,000 users. */
const SLOTS = 12_500;

let explorer: Explorer;
before(async () => (explorer = await Explorer.start(4)));
after(() => explorer.close());

function user(name: string, more: Readonly<Record<string, string>> = {}): Sent {
  return { headers: { "x-user-id": name, ...more } };
}

function headerOf(sent: Sent, name: string): string | undefined {
  const { headers = {} } = sent;
  assert.ok(!Array.isArray(headers));
  return Object.entries(headers)
    .find(([key]) => key === name)?.[1]
    ?.toString();
}

function ofUser(name: string, rate: Omit<Bucket, "name" | "costOf">): Bucket {
  return { ...rate, name, costOf: (sent) => (headerOf(sent, "x-user-id") === name ? costOf(sent) : 0) };
}

function ofAll(rate: Omit<Bucket, "name" | "costOf">): Bucket {
  return { ...rate, name: "all", costOf };
}

function costOf(sent: Sent): number {
  return Number(headerOf(sent, "x-cost") ?? "1");
}

function passed(answers: readonly Answer[]): readonly Answer[] {
  for (const { status } of answers) assert.ok(status === 200 || status === 429, `status ${status}`);
  return answers.filter(({ status }) => status === 200);
}

function assertLaw(answers: readonly Answer[], buckets: readonly Bucket[]): void {
  for (const bucket of buckets) {
    const admitted = passed(answers).map(({ nanos, sent }) => ({ nanos, cost: bucket.costOf(sent) }));
    assertBounded(admitted, bucket, bucket.extra);
  }
}

/** While the clock stands still the store holds what was admitted, to the tick: no charge lost, none left over. */
function assertState(answers: readonly Answer[], buckets: readonly Bucket[]): void {
  const charged = buckets.map((bucket) => {
    const tokens = passed(answers).reduce((sum, { sent }) => sum + bucket.costOf(sent), 0);
    return BigInt(tokens) * intervalOf(bucket);
  });
  const wanted = charged.filter((ticks) => ticks > 0n);
  assert.deepEqual(sorted(ticksAhead(explorer.slots(), explorer.nanos)), sorted(wanted));
}

function sorted(numbers: readonly bigint[]): bigint[] {
  return numbers.toSorted((a, b) => (a < b ? -1 : Number(a > b)));
}

/** Spends all that is left, so that the law sees what a lost charge would have given away. */
function drain(answers: readonly Answer[], samples: readonly Sent[]): Answer[] {
  const all = [...answers];
  for (const sent of samples) {
    for (let i = 0; i < 50; i++) {
      const answer = explorer.send(i % 2, sent);
      all.push(answer);
      if (answer.status !== 200) break;
    }
  }
  return all;
}

interface Exhaustive {
  readonly configuration: object;
  readonly buckets: readonly Bucket[];
  readonly requests: Script["requests"];
  /** How many requests may pass: fewest and most over all interleavings. */
  readonly passes: readonly [number, number];
}

const ONE = { limit: 10, windowNanos: SECOND };
const PER_USER = { name: "per-user", limit: 10 };
const COST = { header: "x-cost", max: 3 };
const FOR_ALL = { name: "for-all", limit: 20, key: [] };

const CASES: Readonly<Record<string, Exhaustive>> = {
  "two VMs, one token": {
    configuration: { quotas: [{ ...PER_USER, burst: 1 }] },
    buckets: [ofUser("u", { ...ONE, burst: 1 })],
    requests: [[user("u")], [user("u")]],
    passes: [1, 1],
  },
  "three VMs, two tokens": {
    configuration: { quotas: [{ ...PER_USER, burst: 2 }] },
    buckets: [ofUser("u", { ...ONE, burst: 2 })],
    requests: [[user("u")], [user("u")], [user("u")]],
    passes: [2, 2],
  },
  "two VMs, two requests each, three tokens": {
    configuration: { quotas: [{ ...PER_USER, burst: 3 }] },
    buckets: [ofUser("u", { ...ONE, burst: 3 })],
    requests: [
      [user("u"), user("u")],
      [user("u"), user("u")],
    ],
    passes: [3, 3],
  },
  "costs of two and three, four tokens": {
    configuration: { quotas: [{ ...PER_USER, burst: 4, cost: COST }] },
    buckets: [ofUser("u", { ...ONE, burst: 4 })],
    requests: [[user("u", { "x-cost": "3" })], [user("u", { "x-cost": "2" }), user("u")]],
    passes: [2, 2],
  },
  "two users, one bucket for all with one token: the charge to the other slot is undone": {
    configuration: {
      quotas: [
        { ...PER_USER, burst: 2 },
        { ...FOR_ALL, burst: 1 },
      ],
    },
    buckets: [
      ofUser("a", { ...ONE, burst: 2 }),
      ofUser("b", { ...ONE, burst: 2 }),
      ofAll({ limit: 20, windowNanos: SECOND, burst: 1 }),
    ],
    requests: [[user("a")], [user("b")]],
    passes: [1, 1],
  },
  "one user, one token of its own, two for all": {
    configuration: {
      quotas: [
        { ...PER_USER, burst: 1 },
        { ...FOR_ALL, burst: 2 },
      ],
    },
    buckets: [ofUser("a", { ...ONE, burst: 1 }), ofAll({ limit: 20, windowNanos: SECOND, burst: 2 })],
    requests: [[user("a")], [user("a")]],
    passes: [1, 1],
  },
};

for (const [name, { configuration, buckets, requests, passes }] of Object.entries(CASES)) {
  test(`every interleaving: ${name}`, (context) => {
    explorer.load(configuration, () => 0, seedOf(1, SLOTS));
    const seen = new Set<number>();
    const runs = exhaust((choose) => {
      explorer.reset();
      const answers = explorer.run({ requests }, choose);
      assertLaw(answers, buckets);
      assertState(answers, buckets);
      seen.add(passed(answers).length);
    });
    context.diagnostic(`${runs} interleavings`);
    assert.deepEqual([Math.min(...seen), Math.max(...seen)], passes);
  });
}

interface Sampled {
  readonly configuration: object;
  readonly buckets: readonly Bucket[];
  /** Users that the requests are drawn from. */
  readonly users: readonly string[];
  readonly vms: number;
  readonly requests: number;
  /** Longest step of the clock; there are as many as requests. */
  readonly stepNanos?: bigint;
  /** Slots of the table, if few: then entries are evicted. */
  readonly slots?: number;
  readonly runs: number;
}

const FAST = { limit: 1000, windowNanos: SECOND };
const USERS = ["a", "b", "c"];
/** More than a slot has entries. */
const CROWD = Array.from({ length: 24 }, (_, index) => `user${index}`);

const SAMPLES: Readonly<Record<string, Sampled>> = {
  "one user, the clock goes on": {
    configuration: { quotas: [{ name: "q", limit: 1000, burst: 4, cost: COST }] },
    buckets: [ofUser("a", { ...FAST, burst: 4 })],
    users: ["a"],
    vms: 3,
    requests: 3,
    stepNanos: 3n * MILLI,
    runs: 600,
  },
  "two slots and undone charges while the clock stands": {
    configuration: {
      quotas: [
        { ...PER_USER, burst: 3, cost: COST },
        { ...FOR_ALL, burst: 4, cost: COST },
      ],
    },
    buckets: [
      ...USERS.map((name) => ofUser(name, { ...ONE, burst: 3 })),
      ofAll({ limit: 20, windowNanos: SECOND, burst: 4 }),
    ],
    users: USERS,
    vms: 4,
    requests: 2,
    runs: 600,
  },
  "two slots and undone charges while the clock goes on": {
    configuration: {
      quotas: [
        { name: "q", limit: 1000, burst: 3, cost: COST },
        { name: "all", key: [], limit: 2000, burst: 4, cost: COST },
      ],
    },
    buckets: [
      ...USERS.map((name) => ofUser(name, { ...FAST, burst: 3 })),
      ofAll({ limit: 2000, windowNanos: SECOND, burst: 4 }),
    ],
    users: USERS,
    vms: 4,
    requests: 3,
    stepNanos: 3n * MILLI,
    runs: 800,
  },
  leases: {
    configuration: { quotas: [{ name: "q", limit: 1000, burst: 8, precision: { lease: 4 } }] },
    buckets: [ofUser("a", { ...FAST, burst: 8, extra: 4 * 3 })],
    users: ["a"],
    vms: 4,
    requests: 6,
    stepNanos: 4n * MILLI,
    runs: 400,
  },
  "a leased bucket and an exact one in another slot": {
    configuration: {
      quotas: [
        { name: "q", limit: 1000, burst: 8, precision: { lease: 4 }, cost: COST },
        { name: "all", key: [], limit: 2000, burst: 6, cost: COST },
      ],
    },
    buckets: [
      ...USERS.map((name) => ofUser(name, { ...FAST, burst: 8, extra: 4 * 3 })),
      ofAll({ limit: 2000, windowNanos: SECOND, burst: 6 }),
    ],
    users: USERS,
    vms: 4,
    requests: 4,
    stepNanos: 3n * MILLI,
    runs: 400,
  },
};

const CROWDED: Readonly<Record<string, Sampled>> = {
  "one slot for 24 users: entries are evicted and dropped, nobody gains": {
    configuration: { quotas: [{ name: "q", limit: 1000, burst: 3, cost: COST }] },
    buckets: CROWD.map((name) => ofUser(name, { ...FAST, burst: 3 })),
    users: CROWD,
    vms: 3,
    requests: 12,
    stepNanos: 1n * MILLI,
    slots: 1,
    runs: 120,
  },
  "two slots for 24 users and all of them": {
    configuration: {
      quotas: [
        { name: "q", limit: 1000, burst: 3, cost: COST },
        { name: "all", key: [], limit: 10_000, burst: 20, cost: COST },
      ],
    },
    buckets: [
      ...CROWD.map((name) => ofUser(name, { ...FAST, burst: 3 })),
      ofAll({ limit: 10_000, windowNanos: SECOND, burst: 20 }),
    ],
    users: CROWD,
    vms: 3,
    requests: 10,
    stepNanos: 1n * MILLI,
    slots: 2,
    runs: 80,
  },
};

function sample(sampled: Sampled, random: () => number): Script {
  const { users, vms, requests, stepNanos } = sampled;
  const one = (): Sent =>
    user(users[Math.floor(random() * users.length)] ?? "", {
      "x-cost": String(1 + Math.floor(random() * 3)),
    });
  const plain = (): Sent => user(users[Math.floor(random() * users.length)] ?? "");
  const costs = JSON.stringify(sampled.configuration).includes("x-cost");
  const lines = Array.from({ length: vms }, () => Array.from({ length: requests }, costs ? one : plain));
  if (stepNanos === undefined) return { requests: lines };
  const steps = Array.from({ length: vms * requests }, () =>
    BigInt(Math.floor(random() * Number(stepNanos))),
  );
  return { requests: lines, steps };
}

for (const [name, sampled] of Object.entries({ ...SAMPLES, ...CROWDED })) {
  test(`seeded interleavings: ${name}`, (context) => {
    explorer.load(sampled.configuration, () => 0, seedOf(1, sampled.slots ?? SLOTS));
    let calls = 0;
    for (let seed = 1; seed <= sampled.runs; seed++) {
      const random = seeded(seed);
      const choose: Choose = (count) => {
        calls++;
        return Math.floor(random() * count);
      };
      explorer.reset();
      const script = sample(sampled, random);
      const answers = explorer.run(script, choose);
      try {
        if (script.steps === undefined) assertState(answers, sampled.buckets);
        assertLaw(
          drain(
            answers,
            sampled.users.map((one) => user(one)),
          ),
          sampled.buckets,
        );
      } catch (error) {
        throw new Error(`seed ${seed}`, { cause: error });
      }
    }
    context.diagnostic(`${sampled.runs} interleavings, ${calls} choices`);
  });
}

test("a charge that is undone late frees nothing that others were charged", () => {
  const rate = { limit: 1000, burst: 3, cost: COST };
  const all = { ...rate, name: "all", key: [], limit: 100_000 };
  for (let i = 0; i < 40; i++) {
    if (i % 10 === 0) explorer.load({ quotas: [{ name: "q", ...rate }, all] }, () => 0, seedOf(i, SLOTS));
    explorer.reset();
    const name = `user${i}`;
    const requests = [
      [user(name, { "x-cost": "3" })],
      [user(name, { "x-cost": "3" })],
      [user("another", { "x-cost": "3" })],
    ];
    // 0 charges its first slot; 2 spends what 0 wanted of the second; time fills the buckets, 1 spends; 0 gives back.
    const order = [0, 0, 0, 0, 2, 2, 2, 2, 2, CLOCK, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    const answers = explorer.run({ requests, steps: [10n * MILLI] }, follow(order));
    for (let more = 0; more < 3; more++) {
      explorer.advance(50_000n);
      answers.push(explorer.send(1, user(name)));
    }
    assertLaw(answers, [ofUser(name, { ...FAST, burst: 3 })]);
  }
});

test("VMs that start at the same time agree on one table", (context) => {
  const random = seeded(3);
  let calls = 0;
  for (let i = 0; i < 12; i++) {
    explorer.load({ quotas: [{ name: "q", limit: 1, window: "1h", burst: 8 }] }, (count) => {
      calls++;
      return Math.floor(random() * count);
    });
    const answers = Array.from({ length: 12 }, (_, index) => explorer.send(index % 4, user("u")));
    assert.equal(passed(answers).length, 8);
    assert.equal(explorer.slots().length, 1);
  }
  context.diagnostic(`12 starts of 4 VMs, ${calls} choices`);
});
