import { parseArgs } from "node:util";
import { CliError, runCommand } from "./lib/cli.ts";
import { ensureFilter } from "./lib/filter-build.ts";
import { provisionEnvoy } from "./lib/provision/envoy.ts";
import { provisionKubeconform, provisionKustomize } from "./lib/provision/manifest-tools.ts";
import { provisionMesh } from "./lib/provision/mesh.ts";
import { runNodeTests, runUnitTests, testFiles, type Tally } from "./lib/suites.ts";

const help = `Builds the filter and runs every test that needs no cluster, real Envoy included.

  npm test
  npm test -- unit host                               only these suites: unit, host, scripts, envoy
  npm test -- manifests                               kustomize and kubeconform over deploy/ (needs Go)
  npm test -- mesh                                    the filter delivered by a real Istio (needs Go, and root)
  npm test -- --file tests/envoy/labels.test.ts       only this file
`;

const suites = ["unit", "host", "scripts", "envoy"] as const;
/** Need what no package client of every machine has (Prometheus, Go): only run when named. */
const extraSuites = ["prometheus", "manifests", "mesh"] as const;
/** Tests of real Envoy start several processes each; two files at once fill two cores. */
const concurrency = 2;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { file: { type: "string", multiple: true }, help: { type: "boolean" } },
  });
  if (values.help) {
    process.stdout.write(help);
    return 0;
  }
  const known: readonly string[] = [...suites, ...extraSuites];
  const unknown = positionals.find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new CliError(`there is no suite ${unknown}`, `suites: ${known.join(", ")}`);
  await ensureFilter();
  const tallies = values.file
    ? [await runNodeTests("chosen", values.file, concurrency)]
    : await runSuites(positionals);
  const passed = tallies.reduce((sum, tally) => sum + tally.passed, 0);
  const failed = tallies.reduce((sum, tally) => sum + tally.failed, 0);
  console.log(`\n${passed} passed, ${failed} failed`);
  return failed === 0 && passed > 0 ? 0 : 1;
}

async function runSuites(chosen: readonly string[]): Promise<Tally[]> {
  const tallies: Tally[] = [];
  for (const suite of chosen.length > 0 ? chosen : suites) {
    if (suite === "envoy" || suite === "prometheus") await provisionEnvoy();
    if (suite === "mesh") await provisionMesh();
    // Here once, not in each file at the same time.
    if (suite === "manifests") await Promise.all([provisionKustomize(), provisionKubeconform()]);
    tallies.push(
      suite === "unit"
        ? await runUnitTests()
        : await runNodeTests(suite, await testFiles(suite), suite === "mesh" ? 1 : concurrency),
    );
  }
  return tallies;
}

await runCommand(main);
