import assert from "node:assert/strict";
import { test } from "./cases.ts";
import { Status } from "../../../scripts/lib/emulator/index.ts";
import { inside, remote } from "./remote.ts";

const FAR = 0x7fff_fff0;

test("pointers out of bounds are InvalidMemoryAccess, never a trap", async () => {
  const seen = await inside("request_headers", (host) => [
    host.call("log", 2, FAR, 4),
    host.call("log", 2, -16, 32),
    host.call("set_shared_data", FAR, 1, host.out, 1, 0),
    host.call("get_shared_data", FAR, 1, host.out, host.out, host.out),
    host.call("get_header_map_value", 0, "x-one", FAR, host.out),
    host.call("define_metric", 0, "m", FAR),
    host.call("get_current_time_nanoseconds", FAR),
    host.call("send_local_response", 429, FAR, 1, host.out, 0, host.out, 0, -1),
  ]);
  assert.deepEqual(new Set(seen), new Set([Status.InvalidMemoryAccess]));
});

test("malloc that gives 0 makes the calling function InvalidMemoryAccess", async () => {
  const probe = await remote();
  probe.proxy.faults.fail("malloc", 0, { nth: 1 });
  const seen: number[] = [];
  probe.at("request_headers", (host) => {
    seen.push(host.read("get_header_map_pairs", 0).status, host.read("get_header_map_pairs", 0).status);
  });
  const { status, calls } = probe.plugin.worker().request({ headers: { a: "b" } });
  assert.deepEqual([seen, status, calls.mallocs], [[Status.InvalidMemoryAccess, Status.Ok], 200, 2]);
});

test("faults give a chosen status: always, the nth time, on a thread, for some calls", async () => {
  const probe = await remote({ workers: 2 });
  const { faults } = probe.proxy;
  const statuses: number[] = [];
  probe.at("request_headers", (host) => {
    for (const name of ["a", "b", "a"]) statuses.push(host.call("set_shared_data", name, "v", 0));
  });
  const run = (worker: number) => {
    statuses.length = 0;
    probe.plugin.worker(worker).request();
    return [...statuses];
  };
  const fault = faults.fail("proxy_set_shared_data", Status.CasMismatch, {
    when: (call) => call.read(...key(call.args)) === "a",
  });
  assert.deepEqual([run(0), fault.hits], [[8, 0, 8], 2]);
  fault.remove();
  faults.fail("proxy_set_shared_data", Status.InternalFailure, { nth: 2, thread: "worker1" });
  assert.deepEqual(
    [run(0), run(1), run(1)],
    [
      [0, 0, 0],
      [0, 10, 0],
      [0, 0, 0],
    ],
  );
  faults.fail("proxy_set_shared_data", Status.Unimplemented, { times: 4 });
  assert.deepEqual(
    [run(0), run(0)],
    [
      [12, 12, 12],
      [12, 0, 0],
    ],
  );
  assert.throws(() => faults.fail("proxy_no_such", 1), RangeError);
});

function key(args: readonly (number | bigint)[]): [number, number] {
  return [Number(args[0]), Number(args[1])];
}

test("the clocks are the test's", async () => {
  const probe = await remote();
  const seen: bigint[] = [];
  probe.proxy.clock.monotonicNanos = 5n;
  probe.proxy.clock.wallNanos = 7n;
  probe.at("request_headers", (host) => {
    for (const id of [0, 1]) {
      host.call("clock_time_get", id, 0n, host.out);
      seen.push(host.u64(0));
    }
    host.call("get_current_time_nanoseconds", host.out);
    seen.push(host.u64(0), BigInt(host.call("clock_time_get", 2, 0n, host.out)));
  });
  probe.plugin.worker().request();
  assert.deepEqual(seen, [7n, 5n, 7n, 58n]);
});

test("ticks come a period after they were set, per worker and root, and stop at 0", async () => {
  const probe = await remote({ workers: 2 });
  const ticks: string[] = [];
  probe.at("request_headers", (host) =>
    host.call("set_tick_period_milliseconds", host.thread === "worker0" ? 10 : 15),
  );
  probe.at("tick", (host) =>
    ticks.push(`${host.thread}@${probe.proxy.clock.monotonicNanos / 1_000_000n} root ${host.contextId}`),
  );
  probe.proxy.clock.monotonicNanos = 0n;
  probe.plugin.worker(0).request();
  probe.plugin.worker(1).request();
  probe.proxy.advance(25);
  assert.deepEqual(ticks, ["worker0@10 root 1", "worker1@15 root 1", "worker0@20 root 1"]);
  probe.at("tick", (host) => host.call("set_tick_period_milliseconds", 0));
  probe.proxy.advance(10);
  probe.at("tick", () => assert.fail("ticked after it was stopped"));
  probe.proxy.advance(100);
});

test("the environment comes through WASI", async () => {
  const probe = await remote({}, { env: { A: "1", LONG: "é" } });
  let seen: unknown;
  probe.at("request_headers", (host) => {
    host.call("environ_sizes_get", host.out, host.out + 4);
    const size = host.u32(4);
    host.call("environ_get", host.out + 8, host.out + 32);
    seen = [host.u32(0), host.vm.memory.text(host.out + 32, size), host.u32(12) - host.u32(8)];
  });
  probe.plugin.worker().request();
  assert.deepEqual(seen, [2, "A=1\0LONG=\xc3\xa9\0", 4]);
});

test("log lines are kept with their level; unknown levels are refused", async () => {
  const probe = await remote();
  const seen: number[] = [];
  probe.proxy.log.level = "warn";
  probe.at("request_headers", (host) => {
    seen.push(
      host.call("log", 1, "quiet"),
      host.call("log", 6, "no"),
      host.call("get_log_level", host.out),
      host.u32(0),
    );
  });
  probe.plugin.worker().request();
  assert.deepEqual(seen, [Status.Ok, Status.BadArgument, Status.Ok, 3]);
  assert.deepEqual(probe.proxy.log.messages({ level: "debug" }), ["quiet"]);
});

test("an effective context acts for another stream until the callback ends", async () => {
  const probe = await remote();
  const one = probe.plugin.worker().stream();
  one.requestHeaders({});
  probe.at("request_headers", (host) => {
    assert.equal(host.call("set_effective_context", 4000), Status.BadArgument);
    host.call("set_effective_context", one.contextId);
    host.call("set_property", "for", "one");
  });
  const two = probe.plugin.worker().request();
  assert.deepEqual([one.end().filterState, two.filterState], [{ "wasm.for": "one" }, {}]);
});

test("memory grows no further than the limit", async () => {
  const probe = await remote({}, { maxMemoryPages: 12 });
  const seen: number[] = [];
  probe.at("request_headers", (host) => seen.push(host.call("grow", 1), host.call("grow", 100)));
  probe.plugin.worker().request();
  assert.equal(seen[1], -1);
  assert.ok(probe.plugin.worker().memoryBytes <= 12 * 65_536);
});

test("calls, copies and mallocs are counted by stream and for the proxy", async () => {
  const probe = await remote();
  probe.at("request_headers", (host) => host.read("get_header_map_value", 0, "a"));
  probe.proxy.calls.reset();
  const { calls } = probe.plugin.worker().request({ headers: { a: "12345" } });
  assert.equal(calls.of("proxy_get_header_map_value"), 1);
  assert.deepEqual([calls.mallocs, calls.bytesCopied, probe.proxy.calls.bytesCopied], [1, 5, 5]);
});

test("an error thrown in a hook is the test's, not a trap", async () => {
  const probe = await remote();
  probe.at("request_headers", () => assert.fail("mine"));
  assert.throws(() => probe.plugin.worker().request(), /mine/);
  assert.equal(probe.plugin.worker().failure, undefined);
});

test("a VM is never re-entered", async () => {
  const probe = await remote();
  probe.at("request_headers", () => void probe.plugin.worker().request());
  assert.throws(() => probe.plugin.worker().request(), /never re-enters/);
});
