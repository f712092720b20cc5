import { parseDuration } from "../../../scripts/lib/config/rates.ts";
import type { Config, QuotaConfig, RateConfig } from "../../../scripts/lib/config/types.ts";
import type { Remark } from "./finding.ts";

/** Warnings about operations without a limit, and about limits that do not hold or have no effect. */
export function quotaWarnings(config: Config): Remark[] {
  const quotas = config.quotas ?? [];
  if (quotas.length === 0) return [];
  return [...unlimitedOperations(config, quotas), ...evadedQuotas(config, quotas), ...shadowedQuotas(quotas)];
}

function unlimitedOperations(config: Config, quotas: readonly QuotaConfig[]): Remark[] {
  return (config.operations ?? []).flatMap(({ name }, index) => {
    const holding = quotas.filter((quota) => appliesTo(quota, name));
    const path = `operations[${index}]`;
    if (holding.length === 0) return [{ path, message: `no quota applies to ${name}: it is unlimited` }];
    if (holding.some(({ mode }) => mode !== "shadow")) return [];
    return [{ path, message: `only shadow quotas apply to ${name}: it is unlimited` }];
  });
}

function appliesTo({ operations }: QuotaConfig, name: string): boolean {
  return operations === undefined || operations.includes(name);
}

/** An operation without method and path is chosen by a header: who does not send it is not held to its quotas. */
function evadedQuotas(config: Config, quotas: readonly QuotaConfig[]): Remark[] {
  const header = config.headers?.operation ?? "x-trading-operation";
  const byHeader = (config.operations ?? []).filter(
    ({ method, path, pathPrefix }) => (method ?? path ?? pathPrefix) === undefined,
  );
  const names = new Set(byHeader.map(({ name }) => name));
  return quotas.flatMap(({ operations, name }, index) => {
    const chosen = (operations ?? []).filter((operation) => names.has(operation));
    if (chosen.length === 0) return [];
    const message = `${name} holds ${chosen.join(", ")} only while the caller says so in ${header}: give it a method or a path`;
    return [{ path: `quotas[${index}].operations`, message }];
  });
}

function shadowedQuotas(quotas: readonly QuotaConfig[]): Remark[] {
  return quotas.flatMap((quota, index) => {
    const strictest = quotas.findIndex((other, at) => {
      if (at === index || !dominates(other, quota)) return false;
      // Of two that dominate each other the first stays.
      return at < index || !dominates(quota, other);
    });
    const other = quotas[strictest];
    if (other === undefined) return [];
    const message = `${quota.name} refuses nothing that ${other.name} (quotas[${strictest}]) lets through: it has no effect`;
    return [{ path: `quotas[${index}]`, message }];
  });
}

/**
 * Whether `strict` refuses whatever `loose` would refuse. Every bucket of `loose` sees a part of what one bucket of
 * `strict` has admitted, at the same cost or less, so a rate and a burst at least as high never run out.
 */
function dominates(strict: QuotaConfig, loose: QuotaConfig): boolean {
  if (strict.mode === "shadow" || typeof strict.precision === "object") return false;
  return (
    coversOperations(strict, loose) &&
    coversKey(strict, loose) &&
    coversCost(strict, loose) &&
    outruns(strict, loose)
  );
}

function coversOperations(strict: QuotaConfig, loose: QuotaConfig): boolean {
  if (strict.operations === undefined) return true;
  return loose.operations?.every((name) => strict.operations?.includes(name)) ?? false;
}

function coversKey({ key = ["user"] }: QuotaConfig, loose: QuotaConfig): boolean {
  const parts = loose.key ?? ["user"];
  return key.every((part) => parts.includes(part));
}

function coversCost({ cost }: QuotaConfig, loose: QuotaConfig): boolean {
  if (loose.cost === undefined) return true;
  return cost?.header.toLowerCase() === loose.cost.header.toLowerCase() && cost.max >= loose.cost.max;
}

function outruns(strict: QuotaConfig, loose: QuotaConfig): boolean {
  const tiers = [...Object.keys(strict.tiers ?? {}), ...Object.keys(loose.tiers ?? {})];
  const pairs = [undefined, ...tiers].map((tier) => [rateOf(strict, tier), rateOf(loose, tier)] as const);
  const slower = pairs.every(([one, other]) => one.perSecond <= other.perSecond);
  if (tiers.length === 0) return slower && pairs.every(([one, other]) => one.burst <= other.burst);
  // A bucket that is charged under several tiers is only comparable by the time until it is full again.
  return slower && pairs.every(([one, other]) => one.burst / one.perSecond <= other.burst / other.perSecond);
}

function rateOf(quota: QuotaConfig, tier: string | undefined): { perSecond: number; burst: number } {
  const rate: RateConfig = (tier === undefined ? undefined : quota.tiers?.[tier]) ?? quota;
  const window = rate.window ?? quota.window ?? "1s";
  return { perSecond: rate.limit / (parseDuration(window) / 1e9), burst: rate.burst ?? rate.limit };
}
