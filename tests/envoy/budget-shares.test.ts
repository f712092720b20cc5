import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { HttpFilter } from "../../scripts/lib/envoy/types.ts";
import { startBudgets, type BudgetGateway } from "./lib/budget-gateway.ts";
import { Client } from "./lib/client.ts";

// Who spent the time of a broken budget, held against Envoy's own clock.

const bandMicros = 100;
const budgets = [{ name: "tight", limit: "1ms" }];
const samples = 20;

/** Three of four: those that the machine held up between two clock reads do not decide. */
function typical(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * 0.75)] ?? NaN;
}

/** Sends some requests one after the other and compares both shares of each with Envoy's figures. */
async function compare(
  t: TestContext,
  gateway: BudgetGateway,
  share: string,
  headers: Readonly<Record<string, string>>,
): Promise<void> {
  const client = new Client(t, gateway.port);
  const upstreamErrors: number[] = [];
  const proxyErrors: number[] = [];
  const shares: Record<string, number> = {};
  for (let i = 0; i < samples; i++) {
    await client.send({ "x-request-id": `r${i}`, ...headers });
    const seen = await gateway.violation(`r${i}`);
    const times = await gateway.timesOf(`r${i}`);
    // A busy machine may hold a worker up for longer than the scenario does: Envoy's clock says whose time that was.
    if (Math.abs(times.upstream - times.toUpstream) > 2 * bandMicros) {
      assert.equal(seen.share, times.upstream > times.toUpstream ? "upstream" : "proxy", seen.line);
    }
    assert.equal(seen.upstream + seen.proxy, seen.spent);
    shares[seen.share] = (shares[seen.share] ?? 0) + 1;
    upstreamErrors.push(Math.abs(seen.upstream - times.upstream));
    proxyErrors.push(Math.abs(seen.proxy - times.toUpstream));
  }
  t.diagnostic(`${share}: upstream off by ${spread(upstreamErrors)} us, proxy by ${spread(proxyErrors)} us`);
  assert.ok(typical(upstreamErrors) <= bandMicros, `upstream share off by ${spread(upstreamErrors)} us`);
  assert.ok(typical(proxyErrors) <= bandMicros, `proxy share off by ${spread(proxyErrors)} us`);
  assert.ok((shares[share] ?? 0) >= samples * 0.75, JSON.stringify(shares));
  assert.deepEqual(await gateway.counted("tight", samples), shares);
}

function spread(values: readonly number[]): string {
  return `${typical(values)} (3 of 4), ${Math.max(...values)} (worst)`;
}

test("a slow upstream", async (t) => {
  const gateway = await startBudgets(t, { configuration: { budgets } });
  await compare(t, gateway, "upstream", { "x-wait-ms": "10" });
});

test("a slow upstream with a long body, judged by the first byte", async (t) => {
  const gateway = await startBudgets(t, { configuration: { budgets } });
  await compare(t, gateway, "upstream", { "x-wait-ms": "5", "x-body-ms": "30" });
});

test("a slow filter after ours", async (t) => {
  const fault: HttpFilter = {
    name: "envoy.filters.http.fault",
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault",
      delay: { fixed_delay: "0.030s", percentage: { numerator: 100 } },
    },
  };
  const gateway = await startBudgets(t, { configuration: { budgets }, after: [fault] });
  await compare(t, gateway, "proxy", { "x-wait-ms": "2" });
});

/** Burns processor time in Envoy's worker. */
function lua(callback: "envoy_on_request" | "envoy_on_response"): HttpFilter {
  const burn = "local n = 0; for i = 1, 3000000 do n = n + i % 7 end; handle:headers():add('x-n', n)";
  return {
    name: "envoy.filters.http.lua",
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
      default_source_code: { inline_string: `function ${callback}(handle) ${burn} end` },
    },
  };
}

test("a filter after ours that holds the worker", async (t) => {
  const gateway = await startBudgets(t, { configuration: { budgets }, after: [lua("envoy_on_request")] });
  await compare(t, gateway, "proxy", {});
});

test("time after the connection's readiness is the upstream's, a filter's on the response's way too", async (t) => {
  const gateway = await startBudgets(t, { configuration: { budgets }, after: [lua("envoy_on_response")] });
  await new Client(t, gateway.port).send({ "x-request-id": "r" });
  const seen = await gateway.violation("r");
  const times = await gateway.timesOf("r");
  assert.equal(seen.share, "upstream", seen.line);
  assert.ok(seen.upstream > times.upstream, "Envoy tells the two apart by now: so should we");
});

test("a queue for the connection", async (t) => {
  const one = { circuit_breakers: { thresholds: [{ max_connections: 1 }] } };
  const gateway = await startBudgets(t, { configuration: { budgets }, upstreamFields: one });
  const client = new Client(t, gateway.port, 2);
  const first = client.send({ "x-request-id": "first", "x-wait-ms": "60" });
  await gateway.service.takeVisits();
  await client.send({ "x-request-id": "second", "x-wait-ms": "1" });
  await first;
  const seen = await gateway.violation("second");
  const times = await gateway.timesOf("second");
  assert.equal(seen.share, "proxy", seen.line);
  assert.ok(Math.abs(seen.upstream - times.upstream) <= 5 * bandMicros, JSON.stringify([seen, times]));
});
