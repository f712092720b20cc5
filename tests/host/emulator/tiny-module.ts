import type { HostImport } from "../../../scripts/lib/emulator/index.ts";

const TYPES = { i32: 0x7f, i64: 0x7e } as const;
const END = 0x0b;
const HEADER = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];

export interface TinyModule {
  readonly imports?: readonly HostImport[];
  /** Exported functions without parameters or result, and `malloc` where named. */
  readonly exports?: readonly string[];
}

function leb(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...leb(value >>> 7)];
}

function text(value: string): number[] {
  return [...leb(value.length), ...Buffer.from(value)];
}

function isMalloc(name: string): boolean {
  return name === "malloc";
}

function section(id: number, items: readonly (readonly number[])[]): number[] {
  const body = [...leb(items.length), ...items.flat()];
  return [id, ...leb(body.length), ...body];
}

function type(params: readonly (keyof typeof TYPES)[], result: keyof typeof TYPES | null): number[] {
  const results = result === null ? [0] : [1, TYPES[result]];
  return [0x60, ...leb(params.length), ...params.map((one) => TYPES[one]), ...results];
}

/** Assembles a module that imports and exports just this; its `malloc(size)` gives 0. */
export function tinyModule({
  imports = [],
  exports = ["malloc", "proxy_abi_version_0_2_1"],
}: TinyModule): Uint8Array {
  const types = [type([], null), type(["i32"], "i32"), ...imports.map((one) => type(one.params, one.result))];
  const imported = imports.map((one, index) => [
    ...text(one.module),
    ...text(one.name),
    0,
    ...leb(index + 2),
  ]);
  return Uint8Array.from([
    ...HEADER,
    ...section(1, types),
    ...section(2, imported),
    ...section(
      3,
      exports.map((name) => [isMalloc(name) ? 1 : 0]),
    ),
    ...section(5, [[0, 1]]),
    ...section(7, [
      [...text("memory"), 2, 0],
      ...exports.map((name, index) => [...text(name), 0, ...leb(imports.length + index)]),
    ]),
    ...section(
      10,
      exports.map((name) => (isMalloc(name) ? [4, 0, 0x41, 0, END] : [2, 0, END])),
    ),
  ]);
}
