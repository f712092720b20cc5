import type { QuotaConfig, RateConfig } from "./types.ts";

type Step = string | number;
type Note = (steps: readonly Step[], message: string) => void;

const nanosPerUnit: Readonly<Record<string, number>> = { us: 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 };

/** Nanoseconds of a duration that keeps to the schema: `250us`, `10ms`, `1s`, `5m`, `1h`. */
export function parseDuration(text: string): number {
  const [, digits = "", unit = ""] = /^(\d+)(\w+)$/.exec(text) ?? [];
  return Number(digits) * (nanosPerUnit[unit] ?? Number.NaN);
}

/** Limits of at most one token a nanosecond; no cost and no lease above the burst of any tier. */
export function checkQuotaRates(steps: readonly Step[], quota: QuotaConfig, note: Note): void {
  checkTier(steps, "the base tier", quota, quota, note);
  for (const [name, tier] of Object.entries(quota.tiers ?? {})) {
    checkTier([...steps, "tiers", name], `tier ${name}`, tier, quota, note, steps);
  }
}

function checkTier(
  at: readonly Step[],
  name: string,
  tier: RateConfig,
  quota: QuotaConfig,
  note: Note,
  quotaSteps = at,
): void {
  const window = tier.window ?? quota.window ?? "1s";
  if (tier.limit > parseDuration(window)) {
    note([...at, "limit"], `${tier.limit} per "${window}" is more than 1000000000 a second`);
  }
  const burst = tier.burst ?? tier.limit;
  const lease = typeof quota.precision === "object" ? quota.precision.lease : 1;
  const cost = quota.cost?.max ?? 1;
  const refuse = (below: readonly string[], amount: number): void =>
    note([...quotaSteps, ...below], `${amount} is above the burst ${burst} of ${name}`);
  if (cost > burst) refuse(["cost", "max"], cost);
  if (lease > burst) refuse(["precision", "lease"], lease);
}
