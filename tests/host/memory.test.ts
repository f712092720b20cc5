import assert from "node:assert/strict";
import type { Stream } from "../../scripts/lib/emulator/index.ts";
import { releaseTest, test } from "./lib/cases.ts";
import type { Filter } from "./lib/filter.ts";
import { seeded } from "./lib/random.ts";
import { pseudoHeaders } from "./lib/traffic.ts";

const MOST_STREAMS = 10_000;

/** Opens and ends streams in no order, up to `MOST_STREAMS` alive at once. */
class Crowd {
  readonly #filter: Filter;
  readonly #random = seeded(11);
  readonly #alive: Stream[] = [];
  #begun = 0;

  constructor(filter: Filter) {
    this.#filter = filter;
  }

  open(): void {
    const stream = this.#filter.plugin.worker().stream();
    const n = this.#begun++;
    stream.requestHeaders([
      ...pseudoHeaders("POST", "/orders"),
      ["x-trading-symbol", `s${n % 500}`],
      ["x-order-type", `t${n % 9}`],
      ["x-strategy-id", `${n}`],
    ]);
    this.#alive.push(stream);
  }

  endOne(): void {
    const at = Math.floor(this.#random() * this.#alive.length);
    const stream = this.#alive[at];
    const last = this.#alive.pop();
    if (stream === undefined || last === undefined) return;
    if (stream !== last) this.#alive[at] = last;
    if (this.#begun % 5 !== 0) stream.responseHeaders({ ":status": this.#begun % 3 === 0 ? "404" : "200" });
    stream.end();
  }

  /** Brings the number of live streams to a target, request by request. */
  steer(target: number): void {
    while (this.#alive.length < target) this.open();
    while (this.#alive.length > target) this.endOne();
  }

  run(requests: number): void {
    const end = this.#begun + requests;
    while (this.#begun < end) {
      this.steer(Math.min(Math.floor(this.#random() * MOST_STREAMS), end - this.#begun + this.#alive.length));
      this.#filter.tick();
    }
    this.steer(0);
    this.#filter.tick();
  }

  get begun(): number {
    return this.#begun;
  }
}

function grows(filter: Filter, requests: number): void {
  const crowd = new Crowd(filter);
  crowd.steer(MOST_STREAMS);
  crowd.run(100);
  const { memoryBytes } = filter.plugin.worker();
  crowd.run(requests);
  assert.equal(filter.plugin.worker().memoryBytes, memoryBytes);
  assert.equal(filter.requests(), crowd.begun);
}

releaseTest("a million requests, 0 to 10,000 at once, leave the memory as it was", (given) => {
  grows(given(), 1_000_000);
});

test("so do fifty thousand with filter state and every metric", (given) => {
  const stages = { values: ["db", "risk"] };
  grows(given({ stages, metrics: { filterState: true, durationLabels: ["symbol", "result"] } }), 50_000);
});

test("updates give the memory of old configurations back", (given) => {
  const filter = given({ dimensions: [{ label: "d0", header: "x-trading-symbol" }] });
  const load = (n: number): void => {
    const configuration = {
      dimensions: [{ label: `d${n % 3}`, header: "x-trading-symbol", maxValues: 1000 }],
      stages: { values: [`s${n}`] },
    };
    assert.equal(filter.update(configuration), undefined);
    for (let i = 0; i < 20; i++) filter.send({ headers: { "x-trading-symbol": `v${i}` } });
    filter.tick();
  };
  for (let n = 0; n < 10; n++) load(n);
  const { memoryBytes } = filter.plugin.worker();
  for (let n = 10; n < 60; n++) load(n);
  assert.equal(filter.plugin.worker().memoryBytes, memoryBytes);
});

test("refused updates, and plugins that come and go, leave no memory behind", (given) => {
  const filter = given();
  const round = (n: number): void => {
    assert.match(filter.update({ mode: n }) ?? "", /^mode: /);
    const other = given({ headers: { tier: `x-t${n}` } }, { proxy: filter.proxy, rootId: "other" });
    other.send();
    other.plugin.remove();
  };
  for (let n = 0; n < 5; n++) round(n);
  const { memoryBytes } = filter.plugin.worker();
  for (let n = 5; n < 40; n++) round(n);
  assert.equal(filter.plugin.worker().memoryBytes, memoryBytes);
});
