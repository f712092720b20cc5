import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { CliError, progress } from "../../scripts/lib/cli.ts";
import { ensureFilter } from "../../scripts/lib/filter-build.ts";
import { arms } from "./arms.ts";
import type { ArmId, Environment } from "./types.ts";

/** Names of the arms that can be asked for. */
export const armIds: readonly ArmId[] = arms.map(({ id }) => id).filter((id) => id !== "denied");

/** The value of a flag, a whole number of at least 1; a CliError otherwise. */
export function wholeNumber(flag: string, text: string, most = 100_000_000): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (value < 1 || value > most) throw new CliError(`${flag} ${text} is not a whole number in 1..${most}`);
  return value;
}

/** A comma list of whole numbers, from 0. */
export function numberList(flag: string, text: string): number[] {
  const values = text.split(",").map((part) => (/^\d{1,8}$/.test(part) ? Number(part) : NaN));
  if (values.some(Number.isNaN)) throw new CliError(`${flag} ${text} is not a comma list of whole numbers`);
  return values;
}

/** A comma list of arms; undefined: all. */
export function armList(text: string | undefined): ArmId[] | undefined {
  return text?.split(",").map((name) => {
    const id = armIds.find((known) => known === name);
    if (id === undefined) throw new CliError(`there is no arm ${name}`, `arms: ${armIds.join(" ")}`);
    return id;
  });
}

/** The module to measure: the one named, or the filter, built anew when a source is newer. */
export async function moduleToMeasure(named: string | undefined): Promise<string> {
  return named === undefined ? ensureFilter() : resolve(named);
}

/** Writes a report as JSON, when a file is named. */
export async function writeReport(report: object, file: string | undefined): Promise<void> {
  if (file === undefined) return;
  await writeFile(file, `${JSON.stringify(report, undefined, 2)}\n`);
  progress(`wrote ${file}`);
}

/** One line about where and with what. */
export function environmentLine(environment: Environment): string {
  const { cpuModel, cores, envoy, moduleSha256, loadAverageBefore, envoyCore, loadCore } = environment;
  const pinned = envoyCore === undefined ? "not pinned" : `Envoy on core ${envoyCore}, load on ${loadCore}`;
  const load = loadAverageBefore.toFixed(1);
  return `${cores} cores ${cpuModel}, ${pinned}; load average ${load} before; Envoy ${envoy}; module ${moduleSha256.slice(0, 8)}`;
}
