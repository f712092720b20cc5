import assert from "node:assert/strict";
import { LoadError, type Plugin, type Proxy } from "../../../scripts/lib/emulator/index.ts";
import type { Step } from "./sites.ts";
import { pseudoHeaders } from "./traffic.ts";

const PEER = "spiffe://cluster.local/ns/trading/sa/gateway";

/** Makes the filter use every host function it knows. */
export const BUSY = {
  trustedPeers: [PEER],
  operations: [{ name: "place_order", method: "POST" }, { name: "quote" }],
  dimensions: [
    { label: "symbol", header: "x-trading-symbol", maxValues: 40 },
    { label: "order_type", header: "x-order-type", values: ["limit"] },
  ],
  stages: { values: ["db"] },
  metrics: { filterState: true, maxSeries: 600, durationLabels: ["operation", "symbol"] },
};

function quietly(_phase: string, run: () => void): void {
  run();
}

/** A life of the filter in steps: loaded, asked, ticked, updated, removed. */
export class Life {
  /** Requests that the filter saw to their end. */
  requests = 0;
  /** Why the load, or the update, was refused. */
  refused: string | undefined;
  readonly #proxy: Proxy;
  readonly #step: Step;
  readonly #wasm: Uint8Array;

  constructor(wasm: Uint8Array, proxy: Proxy, step: Step) {
    this.#wasm = wasm;
    this.#proxy = proxy;
    this.#step = step;
  }

  live(): this {
    const plugin = this.#load();
    if (plugin === undefined) return this;
    this.#ask(plugin, this.#step, "BTC");
    this.#step("tick", () => this.#proxy.advance(500));
    this.#ask(plugin, quietly, "BTC");
    this.#step("second tick", () => this.#proxy.advance(500));
    // Nothing fails any more: whatever did must not be felt for ever.
    this.#ask(plugin, quietly, "BTC");
    this.#proxy.advance(1000);
    this.#step("update", () => {
      this.#try(() => plugin.update({ configuration: { ...BUSY, mode: "observe" } }));
    });
    this.#ask(plugin, quietly, "ETH");
    this.#step("remove", () => plugin.remove());
    return this;
  }

  #load(): Plugin | undefined {
    let plugin: Plugin | undefined;
    this.#step("load", () => {
      this.#try(() => (plugin = this.#proxy.load({ wasm: this.#wasm, configuration: BUSY })));
    });
    return plugin;
  }

  #try(change: () => unknown): void {
    try {
      change();
    } catch (error) {
      if (!(error instanceof LoadError)) throw error;
      this.refused = error.message;
    }
  }

  #ask(plugin: Plugin, step: Step, symbol: string): void {
    const stream = plugin.worker().stream({ connection: { uriSanPeerCertificate: PEER } });
    step("headers", () =>
      stream.requestHeaders([
        ...pseudoHeaders("POST", "/orders"),
        ["x-trading-symbol", symbol],
        ["x-order-type", "limit"],
      ]),
    );
    assert.ok(stream.forwarded, "traffic passes");
    step("response", () => {
      const stamp = String(this.#proxy.clock.wallNanos / 1000n);
      stream.responseHeaders([
        ["content-type", "application/grpc"],
        ["server-timing", "db;dur=1"],
        ["server-timing", "db;dur=2"],
        ["x-market-timestamp", stamp],
      ]);
      stream.responseTrailers({ "grpc-status": "0" });
    });
    step("log", () => stream.log());
    step("end", () => stream.destroy());
    const { status, bypassed } = stream.observe();
    assert.equal(status, 200);
    // Where a thread refused the configuration there is no filter.
    if (!bypassed) this.requests++;
  }
}
