import assert from "node:assert/strict";
import { test } from "./cases.ts";
import { SharedData, Status } from "../../../scripts/lib/emulator/index.ts";
import { inside, remote } from "./remote.ts";

test("an absent key is NotFound and takes any cas", async () => {
  const seen = await inside("request_headers", (host) => [
    host.shared("k").status,
    host.call("set_shared_data", "k", "one", 0xffff_ffff),
    host.call("set_shared_data", "k", "two", 0xffff_ffff),
    host.shared("k"),
  ]);
  assert.deepEqual(seen, [
    Status.NotFound,
    Status.Ok,
    Status.CasMismatch,
    { status: 0, value: "one", cas: 1 },
  ]);
});

test("the cas just read writes once, cas 0 always writes", async () => {
  const seen = await inside("request_headers", (host) => {
    host.call("set_shared_data", "k", "one", 0);
    const { cas } = host.shared("k");
    const first = host.call("set_shared_data", "k", "two", cas);
    const again = host.call("set_shared_data", "k", "three", cas);
    const always = host.call("set_shared_data", "k", "four", 0);
    return [first, again, always, host.shared("k").value];
  });
  assert.deepEqual(seen, [Status.Ok, Status.CasMismatch, Status.Ok, "four"]);
});

test("one counter serves all keys and vm_ids and skips 0 when it wraps", () => {
  const data = new SharedData();
  data.nextCas = 0xffff_ffff;
  data.set("a", "k", new Uint8Array(1));
  data.set("b", "k", new Uint8Array(1));
  assert.equal(data.get("a", "k")?.cas, 0xffff_ffff);
  assert.equal(data.get("b", "k")?.cas, 1);
});

test("a stored value is a copy, also of the same length", () => {
  const data = new SharedData();
  const bytes = Uint8Array.of(1, 2);
  data.set("", "k", bytes);
  const before = data.get("", "k");
  bytes[0] = 9;
  data.set("", "k", Uint8Array.of(3, 4));
  assert.deepEqual(before?.value, Uint8Array.of(1, 2));
  assert.deepEqual(data.get("", "k")?.value, Uint8Array.of(3, 4));
});

test("workers share the data; it is erased with the last VM of its vm_id", async () => {
  const probe = await remote({ workers: 2 }, { vmId: "v" });
  let seen = "";
  probe.at("request_headers", (host) => host.call("set_shared_data", "k", host.thread, 0));
  probe.at("log", (host) => (seen = host.shared("k").value));
  probe.plugin.worker(0).request();
  probe.plugin.worker(1).request();
  assert.equal(seen, "worker1");

  const last = probe.plugin.worker(0).stream();
  last.requestHeaders({});
  probe.plugin.remove();
  assert.deepEqual(probe.proxy.sharedData.keys("v"), ["k"]);
  last.destroy();
  assert.deepEqual(probe.proxy.sharedData.keys("v"), []);
});

test("a hook can let another worker write between get and set", async () => {
  const probe = await remote({ workers: 2 });
  const statuses: number[] = [];
  probe.at("request_headers", (host) => {
    const { cas } = host.shared("k");
    statuses.push(host.call("set_shared_data", "k", host.thread, cas === 0 ? 1 : cas));
  });
  const [one, other] = [probe.plugin.worker(0), probe.plugin.worker(1)];
  probe.proxy.sharedData.set("", "k", Uint8Array.of(1));
  probe.proxy.faults.after("proxy_get_shared_data", () => void other.request(), {
    thread: "worker0",
    times: 1,
  });
  one.request();
  assert.deepEqual(statuses, [Status.Ok, Status.CasMismatch]);
});
