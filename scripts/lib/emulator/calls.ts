import { ENVOY_IMPORTS } from "./imports.ts";

/** The name under which calls of the module's own `malloc` are counted and faulted. */
export const MALLOC = "malloc";

/** Every name that can be counted or faulted: host functions, both spellings of WASI as one, and `malloc`. */
export const CALL_NAMES: readonly string[] = [...new Set([...ENVOY_IMPORTS.map((one) => one.name), MALLOC])];

const INDEXES = new Map(CALL_NAMES.map((name, index) => [name, index]));

/** The index of a name in `CALL_NAMES`; throws RangeError for a name Envoy does not register. */
export function callIndex(name: string): number {
  const index = INDEXES.get(name);
  if (index === undefined) throw new RangeError(`Envoy registers no host function "${name}"`);
  return index;
}

/** How often a filter crossed to the host, by name, and what that copied into its memory. */
export class CallCounts {
  readonly counts = new Uint32Array(CALL_NAMES.length);
  /** Bytes the host copied into the VM's memory through `malloc`. */
  bytesCopied = 0;

  /** Calls of one host function (or of `malloc`). */
  of(name: string): number {
    return this.counts[callIndex(name)] ?? 0;
  }

  get mallocs(): number {
    return this.of(MALLOC);
  }

  /** All calls to the host, without `malloc`. */
  get total(): number {
    return this.counts.reduce((sum, count) => sum + count, 0) - this.mallocs;
  }

  /** The names that were called, with their counts. */
  toRecord(): Record<string, number> {
    const record: Record<string, number> = {};
    this.counts.forEach((count, index) => {
      const name = CALL_NAMES[index];
      if (count > 0 && name !== undefined && name !== MALLOC) record[name] = count;
    });
    return record;
  }

  reset(): void {
    this.counts.fill(0);
    this.bytesCopied = 0;
  }
}
