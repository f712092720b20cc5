import assert from "node:assert/strict";
import { test } from "./cases.ts";
import { HeaderMap, MapType, Status } from "../../../scripts/lib/emulator/index.ts";
import { encodePairs } from "../../../scripts/lib/emulator/pairs.ts";
import { remote, type Inside } from "./remote.ts";

const GRPC = { ":method": "POST", ":path": "/s/m", "content-type": "application/grpc" };
const EXTRA = encodePairs(HeaderMap.from([["Retry-After", "3"]]));

function refuse(host: Inside, grpc = -1): number {
  return host.call("send_local_response", 429, "over quota", "slow down", EXTRA, grpc);
}

test("a local reply stops the request and passes our own response callback and on_log", async () => {
  const probe = await remote();
  probe.at("request_headers", (host) => refuse(host));
  probe.at("response_headers", (host) =>
    host.call("add_header_map_value", MapType.ResponseHeaders, "x-seen", "1"),
  );
  const seen = probe.plugin.worker().request();
  assert.equal(seen.replied, true);
  assert.equal(seen.upstream.reached, false);
  assert.deepEqual(seen.callbacks, [
    "proxy_on_context_create",
    "proxy_on_request_headers",
    "proxy_on_response_headers",
    "proxy_on_log",
    "proxy_on_done",
    "proxy_on_delete",
  ]);
  assert.deepEqual(seen.response.headers?.toArray(), [
    [":status", "429"],
    ["retry-after", "3"],
    ["content-length", "9"],
    ["content-type", "text/plain"],
    ["x-seen", "1"],
  ]);
  assert.deepEqual([seen.response.body, seen.response.details], ["slow down", "over_quota"]);
  assert.deepEqual(probe.proxy.errors, []);
});

test("a gRPC request gets trailers only", async () => {
  const probe = await remote();
  probe.at("request_headers", (host) => refuse(host, 8));
  const { response, status } = probe.plugin.worker().request({ headers: GRPC });
  assert.deepEqual([status, response.grpcStatus, response.body], [200, 8, ""]);
  assert.equal(response.headers?.get("grpc-message"), "slow down");
  assert.equal(response.headers?.get("content-type"), "application/grpc");
});

test("without a gRPC status 429 becomes UNAVAILABLE", async () => {
  const probe = await remote();
  probe.at("request_headers", (host) => refuse(host));
  assert.equal(probe.plugin.worker().request({ headers: GRPC }).response.grpcStatus, 14);
});

test("a second reply, and one outside the request path, are errors of the filter", async () => {
  const probe = await remote();
  probe.at("request_headers", (host) => refuse(host) + refuse(host));
  probe.at("log", (host) => refuse(host));
  const seen = probe.plugin.worker().request();
  assert.equal(seen.status, 429);
  assert.deepEqual(
    probe.proxy.errors.map((error) => error.kind),
    ["second_local_response", "local_response_outside_request"],
  );
});

test("the request's headers stay readable in the response callback of our own reply", async () => {
  const probe = await remote();
  let seen = -1;
  probe.at("request_headers", (host) => refuse(host));
  probe.at("response_headers", (host) => (seen = host.read("get_header_map_value", 0, ":path").status));
  probe.plugin.worker().request();
  assert.equal(seen, Status.Ok);
});

test("after an earlier filter's reply, on_log is the first callback", async () => {
  const probe = await remote();
  const { callbacks, status, response } = probe.plugin.worker().request({
    headers: { ":path": "/x" },
    earlyReply: { status: 403, body: "no", details: "rbac_access_denied" },
  });
  const ends = ["proxy_on_log", "proxy_on_done", "proxy_on_delete"];
  assert.deepEqual(callbacks, ["proxy_on_context_create", ...ends]);
  assert.deepEqual([status, response.body, response.details], [403, "no", "rbac_access_denied"]);
});

test("a reset upstream is the router's 503, seen by the response callback", async () => {
  const probe = await remote();
  const { callbacks, status, response } = probe.plugin.worker().request({ upstream: { kind: "reset" } });
  assert.equal(status, 503);
  assert.equal(response.flags, 0x40n);
  assert.ok(callbacks.includes("proxy_on_response_headers"));
});

test("a held request goes on after continue_stream, else it ends unanswered", async () => {
  const probe = await remote();
  probe.at("request_headers", (host) => host.call("set_answer", 1));
  const held = probe.plugin.worker().request();
  assert.deepEqual([held.upstream.reached, held.status], [false, undefined]);
  probe.at("request_headers", (host) => host.call("set_answer", 1) + host.call("continue_stream", 0));
  assert.equal(probe.plugin.worker().request().upstream.reached, true);
});
