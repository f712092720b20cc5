import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { cpus, loadavg, release, totalmem } from "node:os";
import { provisionEnvoy } from "../../scripts/lib/provision/envoy.ts";
import { provisionH2load } from "../../scripts/lib/provision/h2load.ts";
import { chooseCores } from "./machine.ts";
import type { Environment } from "./types.ts";

/** Notes where and with what is measured; the function it returns ends the notes. */
export async function noteEnvironment(module: string): Promise<() => Environment> {
  const startedAt = new Date().toISOString();
  const loadAverageBefore = loadavg()[0] ?? NaN;
  const wasm = await readFile(module);
  const cores = await chooseCores();
  const moduleSha256 = sha256(wasm);
  const [envoy, h2load] = [await provisionEnvoy(), await provisionH2load()];
  return () => ({
    startedAt,
    cpuModel: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    memoryBytes: totalmem(),
    kernel: release(),
    node: process.version,
    envoy: envoy.version,
    h2load: h2load.version,
    moduleBytes: wasm.byteLength,
    moduleSha256,
    ...(sha256(readFileSync(module)) !== moduleSha256 && { moduleChanged: true }),
    loadAverageBefore,
    loadAverageAfter: loadavg()[0] ?? NaN,
    ...(cores.envoy !== undefined && { envoyCore: cores.envoy }),
    ...(cores.load !== undefined && { loadCore: cores.load }),
  });
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
