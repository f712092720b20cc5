import assert from "node:assert/strict";
import { connect as connectTcp } from "node:net";
import { test, type TestContext } from "node:test";
import { KubeConfig } from "@kubernetes/client-node";
import { causeWithin } from "../../deploy/tool/cause.ts";
import type { Pod } from "../../deploy/tool/cluster/pods.ts";
import { accessThrough, PodPageError } from "../../deploy/tool/dataplane/access.ts";
import {
  configHash,
  identify,
  readEcds,
  readListeners,
  readStatsBootstrap,
  readUpdates,
} from "../../deploy/tool/dataplane/config-dump.ts";
import { directTransport } from "../../deploy/tool/dataplane/direct.ts";
import { forwardTransport, type Forwarder } from "../../deploy/tool/dataplane/forward.ts";
import { structJson } from "../../deploy/tool/dataplane/struct-json.ts";
import { parseNacks } from "../../deploy/tool/dataplane/syncz.ts";
import { CliError } from "../../scripts/lib/cli.ts";
import { freePort } from "../../scripts/lib/ports.ts";
import { waitFor } from "../../scripts/lib/process.ts";
import { serveOnLoopback } from "./loopback.ts";

const pod: Pod = { namespace: "trading", name: "engine-0", address: "127.0.0.1", labels: {}, ready: true };

test("the ECDS name of a WasmPlugin is told in all three spellings, and in no other", () => {
  const expected = { namespace: "trading", name: "tickgate.v2" };
  const names = [
    ["1.22", "extenstions.istio.io/wasmplugin/trading.tickgate.v2"],
    ["1.26", "extensions.istio.io/wasmplugin/trading.tickgate.v2"],
    ["1.30", "extensions.istio.io/trafficextension/trading.tickgate.v2~istio-translated-wasmplugin"],
  ] as const;
  for (const [spelling, name] of names) assert.deepEqual(identify(name), { ...expected, spelling });
  for (const name of [
    "extensions.istio.io/trafficextension/trading.tickgate",
    "extensions.istio.io/wasmplugin/tickgate",
    "istio.io/telemetry/x.y",
    "",
  ]) {
    assert.equal(identify(name), undefined, name);
  }
});

const resource = "extensions.istio.io/trafficextension/trading.tickgate~istio-translated-wasmplugin";

function dump(typedConfig: unknown, name = resource): string {
  const filter = { name, typed_config: typedConfig };
  return JSON.stringify({ configs: [{ last_updated: "2026-11-23T11:20:24.749Z", ecds_filter: filter }] });
}

test("a dump tells configuration, module and variables; what is no WasmPlugin is passed over", () => {
  const wasm = {
    "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
    config: {
      root_id: "tickgate",
      failure_policy: "FAIL_CLOSED",
      configuration: {
        "@type": "type.googleapis.com/google.protobuf.StringValue",
        value: '{"mode":"observe"}',
      },
      vm_config: {
        code: { local: { filename: "/var/lib/istio/data/ab/cd.wasm" } },
        environment_variables: { key_values: { TICKGATE_COLD_START: "pass" } },
      },
    },
  };
  assert.deepEqual(readEcds(dump(wasm)), [
    {
      resource,
      spelling: "1.30",
      namespace: "trading",
      name: "tickgate",
      receivedMillis: 1795432824749,
      failurePolicy: "FAIL_CLOSED",
      rootId: "tickgate",
      code: "/var/lib/istio/data/ab/cd.wasm",
      configuration: '{"mode":"observe"}',
      env: { TICKGATE_COLD_START: "pass" },
    },
  ]);
  assert.deepEqual(readEcds(dump(wasm, "some.other.filter")), []);
  assert.deepEqual(readEcds("{}"), []);
});

test("what the agent puts in place of a module it can't fetch is told apart: refuse all, pass all", () => {
  const type = "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC";
  const [deny] = readEcds(dump({ "@type": type, rules: {}, rules_stat_prefix: "wasm-default-deny" }));
  const [allow] = readEcds(dump({ "@type": type, rules_stat_prefix: "wasm-default-allow" }));
  assert.equal(deny?.fallback, "deny");
  assert.equal(allow?.fallback, "allow");
});

test("the fate of updates by ECDS", () => {
  const name = `extension_config_discovery.http_filter.${resource}`;
  const text = `${name}.version_text: "x"\n${name}.update_rejected: 2\n${name}.update_time: 1795432951360\n${name}.update_attempt: 9\nlistener_manager.lds.update_rejected: 7\n`;
  assert.deepEqual([...readUpdates(text)], [[resource, { rejected: 2, acceptedMillis: 1795432951360 }]]);
  assert.equal(readUpdates("").size, 0);
});

test("what a listener uses is found at any depth; a refused listener uses nothing, and tells why", () => {
  const manager = {
    http_filters: [
      { name: resource, config_discovery: {} },
      { name: "envoy.router", typed_config: {} },
    ],
  };
  const listener = { listener: { filter_chains: [{ filters: [manager] }] } };
  const active = readListeners(JSON.stringify({ configs: [{ active_state: listener }] }));
  assert.deepEqual(active, { used: new Set([resource]), errors: [] });
  const error = { failed_configuration: listener, details: "Unable to create Wasm plugin" };
  const text = JSON.stringify({
    configs: [{ active_state: {}, error_state: error }, { error_state: error }],
  });
  assert.deepEqual(readListeners(text), { used: new Set(), errors: ["Unable to create Wasm plugin"] });
  assert.deepEqual(readListeners("{}"), { used: new Set(), errors: [] });
});

function bootstrapKeeping(prefix: string): string {
  const matcher = { inclusion_list: { patterns: [{ prefix }] } };
  return JSON.stringify({ configs: [{ bootstrap: { stats_config: { stats_matcher: matcher } } }] });
}

test("tags and buckets of a bootstrap", () => {
  const stats = {
    stats_tags: [
      { tag_name: "symbol", regex: "(symbol=\\.=(.*?);\\.;)" },
      // Istio's own: not cut out by its name.
      { tag_name: "authz_enforce_result", regex: "rbac(\\.(allowed|denied))" },
    ],
    histogram_bucket_settings: [{ match: { prefix: "wasmcustom.a" }, buckets: [1] }],
  };
  const text = JSON.stringify({ configs: [{}, { bootstrap: { stats_config: stats } }] });
  assert.deepEqual(readStatsBootstrap(text), {
    keepsUpdates: true,
    tags: ["symbol"],
    bucketPrefixes: ["wasmcustom.a"],
  });
  assert.deepEqual(readStatsBootstrap('{"configs":[{"bootstrap":{}}]}'), {
    keepsUpdates: true,
    tags: [],
    bucketPrefixes: [],
  });
  assert.equal(readStatsBootstrap(bootstrapKeeping("wasm")).keepsUpdates, false);
  assert.equal(readStatsBootstrap(bootstrapKeeping("extension_config_discovery")).keepsUpdates, true);
});

test("the bytes that istiod makes of pluginConfig", () => {
  assert.equal(structJson(undefined), "");
  assert.equal(structJson({}), "");
  assert.equal(
    structJson({ b: [1, 2.5, 1e21, true, null], a: { é: "<&>\u2028", Z: 'q"\n' } }),
    '{"a":{"Z":"q\\"\\n","é":"\\u003c\\u0026\\u003e\\u2028"},"b":[1,2.5,1e+21,true,null]}',
  );
  assert.equal(configHash("abc"), "ba7816bf");
});

test("refusals that istiod shows, on one line", () => {
  const type = "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig";
  const text = JSON.stringify([
    { proxy: "engine-0.trading", resources: { [type]: { lastError: "Error adding\n  filter" } } },
    { proxy: "engine-1.trading", resources: { [type]: {} } },
  ]);
  assert.deepEqual([...parseNacks(text)], [["engine-0.trading", "Error adding filter"]]);
});

function page(t: TestContext, status: number, body: string): Promise<number> {
  return serveOnLoopback(t, (request, response) => {
    if (request.url === "/never") return;
    response.writeHead(status).end(`${request.url ?? ""} ${body}`);
  });
}

test("direct access: a page, a status, a refusal, a silence; each error names pod, port and page", async (t) => {
  const port = await page(t, 200, "hello");
  const closed = await freePort();
  const options = { mode: "direct", ports: { admin: port, stats: closed }, timeoutMillis: 20_000 } as const;
  const access = accessThrough(directTransport, options);
  assert.equal(await access.get(pod, "admin", "/a?b=c"), "/a?b=c hello");
  await assert.rejects(access.get(pod, "stats", "/x"), (error: unknown) => {
    assert.ok(error instanceof CliError);
    assert.match(error.message, /^pod trading\/engine-0, stats port \d+, \/x: connect ECONNREFUSED/);
    return true;
  });
  const impatient = accessThrough(directTransport, { ...options, timeoutMillis: 300 });
  await assert.rejects(
    impatient.get(pod, "admin", "/never"),
    (error: unknown) =>
      error instanceof CliError &&
      /admin port \d+, \/never: no answer within 0.3 s$/.test(error.message) &&
      /kubectl logs -n trading engine-0/.test(error.hint ?? ""),
  );
  const failing = await page(t, 404, "nothing");
  const other = accessThrough(directTransport, { ...options, ports: { admin: failing, stats: failing } });
  await assert.rejects(
    other.get(pod, "admin", "/y"),
    (error: unknown) => error instanceof PodPageError && error.status === 404,
  );
});

test("what a signal with a timeout ends is said with its time, any other error with its cause", async (t) => {
  const port = await page(t, 200, "hello");
  const late = fetch(`http://127.0.0.1:${port}/never`, { signal: AbortSignal.timeout(100) });
  await assert.rejects(late, (error) => causeWithin(100, error) === "no answer within 0.1 s");
  const refused = fetch(`http://127.0.0.1:${await freePort()}/`);
  await assert.rejects(refused, (error) => causeWithin(100, error).startsWith("connect ECONNREFUSED"));
});

/** Does what the API server and the kubelet do with a port-forward, to a port of this machine. */
function kubelet(): Forwarder & { readonly asked: string[] } {
  const asked: string[] = [];
  const portForward: Forwarder["portForward"] = async (
    namespace,
    name,
    [port = 0],
    output,
    errors,
    input,
  ) => {
    asked.push(`${namespace}/${name}:${port}`);
    const socket = connectTcp(port, "127.0.0.1");
    const listeners: (() => void)[] = [];
    socket.on("data", (chunk) => output.write(chunk));
    socket.on("error", (error) =>
      errors?.write(Buffer.from(`error forwarding port ${port}: ${error.message}`)),
    );
    socket.on("close", () => listeners.forEach((listener) => listener()));
    input.on("data", (chunk: Buffer) => socket.write(chunk));
    return webSocket({
      addEventListener: (_event, listener) => listeners.push(listener),
      close: () => socket.destroy(),
    });
  };
  return { asked, portForward };
}

/** Of the web socket only these two are used. */
function webSocket(parts: {
  addEventListener(event: string, listener: () => void): void;
  close(): void;
}): Awaited<ReturnType<Forwarder["portForward"]>> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion, typescript/no-unnecessary-type-assertion
  return parts as unknown as Awaited<ReturnType<Forwarder["portForward"]>>;
}

test("port-forward: HTTP over the stream, a large page, and what the kubelet says when the port is closed", async (t) => {
  const port = await page(t, 200, "x".repeat(3_000_000));
  const closed = await freePort();
  const fake = kubelet();
  const options = {
    mode: "port-forward",
    ports: { admin: port, stats: closed },
    timeoutMillis: 5000,
  } as const;
  const access = accessThrough(forwardTransport(new KubeConfig(), fake), options);
  const bodies = await Promise.all([access.get(pod, "admin", "/1"), access.get(pod, "admin", "/2")]);
  assert.deepEqual(
    bodies.map((body) => [body.slice(0, 3), body.length]),
    [
      ["/1 ", 3_000_003],
      ["/2 ", 3_000_003],
    ],
  );
  await assert.rejects(access.get(pod, "stats", "/x"), /error forwarding port \d+: connect ECONNREFUSED/);
  assert.deepEqual(new Set(fake.asked), new Set([`trading/engine-0:${port}`, `trading/engine-0:${closed}`]));
});

test("port-forward: an API server that refuses the stream, and one that never opens it", async () => {
  const options = { mode: "port-forward", ports: { admin: 1, stats: 2 }, timeoutMillis: 200 } as const;
  const refusing: Forwarder = {
    portForward: () =>
      Promise.reject(Object.assign(new Error("Unexpected server response: 403"), { type: "error" })),
  };
  const silent: Forwarder = { portForward: () => new Promise(() => undefined) };
  await assert.rejects(
    accessThrough(forwardTransport(new KubeConfig(), refusing), options).get(pod, "admin", "/x"),
    (error: unknown) =>
      error instanceof CliError &&
      /server response: 403/.test(error.message) &&
      /pods\/portforward/.test(error.hint ?? ""),
  );
  await assert.rejects(
    accessThrough(forwardTransport(new KubeConfig(), silent), options).get(pod, "admin", "/x"),
    /no answer within 0.2 s/,
  );
});

type Act = () => void;

/** When the kubelet's first frame is read (`write`), and when the client library hands the web socket over (`open`). */
const orders: Readonly<Record<string, (write: Act, open: Act) => void>> = {
  "with the answer to the handshake": (write, open) => {
    write();
    setImmediate(open);
  },
  "right before the socket is there": (write, open) => {
    write();
    open();
  },
  "right after": (write, open) => {
    open();
    process.nextTick(write);
  },
  later: (write, open) => {
    open();
    setTimeout(write, 50);
  },
};

for (const [moment, order] of Object.entries(orders)) {
  test(`port-forward: an error frame that comes ${moment} is the error of the page`, async () => {
    const refused: Forwarder = {
      portForward: (_namespace, _name, _ports, _output, errors) =>
        new Promise((resolve) => {
          order(
            () => errors?.write(Buffer.from("connection refused")),
            () => resolve(webSocket({ addEventListener: () => undefined, close: () => undefined })),
          );
        }),
    };
    const options = { mode: "port-forward", ports: { admin: 1, stats: 2 }, timeoutMillis: 20_000 } as const;
    const access = accessThrough(forwardTransport(new KubeConfig(), refused), options);
    await assert.rejects(access.get(pod, "admin", "/x"), /admin port 1, \/x: connection refused/);
  });
}

test("port-forward: a web socket that opens when the time is up is closed", async () => {
  let open: (() => void) | undefined;
  let closed = false;
  const late: Forwarder = {
    portForward: () =>
      new Promise((resolve) => {
        open = () =>
          resolve(webSocket({ addEventListener: () => undefined, close: () => void (closed = true) }));
      }),
  };
  const options = { mode: "port-forward", ports: { admin: 1, stats: 2 }, timeoutMillis: 100 } as const;
  const access = accessThrough(forwardTransport(new KubeConfig(), late), options);
  await assert.rejects(access.get(pod, "admin", "/x"), /no answer within 0.1 s/);
  open?.();
  await waitFor("the late socket was closed", () => (closed ? true : undefined), { timeoutMillis: 5000 });
});
