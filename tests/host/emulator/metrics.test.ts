import assert from "node:assert/strict";
import { test } from "./cases.ts";
import { MetricType, Status } from "../../../scripts/lib/emulator/index.ts";
import { parseStatName } from "../../../scripts/lib/emulator/stat-names.ts";
import { inside, remote } from "./remote.ts";

test("the same name is the same stat under a new id, in every VM", async () => {
  const probe = await remote({ workers: 2 });
  const ids: number[] = [];
  probe.at("log", (host) => {
    const id = host.define(MetricType.Counter, "hits");
    ids.push(id);
    host.call("increment_metric", id, 1n);
  });
  for (const worker of [0, 0, 1]) probe.plugin.worker(worker).request();
  assert.equal(new Set(ids.slice(0, 2)).size, 2);
  assert.equal(probe.proxy.stats.counter("hits"), 3);
  assert.equal(probe.proxy.stats.size, 1);
});

test("counters take only positive offsets, record adds, gauges set and take negative ones", async () => {
  const seen = await inside("log", (host) => {
    const counter = host.define(MetricType.Counter, "c");
    const gauge = host.define(MetricType.Gauge, "g");
    const calls = [
      host.call("increment_metric", counter, 0n),
      host.call("increment_metric", counter, -1n),
      host.call("increment_metric", counter, 2n),
      host.call("record_metric", counter, 3n),
      host.call("record_metric", gauge, 10n),
      host.call("increment_metric", gauge, -4n),
    ];
    host.call("get_metric", counter, host.out);
    const count = host.u64(0);
    host.call("get_metric", gauge, host.out);
    return { calls, count, level: host.u64(0) };
  });
  const { BadArgument, Ok } = Status;
  assert.deepEqual(seen, { calls: [BadArgument, BadArgument, Ok, Ok, Ok, Ok], count: 5n, level: 6n });
});

test("histograms only record; unknown ids and kinds are refused", async () => {
  const seen = await inside("log", (host) => {
    const histogram = host.define(MetricType.Histogram, "h");
    return [
      host.call("increment_metric", histogram, 1n),
      host.call("get_metric", histogram, host.out),
      host.call("record_metric", histogram, 7n),
      host.call("record_metric", histogram + 4, 7n),
      host.call("increment_metric", 4000, 1n),
      host.call("increment_metric", 3, 1n),
      host.call("define_metric", 3, "x", host.out),
    ];
  });
  const { BadArgument: bad, Ok, NotFound } = Status;
  assert.deepEqual(seen, [bad, bad, Ok, NotFound, NotFound, bad, bad]);
});

test("labels are cut out of names; series can be asked for by labels", async () => {
  const probe = await remote();
  probe.at("log", (host) => {
    for (const result of ["ok", "error"]) {
      host.call("increment_metric", host.define(MetricType.Counter, `n.op=.=a;.;result=.=${result};.;`), 2n);
    }
    host.call("record_metric", host.define(MetricType.Histogram, "us.op=.=a;.;"), 9n);
  });
  probe.plugin.worker().request();
  const { stats } = probe.proxy;
  assert.equal(stats.value("n", { op: "a" }), 4);
  assert.equal(stats.value("n", { result: "ok" }), 2);
  assert.deepEqual(stats.values("us", { op: "a" }), [9]);
  assert.deepEqual(stats.series("us")[0]?.labels, { op: "a" });
});

test("a listed tag that is the suffix of another cuts into it, as in Envoy", () => {
  const name = "n.order_type=.=limit;.;";
  assert.deepEqual(parseStatName(name, ["order_type"]), { name: "n", labels: { order_type: "limit" } });
  assert.deepEqual(parseStatName(name, ["type"]), { name: "n.order_", labels: { type: "limit" } });
  assert.deepEqual(parseStatName(name, []), { name, labels: {} });
});
