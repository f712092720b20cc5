import assert from "node:assert/strict";
import nodeTest from "node:test";
import { Filter } from "./lib/filter.ts";
import { MODULES } from "./lib/cases.ts";
import { by, slotKeys, slotValues, spendAll } from "./lib/quotas.ts";
import { decodeSlot } from "./lib/slots.ts";

const USERS = 1_000_000;
const MIB = 1024 * 1024;
/**
 * What Envoy takes for a value beside its bytes: proxy-wasm-cpp-host keeps a node of an unordered_map (next, hash,
 * a std::string for the key, whose 8 bytes need no allocation, one for the value, the cas) and a bucket of it; the
 * value's bytes are an allocation of their own.
 */
const NODE_BYTES = 112 + 8;
const ALLOCATION_BYTES = 16;

function storeBytes(filter: Filter): number {
  return slotValues(filter.proxy).reduce(
    (sum, value) => sum + NODE_BYTES + ALLOCATION_BYTES + Math.ceil((value.length + 1) / 16) * 16,
    0,
  );
}

void nodeTest(
  "1,000,000 users at a capacity of 100,000: constant memory, and the last ones held to their limit",
  (context) => {
    // A million users in 20 s, each charged for 1 s: 50,000 at once, half of the capacity.
    const configuration = { store: { capacity: 100_000 }, quotas: [{ name: "q", limit: 3, burst: 3 }] };
    const filter = new Filter(MODULES.release, configuration, {});
    const worker = filter.plugin.worker();
    const started = Date.now();
    let memory = 0;
    for (let i = 0; i < USERS; i++) {
      filter.proxy.clock.move(20_000n);
      const options = {
        headers: [
          [":method", "GET"],
          [":path", "/"],
          ["x-user-id", `user-${i}`],
        ],
      } as const;
      if (worker.request(options).status !== 200) assert.fail(`user ${i} was refused`);
      if (i === USERS / 10) memory = worker.memoryBytes;
    }
    assert.equal(worker.memoryBytes, memory, "the VM's memory is constant");
    const bytes = storeBytes(filter);
    assert.ok(bytes < 16 * MIB, `${bytes} bytes`);
    const most = slotKeys(filter.proxy).length * (NODE_BYTES + ALLOCATION_BYTES + 416);
    context.diagnostic(
      `table ${(bytes / MIB).toFixed(1)} MiB in ${slotKeys(filter.proxy).length} slots, at most ` +
        `${(most / MIB).toFixed(1)} MiB; VM ${(memory / MIB).toFixed(1)} MiB; ${Date.now() - started} ms`,
    );
    assert.ok(most < 16 * MIB);
    // The last second's users have spent one of three, and that a while ago: two or three are left, never more.
    for (let i = USERS - 40_000; i < USERS; i += 97) {
      const passed = spendAll(filter, by(`user-${i}`));
      assert.ok(passed === 2 || (passed === 3 && i < USERS - 15_000), `user ${i}: ${passed}`);
      assert.equal(spendAll(filter, by(`user-${i}`)), 0);
    }
    filter.tick();
    const full = slotValues(filter.proxy).filter((value) => decodeSlot(value).entries.length === 16).length;
    context.diagnostic(`${filter.metric("tickgate_store_evictions_total")} evictions, ${full} slots full`);
    filter.check();
  },
);
