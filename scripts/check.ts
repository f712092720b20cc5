import { join } from "node:path";
import { architectureFaults } from "./lib/architecture.ts";
import { CliError, runCommand, withProgress } from "./lib/cli.ts";
import { root } from "./lib/paths.ts";
import { runToEnd } from "./lib/process.ts";

const toolMillis = 180_000;

async function main(): Promise<void> {
  await tool("Formatting", "prettier", "--check", "--log-level", "warn", ".");
  await tool("Lint", "oxlint", "--type-aware", "--deny-warnings", ".");
  await tool("Types", "tsc", "--project", ".");
  const faults = await architectureFaults();
  if (faults.length > 0) throw new CliError(`the design is broken:\n${faults.join("\n")}`);
  console.log("format, lint, types and architecture: all good");
}

async function tool(label: string, name: string, ...args: readonly string[]): Promise<void> {
  const command = join(root, "node_modules", ".bin", name);
  const result = await withProgress(label, () =>
    runToEnd({ name, command, args, cwd: root, timeoutMillis: toolMillis }),
  );
  if (result.code === 0) return;
  const fix = name === "prettier" ? "npm run format" : undefined;
  throw new CliError(`${name} found faults:\n${result.stdout}${result.stderr}`.trimEnd(), fix);
}

await runCommand(main);
