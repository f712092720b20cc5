import assert from "node:assert/strict";
import { test } from "./cases.ts";
import { Status, toBytes } from "../../../scripts/lib/emulator/index.ts";
import { inside, remote, type Inside } from "./remote.ts";

const property = (host: Inside, path: string) => host.read("get_property", path.replaceAll(".", "\0"));
const joinedHeader = (host: Inside) => property(host, "request.headers.x-one");
const int = (value: string) => Buffer.from(toBytes(value)).readBigInt64LE();

test("what the end of the request tells is NotFound before it", async () => {
  const paths = ["request.duration", "response.code"];
  const read = (host: Inside) => paths.map((path) => property(host, path).status);
  assert.deepEqual(await inside("request_headers", read), [Status.NotFound, Status.NotFound]);
  // The router tells the code before the filters see the response.
  assert.deepEqual(await inside("response_headers", read), [Status.NotFound, Status.Ok]);
  assert.deepEqual(await inside("log", read), [Status.Ok, Status.Ok]);
});

test("integers and durations are i64, booleans one byte, text its bytes", async () => {
  const probe = await remote();
  const seen: Record<string, string> = {};
  probe.at("log", (host) => {
    for (const path of [
      "request.duration",
      "response.code",
      "connection.mtls",
      "request.url_path",
      "request.query",
    ]) {
      seen[path] = property(host, path).value;
    }
    seen["pool"] = property(host, "upstream.cx_pool_ready_duration").value;
    seen["uri"] = property(host, "connection.uri_san_peer_certificate").value;
    seen["own"] = property(host, "xds.node.id").value;
    seen["plugin"] = property(host, "plugin_root_id").value;
  });
  probe.plugin.worker().request({
    headers: { ":path": "/a?b=c" },
    connection: { uriSanPeerCertificate: "spiffe://a/b" },
    properties: { "xds.node.id": "n1" },
    upstream: { status: 204, poolReadyMicros: 5, delayMicros: 10, bodyMicros: 7 },
  });
  const { "request.duration": duration = "", "response.code": code = "", pool = "", ...rest } = seen;
  assert.deepEqual([int(duration), int(code), int(pool)], [22_000n, 204n, 5_000n]);
  assert.deepEqual(rest, {
    "connection.mtls": "\x01",
    "request.url_path": "/a",
    "request.query": "b=c",
    uri: "spiffe://a/b",
    own: "n1",
    plugin: "probe",
  });
});

test("without a peer certificate there is no URI and no mTLS", async () => {
  const seen = await inside("request_headers", (host) => [
    property(host, "connection.mtls").value,
    property(host, "connection.uri_san_peer_certificate").status,
    property(host, "no.such.thing").status,
  ]);
  assert.deepEqual(seen, ["\0", Status.NotFound, Status.NotFound]);
});

test("request.headers joins copies and goes with the request's map", async () => {
  assert.deepEqual(await inside("request_headers", joinedHeader), { status: 0, value: "1,2" });
  assert.equal((await inside("response_headers", joinedHeader)).status, Status.NotFound);
});

test("set_property is filter state wasm.<path>, readable again, also from on_log", async () => {
  const probe = await remote();
  probe.at("request_headers", (host) => host.call("set_property", "a", "1"));
  probe.at("log", (host) => {
    host.call(
      "set_property",
      "late",
      property(host, "a").value + property(host, "filter_state.wasm.a").status,
    );
  });
  const seen = probe.plugin.worker().request();
  assert.deepEqual(seen.filterState, { "wasm.a": "1", "wasm.late": `1${Status.NotFound}` });
});

test("a root context has no stream to read or write", async () => {
  const probe = await remote();
  const seen: number[] = [];
  probe.at("tick", (host) =>
    seen.push(property(host, "request.path").status, host.call("set_property", "a", "1")),
  );
  probe.at("log", (host) => host.call("set_tick_period_milliseconds", 10));
  probe.plugin.worker().request();
  probe.proxy.advance(10);
  assert.deepEqual(seen, [Status.NotFound, Status.NotFound]);
});
