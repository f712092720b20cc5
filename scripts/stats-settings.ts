import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { CliError, runCommand } from "./lib/cli.ts";
import { checkConfig } from "./lib/config/check.ts";
import type { Config } from "./lib/config/types.ts";
import { meshTags, renderStatsSettings, type StatsFormat } from "./lib/stats-settings.ts";

const help = `Prints the tag rules and histogram buckets that a plugin configuration needs, for Envoy or for Istio.

  npm run --silent stats-settings -- --format envoy
  npm run --silent stats-settings -- --config plugin.json --format istio-pod

  --config FILE      the plugin configuration (JSON); without it the default dimensions
  --format F         envoy | istio-pod | istio-mesh (default envoy)
  --mesh-tags A,B    tags that the mesh extracts already, beside Istio's own
`;

const formats: readonly StatsFormat[] = ["envoy", "istio-pod", "istio-mesh"];

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      config: { type: "string" },
      format: { type: "string", default: "envoy" },
      "mesh-tags": { type: "string", default: "" },
      help: { type: "boolean" },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    return;
  }
  const format = formats.find((name) => name === values.format);
  if (format === undefined)
    throw new CliError(`--format ${values.format} is not one of ${formats.join(", ")}`);
  const config = values.config === undefined ? {} : await readConfig(values.config);
  const extra = values["mesh-tags"].split(",").filter((tag) => tag !== "");
  process.stdout.write(renderStatsSettings(config, format, [...meshTags, ...extra]));
}

async function readConfig(path: string): Promise<Config> {
  const text = await readFile(path).catch(() => undefined);
  if (text === undefined) throw new CliError(`${path} can't be read`);
  const result = checkConfig(text);
  if (result.ok) return result.config;
  const lines = result.errors.map(({ path: place, message }) => `${place}: ${message}`);
  throw new CliError(`${path} is no valid configuration:\n${lines.join("\n")}`);
}

await runCommand(main);
