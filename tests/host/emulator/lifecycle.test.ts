import assert from "node:assert/strict";
import { test } from "./cases.ts";
import { LoadError } from "../../../scripts/lib/emulator/index.ts";
import { remote, unloaded, type Inside } from "./remote.ts";

function configuration({ read, log }: { read: (host: Inside) => string; log: string[] }) {
  return (host: Inside) => void log.push(`${host.thread} root ${host.contextId} ${read(host)}`);
}

const ownConfiguration = (host: Inside) => host.read("get_buffer_bytes", 7, 0, 100).value;

test("a load configures twice on the main thread, canary first, then once a worker", async () => {
  const probe = await unloaded({ workers: 2 });
  const log: string[] = [];
  probe.at("configure", configuration({ read: ownConfiguration, log }));
  probe.load({ configuration: "one" });
  assert.deepEqual(log, ["main root 1 one", "main root 1 one", "worker0 root 1 one", "worker1 root 1 one"]);
});

test("an update is a new root in the same VM; the old one ends with its last stream", async () => {
  const probe = await remote({}, { configuration: "one" });
  const worker = probe.plugin.worker();
  const { vm } = worker;
  const ended: string[] = [];
  probe.at("done", (host) => host.contextId === 1 && host.thread === "worker0" && ended.push("done"));
  probe.at("delete", (host) => host.contextId === 1 && host.thread === "worker0" && ended.push("delete"));
  const old = worker.stream();
  old.requestHeaders({});
  probe.plugin.update({ configuration: "two" });
  assert.equal(worker.vm, vm);
  assert.deepEqual([worker.rootContextId, ended], [3, []]);
  assert.equal(worker.request().contextId, 4);
  old.end();
  assert.deepEqual(ended, ["done", "delete"]);
});

test("a refused configuration fails the load; a refused update leaves the old one", async () => {
  const probe = await unloaded();
  let tries = 0;
  probe.at("configure", (host) => {
    tries++;
    if (ownConfiguration(host) === "bad") host.call("set_answer", 0);
  });
  assert.throws(() => probe.load({ configuration: "bad" }), {
    name: "LoadError",
    message: /Failed to configure base/,
  });
  const plugin = probe.load({ configuration: "good" });
  const root = plugin.worker().rootContextId;
  tries = 0;
  assert.throws(() => plugin.update({ configuration: "bad" }), LoadError);
  assert.throws(() => plugin.update({ configuration: "bad" }), /cached/);
  assert.equal(tries, 1);
  assert.deepEqual([plugin.worker().rootContextId, plugin.worker().request().status], [root, 200]);
});

test("on_vm_start that answers 0, or traps, refuses too", async () => {
  const probe = await unloaded();
  probe.at("vm_start", (host) => host.call("set_answer", 0));
  assert.throws(() => probe.load(), /Failed to start base Wasm/);
  probe.at("vm_start", (host) => host.call("trap"));
  assert.throws(
    () => probe.load(),
    /Failed to start base Wasm: Function: proxy_on_vm_start failed: .*unreachable/,
  );
});

test("plugins of the same code share a VM, each with its own root", async () => {
  const probe = await remote({}, { configuration: "one" });
  const other = probe.load({ configuration: "two", rootId: "second" });
  const [one, two] = [probe.plugin.worker(), other.worker()];
  assert.equal(one.vm, two.vm);
  assert.notEqual(one.rootContextId, two.rootContextId);
});

test("FAIL_CLOSED: the trapping request and all later ones get 503", async () => {
  const probe = await remote();
  probe.at("request_headers", (host) => host.call("trap"));
  const first = probe.plugin.worker().request();
  const second = probe.plugin.worker().request();
  assert.match(
    first.trapped ?? "",
    /^Function: proxy_on_request_headers failed: Uncaught RuntimeError: unreachable$/,
  );
  assert.deepEqual([first.status, first.response.details, second.status], [503, "wasm_fail_stream", 503]);
  assert.deepEqual(second.callbacks, []);
  assert.equal(second.upstream.reached, false);
});

test("a stack overflow is a trap; other workers live on", async () => {
  const probe = await remote({ workers: 2 });
  probe.at("request_headers", (host) => host.thread === "worker0" && host.call("recurse", 0));
  assert.equal(probe.plugin.worker(0).request().status, 503);
  assert.equal(probe.plugin.worker(1).request().status, 200);
});

test("FAIL_OPEN: a dead filter is skipped", async () => {
  const probe = await remote({}, { failurePolicy: "FAIL_OPEN" });
  probe.at("request_headers", (host) => host.call("trap"));
  const [first, second] = [probe.plugin.worker().request(), probe.plugin.worker().request()];
  assert.deepEqual([first.status, second.status, second.bypassed], [200, 200, true]);
});

test("FAIL_RELOAD: a new VM once the backoff has passed since the last load", async () => {
  const probe = await remote({}, { failurePolicy: "FAIL_RELOAD" });
  const worker = probe.plugin.worker();
  probe.at("request_headers", (host) => host.call("trap"));
  assert.equal(worker.request().status, 503);
  probe.at("request_headers", () => undefined);
  assert.equal(worker.request().status, 503);
  probe.proxy.advance(1000);
  assert.equal(worker.request().status, 200);
  assert.deepEqual(worker.reloads, { success: 1, failure: 0, backoff: 1 });
});

test("a trap in on_log leaves the response alone", async () => {
  const probe = await remote();
  probe.at("log", (host) => host.call("trap"));
  const seen = probe.plugin.worker().request();
  assert.deepEqual([seen.status, seen.callbacks.at(-1)], [200, "proxy_on_log"]);
  assert.match(seen.trapped ?? "", /proxy_on_log/);
});

test("a root that answers 0 to on_done is deleted after proxy_done", async () => {
  const probe = await remote();
  const events: string[] = [];
  probe.at("done", (host) => host.thread === "worker0" && host.call("set_answer", 0));
  probe.at("delete", (host) => host.thread === "worker0" && events.push(`delete ${host.contextId}`));
  probe.at("tick", (host) => events.push(`done ${host.call("done")}`));
  probe.at("configure", (host) => host.thread === "worker0" && host.call("set_tick_period_milliseconds", 5));
  const other = probe.load({ rootId: "other" });
  probe.load({ rootId: "keeps the VM" });
  other.remove();
  probe.proxy.advance(5);
  assert.ok(events.includes("delete 2"), events.join());
});

test("streams may be interleaved", async () => {
  const probe = await remote();
  const [one, two] = [probe.plugin.worker().stream(), probe.plugin.worker().stream()];
  one.requestHeaders({ ":path": "/1" });
  two.requestHeaders({ ":path": "/2" });
  two.responseHeaders({ ":status": "202" });
  one.responseHeaders({ ":status": "201" });
  assert.deepEqual([two.end().status, one.end().status], [202, 201]);
});
