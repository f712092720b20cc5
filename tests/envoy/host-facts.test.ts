import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { accessLog } from "../../scripts/lib/envoy/config.ts";
import { wasmFilter } from "../../scripts/lib/envoy/wasm.ts";
import { waitFor } from "../../scripts/lib/process.ts";
import { temporaryDirectory } from "../../scripts/lib/temporary.ts";
import { probe } from "../host/emulator/probes.ts";
import { answerGrpc, callGrpc, startGrpcUpstream } from "./lib/grpc.ts";
import { startGateway, type Gateway, type GatewayOptions } from "./lib/gateway.ts";
import { startUpstream } from "./lib/upstream.ts";
import { startCollector } from "./lib/zipkin.ts";

// Facts of Envoy that the filter is built on, seen with the observer probe.

const phases = ["request_headers", "response_headers", "response_trailers", "log"];
const formats = Object.fromEntries(phases.map((phase) => [phase, `%FILTER_STATE(wasm.p_${phase}:PLAIN)%`]));

test("filter state reaches a span when it was set before proxy_on_log, a log line always", async (t) => {
  const collector = await startCollector(t);
  const port = await startGrpcUpstream(t, (stream) => answerGrpc(stream, 0));
  const gateway = await startProbe(t, "s", {
    upstream: { ...(await startUpstream(t)), port },
    http2Upstream: true,
    clusters: [collector.cluster],
    bootstrap: collector.bootstrap,
    listener: { accessLog: [accessLog(formats)], manager: { tracing: collector.tracing(formats) } },
  });
  await callGrpc(gateway.port, "/");
  const [span] = await collector.spans(1);
  assert.deepEqual(
    phases.filter((phase) => span?.[phase] !== undefined),
    ["request_headers", "response_headers", "response_trailers"],
  );
  const line = await gateway.logged(/^\{/);
  const logged: Record<string, string | null> = JSON.parse(line);
  assert.deepEqual(
    phases.filter((phase) => logged[phase] !== null),
    phases,
  );
});

test("FAIL_RELOAD makes a new VM for the first request that comes a second or more after the last load", async (t) => {
  const gateway = await startProbe(t, "", {}, "FAIL_RELOAD");
  const loaded = performance.now();
  await waitFor(
    "the backoff of the first load was over",
    () => performance.now() - loaded > 1600 || undefined,
  );
  const trap = () => gateway.send([["x-act", "trap"]]);
  assert.equal((await trap()).status, 503);
  assert.equal((await gateway.send()).status, 200, "no backoff: the last load is long ago");
  const reloaded = performance.now();
  assert.equal((await trap()).status, 503);
  assert.equal((await gateway.send()).status, 503, "the backoff");
  await waitFor("the VM was made anew", async () => (await gateway.send()).status === 200 || undefined);
  const waited = performance.now() - reloaded;
  assert.ok(waited > 900, `${waited} ms`);
  const stats = await gateway.envoy.admin.stats("vm_reload");
  const count = (what: string) => [...stats].find(([name]) => name.endsWith(`vm_reload_${what}`))?.[1] ?? 0;
  assert.equal(count("success"), 2);
  assert.ok(count("backoff") > 0);
});

async function startProbe(
  t: TestContext,
  flags: string,
  options: GatewayOptions,
  failurePolicy: "FAIL_RELOAD" | "FAIL_CLOSED" = "FAIL_CLOSED",
): Promise<Gateway> {
  const directory = await temporaryDirectory();
  t.after(() => directory.remove());
  const module = join(directory.path, "observer.wasm");
  await writeFile(module, await probe("observer"));
  const filter = wasmFilter({ module, name: "probe", rootId: "probe", configuration: flags, failurePolicy });
  return startGateway(t, { ...options, filters: [filter] });
}
