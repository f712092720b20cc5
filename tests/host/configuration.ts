import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { LoadError, Proxy } from "../../scripts/lib/emulator/index.ts";
import { filterModule } from "../../scripts/lib/paths.ts";

const wasm = readFileSync(filterModule);
const refusal = "configuration refused: ";

/** What the filter logs about a configuration that it refuses; "accepted" otherwise. */
export function judge(configuration: string | Uint8Array, maxMemoryPages?: number): string {
  const proxy = new Proxy();
  try {
    proxy.load({ wasm, configuration, ...(maxMemoryPages === undefined ? {} : { maxMemoryPages }) });
    return "accepted";
  } catch (error) {
    if (!(error instanceof LoadError)) throw error;
    const [message = error.message] = proxy.log.messages({ level: "error", source: "filter" });
    assert.deepEqual(proxy.errors, []);
    return message.startsWith(refusal) ? message.slice(refusal.length) : `unexpected: ${message}`;
  }
}
