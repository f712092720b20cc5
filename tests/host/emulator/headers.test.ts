import assert from "node:assert/strict";
import { test } from "./cases.ts";
import { HeaderMap, MapType, Status } from "../../../scripts/lib/emulator/index.ts";
import { decodePairs, encodePairs } from "../../../scripts/lib/emulator/pairs.ts";
import { inside, remote } from "./remote.ts";

const REQUEST = MapType.RequestHeaders;
const RESPONSE = MapType.ResponseHeaders;

/** Reads a request header, writes to both maps, asks for a size. */
function readAndWrite(name: "response_headers" | "log"): Promise<number[]> {
  return inside(name, (host) => [
    host.read("get_header_map_value", REQUEST, "x-one").status,
    host.call("replace_header_map_value", REQUEST, "x-one", "3"),
    host.call("add_header_map_value", RESPONSE, "x-late", "1"),
    host.call("get_header_map_size", REQUEST, host.out),
  ]);
}

test("a value is the first of its name, in any case; an absent one NotFound", async () => {
  const seen = await inside("request_headers", (host) => [
    host.read("get_header_map_value", REQUEST, "X-ONE"),
    host.read("get_header_map_value", REQUEST, "x-two").status,
    host.read("get_header_map_value", RESPONSE, "x-one").status,
    host.read("get_header_map_value", 8, "x-one").status,
  ]);
  assert.deepEqual(seen, [
    { status: 0, value: "1" },
    Status.NotFound,
    Status.BadArgument,
    Status.BadArgument,
  ]);
});

test("pairs hold every copy in order; an absent map is empty with size 0", async () => {
  const seen = await inside("request_headers", (host) => [
    decodePairs(Buffer.from(host.read("get_header_map_pairs", REQUEST).value, "latin1")),
    host.read("get_header_map_pairs", RESPONSE),
  ]);
  const sent = [
    [":method", "GET"],
    [":path", "/a?b=c"],
    ["x-one", "1"],
    ["x-one", "2"],
  ];
  assert.deepEqual(seen, [sent, { status: 0, value: "" }]);
});

test("request headers are gone in on_response_headers and back, read-only, in on_log", async () => {
  const [bad, ok] = [Status.BadArgument, Status.Ok];
  assert.deepEqual(await readAndWrite("response_headers"), [bad, bad, ok, bad]);
  assert.deepEqual(await readAndWrite("log"), [ok, bad, bad, bad]);
});

test("in on_log a response that was never sent is NotFound", async () => {
  const probe = await remote();
  let seen = -1;
  probe.at("log", (host) => (seen = host.read("get_header_map_value", RESPONSE, ":status").status));
  const { status, response } = probe.plugin.worker().request({ upstream: { kind: "disconnect" } });
  assert.deepEqual(
    [seen, status, response.details],
    [Status.NotFound, undefined, "downstream_remote_disconnect"],
  );
});

test("what the filter writes reaches the upstream and the caller", async () => {
  const probe = await remote();
  probe.at("request_headers", (host) => {
    host.call("add_header_map_value", REQUEST, "X-New", "n");
    host.call("replace_header_map_value", REQUEST, "x-one", "only");
    host.call("remove_header_map_value", REQUEST, "x-gone");
  });
  probe.at("response_headers", (host) => host.call("add_header_map_value", RESPONSE, "x-answer", "a"));
  const headers = { "x-one": ["1", "2"], "x-gone": "x" };
  const seen = probe.plugin
    .worker()
    .request({ headers, upstream: { status: 201, headers: { "x-up": "u" } } });
  assert.deepEqual(seen.upstream.headers?.toArray(), [
    ["x-new", "n"],
    ["x-one", "only"],
  ]);
  assert.deepEqual(seen.response.headers?.toArray(), [
    [":status", "201"],
    ["x-up", "u"],
    ["x-answer", "a"],
  ]);
});

test("a pair blob replaces a map; a malformed one empties it", async () => {
  const blob = encodePairs(HeaderMap.from([["X-A", "1"]]));
  const after = await inside("request_headers", (host) => {
    const one = host.call("set_header_map_pairs", REQUEST, blob);
    const pairs = decodePairs(Buffer.from(host.read("get_header_map_pairs", REQUEST).value, "latin1"));
    host.call("set_header_map_pairs", REQUEST, blob.slice(0, -1));
    return [one, pairs, host.read("get_header_map_pairs", REQUEST).value];
  });
  assert.deepEqual(after, [Status.Ok, [["x-a", "1"]], ""]);
});

test("bytes above 0x7f pass as they are; NUL, CR and LF never reach a filter", () => {
  assert.equal(HeaderMap.from({ a: "é" }).get("a"), "\xc3\xa9");
  assert.equal(HeaderMap.from({ a: Uint8Array.of(0xff) }).get("a"), "\xff");
  for (const bad of ["a\0", "a\r", "a\n"]) assert.throws(() => HeaderMap.from({ a: bad }), RangeError);
});

test("headers that Envoy holds in a fixed place are joined", () => {
  const map = HeaderMap.from({ "grpc-timeout": ["1S", "2S"], "x-user-id": ["a", "b"] });
  assert.deepEqual(map.getAll("grpc-timeout"), ["1S,2S"]);
  assert.deepEqual(map.getAll("x-user-id"), ["a", "b"]);
});
