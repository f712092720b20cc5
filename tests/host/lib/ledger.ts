import type { Proxy } from "../../../scripts/lib/emulator/index.ts";

const histogramWeight = 14;

/** What the series in the ledger of a process weigh: what `tickgate_series` should say. */
export function ledgerWeight(proxy: Proxy): number {
  const names = proxy.sharedData.keys().filter((key) => key.startsWith("tg1:s:"));
  return names.reduce((sum, name) => sum + (/_us(\.|$)/.test(name) ? histogramWeight : 1), 0);
}
