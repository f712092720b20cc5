import type { Estimate } from "../statistics.ts";

/** With so many digits after the point; "-" for what is not a number. */
export function fixed(value: number | undefined, digits = 2): string {
  return value === undefined || !Number.isFinite(value)
    ? "-"
    : value.toFixed(digits).replace(/^-(?=0(\.0*)?$)/, "");
}

/** Three significant digits or whole, with thousands apart: 0.123, 4.21, 1,234. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return "-";
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  const text = value.toLocaleString("en-US", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
  return text.replace(/^-(?=0(\.0*)?$)/, "");
}

/** Whole, with thousands apart. */
export function whole(value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return "-";
  return Math.round(value).toLocaleString("en-US").replace(/^-0$/, "0");
}

/** The interval of an estimate. */
export function interval({ low, high }: Pick<Estimate, "low" | "high">, digits = 2): string {
  const text = (value: number): string => (digits === 0 ? whole(value) : fixed(value, digits));
  return `${text(low)} to ${text(high)}`;
}

/** Bytes as MiB. */
export function mebibytes(bytes: number, digits = 1): string {
  return `${fixed(bytes / 2 ** 20, digits)} MiB`;
}

/** A share as per cent. */
export function percent(share: number): string {
  return `${fixed(share * 100, 0)} %`;
}
