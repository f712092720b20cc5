import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import {
  accessLog,
  bootstrap,
  httpListener,
  loopbackCluster,
  statTag,
} from "../../scripts/lib/envoy/config.ts";
import { deliverByFile } from "../../scripts/lib/envoy/delivery.ts";
import {
  connectionManager,
  deployed,
  deployedConfig,
  pluginConfig,
} from "../../scripts/lib/envoy/deployed.ts";
import { isWasm, wasmFilter } from "../../scripts/lib/envoy/wasm.ts";
import { ensureFilter } from "../../scripts/lib/filter-build.ts";
import { root } from "../../scripts/lib/paths.ts";
import { runToEnd } from "../../scripts/lib/process.ts";
import { provisionEnvoy } from "../../scripts/lib/provision/envoy.ts";
import { temporaryDirectory } from "../../scripts/lib/temporary.ts";

const labels =
  "symbol order_type strategy_id venue operation result quota decision budget share stage version config label reason".split(
    " ",
  );

test("a label is cut out of a stat name by the tag's rule", () => {
  const { tag_name, regex } = statTag("venue");
  assert.equal(tag_name, "venue");
  const [, cut, value] = new RegExp(regex).exec("x_total.symbol=.=A;.;venue=.=nyse;.;result=.=ok;.;") ?? [];
  assert.deepEqual([cut, value], ["venue=.=nyse;.;", "nyse"]);
});

test("deploy/envoy/envoy.yaml has the rule of every label, and no label ends in another", async () => {
  const config = await deployedConfig(1);
  assert.deepEqual(config.stats_config?.stats_tags, labels.map(statTag));
  const clashes = labels.flatMap((a) => labels.filter((b) => a !== b && a.endsWith(b)));
  assert.deepEqual(clashes, []);
});

test("deploy/envoy/envoy.yaml has ascending bounds for every histogram", async () => {
  const settings = (await deployedConfig(1)).stats_config?.histogram_bucket_settings ?? [];
  assert.deepEqual(
    settings.map(({ match }) => match.prefix),
    ["request_duration_us", "stage_duration_us", "market_data_lag_us"].map(
      (name) => `wasmcustom.trading_${name}`,
    ),
  );
  for (const { buckets } of settings)
    assert.deepEqual(
      buckets,
      [...new Set(buckets)].toSorted((a, b) => a - b),
    );
});

test("deploy/envoy/envoy.yaml is one source: npm start changes ports only", async () => {
  const config = await deployedConfig(4321);
  assert.equal(config.admin.address.socket_address.port_value, 0);
  assert.equal(config.static_resources.listeners[0]?.address.socket_address.port_value, 0);
  const { endpoints } = config.static_resources.clusters[0]?.load_assignment ?? { endpoints: [] };
  assert.equal(endpoints[0]?.lb_endpoints[0]?.endpoint.address.socket_address.port_value, 4321);
  const plugin = pluginConfig(config, deployed.listener);
  assert.equal(plugin.vm_config.code.local.filename, "build/tickgate.wasm");
  assert.equal(typeof JSON.parse(plugin.configuration?.value ?? ""), "object");
  assert.throws(() => connectionManager(config, "absent"), /no HTTP listener absent/);
});

test("Envoy accepts deploy/envoy/envoy.yaml from the repository's root", async () => {
  await ensureFilter();
  const { path } = await provisionEnvoy();
  const args = ["--mode", "validate", "-c", "deploy/envoy/envoy.yaml"];
  const result = await runToEnd({ name: "envoy", command: path, args, cwd: root, timeoutMillis: 30_000 });
  assert.equal(result.code, 0, result.stderr);
});

function configurationOf(configuration?: unknown): unknown {
  const { typed_config: typed } = wasmFilter({ module: "m", configuration });
  return isWasm(typed) ? typed.config.configuration?.value : "not a Wasm filter";
}

test("a Wasm filter: text goes as it is, objects as JSON, nothing stays nothing", () => {
  assert.equal(configurationOf("{not json"), "{not json");
  assert.equal(configurationOf({ a: 1 }), '{"a":1}');
  assert.equal(configurationOf(), undefined);
});

test("a whole configuration: loopback, free ports, router last", () => {
  const config = bootstrap({
    listeners: [
      httpListener({
        name: "in",
        target: { cluster: "up" },
        filters: [wasmFilter({ module: "m", environment: { KEY: "v" }, failurePolicy: "FAIL_OPEN" })],
        accessLog: [accessLog("%RESPONSE_CODE%", "/dev/null")],
      }),
    ],
    clusters: [loopbackCluster("up", 99, { http2: true })],
    stats: { stats_tags: [statTag("symbol")] },
  });
  assert.deepEqual(config.admin.address.socket_address, { address: "127.0.0.1", port_value: 0 });
  const manager = connectionManager(config, "in");
  assert.deepEqual(
    manager.http_filters.map(({ name }) => name),
    ["tickgate", "envoy.filters.http.router"],
  );
  assert.equal(manager.access_log?.length, 1);
  const plugin = pluginConfig(config, "in");
  assert.equal(plugin.failure_policy, "FAIL_OPEN");
  assert.deepEqual(plugin.vm_config.environment_variables, { key_values: { KEY: "v" } });
});

test("a delivered filter is replaced by a rename and carries a new version", async () => {
  const { path: directory } = await temporaryDirectory();
  const delivery = await deliverByFile(directory, wasmFilter({ module: "m", configuration: { a: 1 } }));
  const read = async (): Promise<string> => readFile(join(directory, "ecds", "filter.json"), "utf8");
  const first = await read();
  await delivery.update(wasmFilter({ module: "m", configuration: { a: 2 } }));
  const second = await read();
  assert.match(first, /"version_info":"1".*\{\\"a\\":1\}/);
  assert.match(second, /"version_info":"2".*\{\\"a\\":2\}/);
  assert.deepEqual(await readdir(join(directory, "ecds")), ["filter.json"]);
  assert.equal(delivery.filter.typed_config, undefined);
});
