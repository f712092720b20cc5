import assert from "node:assert/strict";
import { parseList } from "structured-headers";
import { releaseTest, test } from "./lib/cases.ts";
import type { Filter } from "./lib/filter.ts";
import { by, ofSlot, spendAll } from "./lib/quotas.ts";
import { seeded } from "./lib/random.ts";
import type { Observation } from "../../scripts/lib/emulator/index.ts";

const ORDERS = { quotas: [{ name: "orders-per-user", limit: 100, window: "1s", burst: 200 }] };
const GRPC = { "content-type": "application/grpc" };
const FAILING = { failureMode: "deny", quotas: [{ name: "q", limit: 1 }] };
const INTERNAL_FAILURE = 10;

/** The reply in full, as a caller gets it. */
function replyOf(seen: Observation): object {
  const { status, headers, trailers, body, details } = seen.response;
  return { status, headers: Object.fromEntries(headers?.toArray() ?? []), trailers, body, details };
}

function overQuota(filter: Filter, more: Readonly<Record<string, string>> = {}): Observation {
  spendAll(filter, by("u-secret-7", more));
  return filter.send(by("u-secret-7", more));
}

test("429, letter by letter", (given) => {
  const filter = given(ORDERS);
  const body =
    '{"type":"https://iana.org/assignments/http-problem-types#quota-exceeded","title":"Quota exceeded","status":429,' +
    '"violated-policies":["orders-per-user"]}';
  assert.deepEqual(replyOf(overQuota(filter)), {
    status: 429,
    headers: {
      ":status": "429",
      "content-type": "application/problem+json",
      "retry-after": "1",
      "ratelimit-policy": '"orders-per-user";q=200;w=2',
      ratelimit: '"orders-per-user";r=0;t=1',
      "x-envoy-ratelimited": "true",
      "content-length": String(body.length),
    },
    trailers: undefined,
    body,
    details: "tickgate_quota_denied",
  });
});

test("gRPC: trailers only, RESOURCE_EXHAUSTED, a pushback, no JSON", (given) => {
  const reply = replyOf(overQuota(given(ORDERS), GRPC));
  assert.deepEqual(reply, {
    status: 200,
    headers: {
      ":status": "200",
      "grpc-retry-pushback-ms": "10",
      "x-envoy-ratelimited": "true",
      "content-type": "application/grpc",
      "grpc-status": "8",
      "grpc-message": "over quota: orders-per-user",
    },
    trailers: undefined,
    body: "",
    details: "tickgate_quota_denied",
  });
});

for (const type of ["application/grpc+proto", "application/grpc+json"]) {
  test(`${type} is gRPC`, (given) => {
    const { response } = overQuota(given(ORDERS), { "content-type": type });
    assert.deepEqual([response.grpcStatus, response.body], [8, ""]);
  });
}

test("a gRPC message is at most 100 bytes, however long the quota's name", (given) => {
  const name = `q${"x".repeat(63)}`;
  const { headers } = overQuota(given({ quotas: [{ name, limit: 1 }] }), GRPC).response;
  const message = headers?.get("grpc-message") ?? "";
  assert.ok(message.endsWith(name) && message.length <= 100, message);
});

test("a WebSocket handshake is refused as any request", (given) => {
  const { seen, labels } = ((filter) => {
    spendAll(filter, by("u"));
    return filter.when(by("u", { upgrade: "websocket", connection: "Upgrade" }));
  })(given({ quotas: [{ name: "q", limit: 1, window: "1m" }] }));
  assert.deepEqual([seen.status, seen.upstream.reached, labels["result"]], [429, false, "quota_denied"]);
});

test("401 and UNAUTHENTICATED, letter by letter", (given) => {
  const filter = given({ ...ORDERS, identity: { anonymous: "reject" } });
  assert.deepEqual(replyOf(filter.send({})), {
    status: 401,
    headers: {
      ":status": "401",
      "www-authenticate": 'Bearer realm="tickgate"',
      "x-envoy-ratelimited": "true",
      "content-length": "21",
      "content-type": "text/plain",
    },
    trailers: undefined,
    body: "no user is identified",
    details: "tickgate_unidentified",
  });
  const grpc = filter.send({ headers: GRPC }).response;
  assert.deepEqual(
    [grpc.grpcStatus, grpc.headers?.get("grpc-message"), grpc.body],
    [16, "no user is identified", ""],
  );
});

test("503 and UNAVAILABLE, letter by letter", (given) => {
  const filter = given(FAILING);
  filter.proxy.faults.fail("proxy_get_shared_data", INTERNAL_FAILURE, { when: ofSlot });
  const { seen, labels } = filter.when(by("u"));
  assert.equal(labels["result"], "failed");
  assert.deepEqual(replyOf(seen), {
    status: 503,
    headers: {
      ":status": "503",
      "x-envoy-ratelimited": "true",
      "content-length": "30",
      "content-type": "text/plain",
    },
    trailers: undefined,
    body: "the quota could not be checked",
    details: "tickgate_failed",
  });
  const grpc = filter.send(by("u", GRPC)).response;
  assert.deepEqual([grpc.grpcStatus, grpc.details], [14, "tickgate_failed"]);
});

test("no reply and no log line tells who the user is", (given) => {
  const filter = given(ORDERS);
  for (const more of [{}, GRPC])
    assert.ok(!JSON.stringify(replyOf(overQuota(filter, more))).includes("secret"));
  const logged = filter.proxy.log.messages({});
  assert.deepEqual(
    logged.filter((line) => line.includes("secret")),
    [],
  );
});

test("a reply the host does not take lets the request pass, counted", (given) => {
  const filter = given({ quotas: [{ name: "q", limit: 1, window: "1h" }] });
  filter.send(by("u"));
  filter.proxy.faults.fail("proxy_send_local_response", INTERNAL_FAILURE, { times: 1 });
  const { seen, grew } = filter.when(by("u"));
  assert.deepEqual([seen.status, grew("tickgate_failures_total", { reason: "reply" })], [200, 1]);
});

const SECONDS: Readonly<Record<string, number>> = { ms: 1e-3, s: 1, m: 60, h: 3600 };

function secondsOf(window: string): number {
  const [, digits = "", unit = ""] = /^(\d+)(\w+)$/.exec(window) ?? [];
  return Number(digits) * (SECONDS[unit] ?? Number.NaN);
}

interface Item {
  readonly name: string;
  readonly parameters: Readonly<Record<string, number>>;
}

/** The one item of a list of strings with integer parameters (RFC 9651). */
function itemOf(field: string | undefined): Item {
  const [item, ...more] = parseList(field ?? "");
  assert.ok(item !== undefined && more.length === 0, field);
  const [name, parameters] = item;
  assert.equal(typeof name, "string");
  for (const value of parameters.values()) assert.ok(Number.isInteger(value), field);
  return {
    name: String(name),
    parameters: Object.fromEntries([...parameters].map(([k, v]) => [k, Number(v)])),
  };
}

const ODD = [
  { limit: 1, window: "24h", burst: 1 },
  { limit: 1, window: "24h", burst: 1_000_000_000 },
  { limit: 3, window: "1s", burst: 1 },
  { limit: 7, window: "1500ms", burst: 5 },
  { limit: 999, window: "7m", burst: 10 },
  { limit: 1_000_000_000, window: "1s", burst: 1_000_000_000 },
  { limit: 1_000_000, window: "1ms", burst: 3 },
  { limit: 13, window: "17s", burst: 1000 },
];

for (const rate of ODD) {
  test(`fields of ${rate.limit} in ${rate.window}, burst ${rate.burst}, are valid and true`, (given) => {
    const filter = given({
      quotas: [{ name: "q-1_x", ...rate, cost: { header: "x-cost", max: rate.burst } }],
    });
    assert.equal(filter.send(by("u", { "x-cost": String(rate.burst) })).status, 200);
    const { headers } = filter.send(by("u")).response;
    const policy = itemOf(headers?.get("ratelimit-policy"));
    const seconds = secondsOf(rate.window);
    const w = Math.max(1, Math.ceil((rate.burst * seconds * 1000) / (rate.limit * 1000)));
    assert.deepEqual(policy, { name: "q-1_x", parameters: { q: Math.floor((rate.limit * w) / seconds), w } });
    const left = itemOf(headers?.get("ratelimit"));
    const t = Math.max(1, Math.ceil(seconds / rate.limit));
    assert.deepEqual(left, { name: "q-1_x", parameters: { r: 0, t } });
    assert.equal(headers?.get("retry-after"), String(t));
  });
}

releaseTest("retry-after and the pushback are never too early, and late by less than their unit", (given) => {
  const random = seeded(5);
  for (let round = 0; round < 60; round++) {
    const limit = 1 + Math.floor(random() * 50);
    const window = `${1 + Math.floor(random() * 20)}s`;
    const burst = 1 + Math.floor(random() * 20);
    const max = 1 + Math.floor(random() * burst);
    const filter = given({ quotas: [{ name: "q", limit, window, burst, cost: { header: "x-cost", max } }] });
    const cost = { "x-cost": String(1 + Math.floor(random() * max)) };
    spendAll(filter, by("u", cost));
    const wait = Number(filter.send(by("u", cost)).response.headers?.get("retry-after"));
    const pushback = filter.send(by("u", { ...cost, ...GRPC })).response.headers;
    const millis = Number(pushback?.get("grpc-retry-pushback-ms"));
    assert.ok(wait >= millis / 1000 && wait < millis / 1000 + 1, `${wait} s, ${millis} ms`);
    filter.proxy.clock.move(BigInt(millis - 1) * 1_000_000n - 1n);
    assert.equal(filter.send(by("u", cost)).status, 429);
    filter.proxy.clock.move(1_000_001n);
    assert.equal(filter.send(by("u", cost)).status, 200);
  }
});

releaseTest("the fields of many quotas announced together are one valid list", (given) => {
  const quotas = Array.from({ length: 16 }, (_, i) => ({
    name: `q${String(i).padStart(2, "0")}${"x".repeat(61)}`,
    limit: 1_000_000_000,
    key: [],
    burst: 1_000_000_000,
    announce: true,
  }));
  const { headers } = given({ quotas }).send(by("u")).response;
  for (const name of ["ratelimit", "ratelimit-policy"]) {
    const list = parseList(headers?.get(name) ?? "");
    assert.deepEqual(
      list.map(([one]) => one),
      quotas.map((quota) => quota.name),
    );
  }
});

for (const type of ["application/grpc-web", "application/grpc;v=1", "application/grpcx"]) {
  test(`${type}, which Envoy answers as HTTP, gets the reply of HTTP`, (given) => {
    const { headers, body } = overQuota(given(ORDERS), { "content-type": type }).response;
    assert.deepEqual(
      ["content-type", "retry-after", "grpc-retry-pushback-ms"].map((name) => headers?.get(name)),
      ["application/problem+json", "1", undefined],
    );
    assert.match(body, /quota-exceeded/);
  });
}
