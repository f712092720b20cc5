import assert from "node:assert/strict";
import { before, test } from "node:test";
import fc from "fast-check";
import { compileArithmetic, unsigned, type Arithmetic } from "./lib/arithmetic.ts";
import { sipHash } from "./lib/siphash.ts";

const SEED = 20_240_601;
const DAY = 86_400_000_000_000n;
const SECOND = 1_000_000_000n;
const MAX_U64 = (1n << 64n) - 1n;
const MOST = 1_000_000_000n;

let probe: Arithmetic;
before(async () => (probe = await compileArithmetic()));

interface Rate {
  readonly limit: bigint;
  readonly windowNanos: bigint;
  readonly burst: bigint;
}

/** From one a day to 1e9 a second: limits that divide their window and limits that do not. */
const windows = fc.oneof(
  fc.constantFrom(1_000_000n, SECOND, 60n * SECOND, 3600n * SECOND, DAY),
  fc.bigInt({ min: 1000n, max: 86_400_000_000n }).map((micros) => micros * 1000n),
);
const tokens = fc.oneof(
  fc.constantFrom(1n, 2n, 3n, 7n, 100n, 1000n, MOST),
  fc.bigInt({ min: 1n, max: MOST }),
  fc.bigInt({ min: 1n, max: 1000n }),
);
const rates: fc.Arbitrary<Rate> = fc
  .record({ limit: tokens, windowNanos: windows, burst: tokens })
  .map(({ limit, windowNanos, burst }) => ({
    limit: limit < windowNanos ? limit : windowNanos,
    windowNanos: windowNanos < 1_000_000n ? 1_000_000n : windowNanos,
    burst,
  }));

/** The bucket in numbers of any size, with the interval that the filter uses: what the filter must do to the bit. */
class Model {
  readonly interval: bigint;
  readonly tolerance: bigint;
  tat = 0n;

  constructor({ limit, windowNanos, burst }: Rate) {
    this.interval = ceilDivide(windowNanos << 16n, limit);
    this.tolerance = this.interval * burst;
  }

  #charged(now: bigint, cost: bigint): bigint {
    return max(this.tat, now << 16n) + this.interval * cost;
  }

  spend(now: bigint, cost: bigint): boolean {
    const charged = this.#charged(now, cost);
    if (charged > (now << 16n) + this.tolerance) return false;
    this.tat = charged;
    return true;
  }

  refund(cost: bigint, elapsed: bigint): void {
    this.tat = max(this.tat - max(this.interval * cost - (elapsed << 16n), 0n), 0n);
  }

  remaining(now: bigint): bigint {
    return max((now << 16n) + this.tolerance - max(this.tat, now << 16n), 0n) / this.interval;
  }

  wait(now: bigint, cost: bigint): bigint {
    const ticks = max(this.#charged(now, cost) - (now << 16n) - this.tolerance, 0n);
    const nanos = ceilDivide(ticks, 1n << 16n);
    return nanos > MAX_U64 ? MAX_U64 : nanos;
  }
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

function ceilDivide(a: bigint, b: bigint): bigint {
  return (a + b - 1n) / b;
}

function setRate({ limit, windowNanos, burst }: Rate): void {
  probe.setRate(limit, windowNanos, burst);
  probe.setTat(0n, 0n);
}

function tat(): bigint {
  return (unsigned(probe.tatHi()) << 64n) | unsigned(probe.tatLo());
}

/** Answers of the filter and of the model side by side. */
function compare(model: Model, now: bigint, cost: bigint): void {
  assert.equal(unsigned(probe.remaining(now)), model.remaining(now), "remaining");
  assert.equal(unsigned(probe.wait(now, cost)), model.wait(now, cost), "wait");
  assert.equal(probe.isFull(now) !== 0, model.tat <= now << 16n, "full");
  assert.equal(probe.spend(now, cost) !== 0, model.spend(now, cost), "spend");
  assert.equal(tat(), model.tat, "TAT");
}

const steps = fc.array(
  fc.record({
    kind: fc.constantFrom("spend", "spend", "spend", "refund", "wait"),
    part: fc.double({ min: 0, max: 1, noNaN: true }),
    one: fc.boolean(),
    // The clock stands still, goes on by nanoseconds or years, or goes back.
    move: fc.oneof(
      fc.constant(0n),
      fc.bigInt({ min: 1n, max: 1000n }),
      fc.bigInt({ min: 0n, max: 10n * SECOND }),
      fc.bigInt({ min: 0n, max: 1000n * DAY }),
      fc.bigInt({ min: -10n * SECOND, max: 0n }),
    ),
  }),
  { maxLength: 40 },
);

function check(condition: fc.IPropertyWithHooks<unknown[]> | fc.IProperty<never>, runs: number): void {
  fc.assert(condition, { seed: SEED, numRuns: runs });
}

test("spend, refund, remaining and wait are those of numbers without an end, to the bit", () => {
  const start = fc.bigInt({ min: 0n, max: 10_000n * DAY });
  const law = fc.property(rates, start, steps, (rate, from, script) => {
    setRate(rate);
    const model = new Model(rate);
    assert.equal(unsigned(probe.interval()), model.interval, "interval");
    let now = from;
    for (const { kind, part, one, move } of script) {
      now = max(now + move, 0n);
      const share = BigInt(Math.floor(part * Number(rate.burst)));
      const cost = one ? 1n : max(share, 1n);
      if (kind === "refund") {
        const elapsed = max(move, 0n);
        model.refund(cost, elapsed);
        probe.refund(cost, elapsed);
        assert.equal(tat(), model.tat, "TAT after a refund");
        continue;
      }
      const wait = model.wait(now, cost);
      if (kind === "wait" && wait < 1000n * DAY) now += wait;
      compare(model, now, cost);
    }
  });
  check(law, 5000);
});

test("nobody ever gets more than burst + limit * T / window, in exact rationals", () => {
  const moves = fc.array(fc.tuple(fc.bigInt({ min: 0n, max: 1n << 40n }), fc.boolean(), fc.nat(20)), {
    maxLength: 60,
  });
  const law = fc.property(rates, moves, (rate, script) => {
    setRate(rate);
    const admitted: { now: bigint; cost: bigint }[] = [];
    let now = 5n * DAY;
    for (const [move, greedy, more] of script) {
      now += greedy ? unsigned(probe.wait(now, 1n)) : move;
      const left = unsigned(probe.remaining(now));
      const cost = greedy ? max(left, 1n) : BigInt(more + 1);
      if (cost <= rate.burst && probe.spend(now, cost) !== 0) admitted.push({ now, cost });
    }
    for (const [first, { now: from }] of admitted.entries()) {
      let sum = 0n;
      for (const { now: at, cost } of admitted.slice(first)) {
        sum += cost;
        assert.ok(sum * rate.windowNanos <= rate.burst * rate.windowNanos + rate.limit * (at - from));
      }
    }
  });
  check(law, 3000);
});

test("the long-run rate is the exact one or below it by less than 2e-5", () => {
  const law = fc.property(rates, (rate) => {
    setRate(rate);
    const { limit, windowNanos } = rate;
    // A token takes interval / 2^16 ns where window / limit would be exact: compared crosswise.
    const tooLong = unsigned(probe.interval()) * limit - (windowNanos << 16n);
    assert.ok(tooLong >= 0n && tooLong * 50_000n < windowNanos << 16n, `${tooLong}`);
  });
  check(law, 20_000);
});

test("a caller that asks at every moment a token is there gets the rate", () => {
  for (const rate of [
    { limit: 3n, windowNanos: SECOND, burst: 1n },
    { limit: 7n, windowNanos: DAY, burst: 2n },
    { limit: 999_999_937n, windowNanos: SECOND, burst: MOST },
    { limit: 1n, windowNanos: DAY, burst: 1n },
    { limit: MOST, windowNanos: SECOND, burst: 1n },
  ]) {
    setRate(rate);
    const start = 10n * DAY;
    assert.equal(probe.spend(start, rate.burst) !== 0, true);
    let now = start;
    const batch = rate.burst > 1000n ? 1000n : 1n;
    for (let i = 0; i < 10_000; i++) {
      now += unsigned(probe.wait(now, batch));
      assert.equal(probe.spend(now, batch) !== 0, true);
    }
    const [got, due] = [10_000n * batch * rate.windowNanos, rate.limit * (now - start)];
    assert.ok(got <= due && got * 50_000n > due * 49_999n, `${got} of ${due}`);
  }
});

test("remaining can be spent, one more cannot; after wait it can, a nanosecond earlier not", () => {
  const law = fc.property(rates, fc.bigInt({ min: 0n, max: 1000n * DAY }), tokens, (rate, now, some) => {
    setRate(rate);
    const first = some < rate.burst ? some : rate.burst;
    assert.ok(probe.spend(now, first) !== 0);
    const left = unsigned(probe.remaining(now));
    assert.equal(left, rate.burst - first);
    assert.equal(probe.spend(now, left + 1n), 0);
    const wait = unsigned(probe.wait(now, left + 1n));
    if (left === rate.burst) return;
    assert.ok(wait > 0n);
    assert.equal(probe.spend(now + wait - 1n, left + 1n), 0);
    // One token's time by the exact rate, and what rounding may add: a nanosecond, and one tick a token.
    const exact = ceilDivide(rate.windowNanos, rate.limit);
    assert.ok(wait <= exact + 1n, `${wait} instead of ${exact}`);
    assert.ok(probe.spend(now + wait, left + 1n) !== 0);
  });
  check(law, 5000);
});

test("a lease's tokens lapse one by one as their time passes", () => {
  const law = fc.property(
    rates,
    fc.bigInt({ min: 1n, max: 100n }),
    fc.double({ min: 0, max: 1.2, noNaN: true }),
    (rate, most, part) => {
      setRate(rate);
      const lease = most < rate.burst ? most : rate.burst;
      const now = DAY;
      assert.ok(probe.spend(now, lease) !== 0);
      const interval = unsigned(probe.interval());
      const later = now + BigInt(Math.floor(Number((interval * lease) >> 16n) * part));
      const ahead = (now << 16n) + interval * lease - (later << 16n);
      const wanted = ahead < 0n ? 0n : ahead / interval + 1n;
      assert.equal(BigInt(probe.tokensAhead(later) >>> 0), wanted);
    },
  );
  check(law, 3000);
});

test("q and w are those of the draft's fields for any rate", () => {
  const law = fc.property(rates, (rate) => {
    setRate(rate);
    const { limit, windowNanos, burst } = rate;
    const w = max(ceilDivide(burst * windowNanos, limit * SECOND), 1n);
    assert.equal(unsigned(probe.windowSeconds()), w);
    assert.equal(unsigned(probe.quotaUnits()), (limit * w * SECOND) / windowNanos);
  });
  check(law, 10_000);
});

test("the keyed hash is SipHash-1-3", () => {
  const key = [0x0706050403020100n, 0x0f0e0d0c0b0a0908n] as const;
  // The reference is right: vectors of its paper (SipHash-2-4, appendix A) and of Rust's (1-3 of nothing).
  const counted = Uint8Array.from({ length: 15 }, (_, index) => index);
  assert.equal(sipHash(key, counted, [2, 4]), 0xa129ca6149be45e5n);
  assert.equal(sipHash(key, new Uint8Array(), [1, 3]), 0xabac0158050fc4dcn);
  const u64 = fc.bigInt({ min: 0n, max: MAX_U64 });
  const law = fc.property(u64, u64, fc.uint8Array({ maxLength: 300 }), (first, second, message) => {
    new Uint8Array(probe.memory.buffer).set(message, probe.address());
    assert.equal(
      unsigned(probe.hash(first, second, message.length)),
      sipHash([first, second], message, [1, 3]),
    );
  });
  check(law, 1000);
});
