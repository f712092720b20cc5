import {
  leb,
  lengthPrefixed,
  Reader,
  readSections,
  replaceSection,
} from "../../../scripts/lib/wasm-sections.ts";

const functionSection = 3;
const exportSection = 7;
const codeSection = 10;
const i32 = 0x7f;
const emptyBlock = 0x40;
const [loop, brIf, call, localGet, localSet, localTee] = [0x03, 0x0d, 0x10, 0x20, 0x21, 0x22];
const [unreachable, end, i32Const, i32Sub] = [0x00, 0x0b, 0x41, 0x6b];

/** The filter, every request of which traps: what a bug in a new version does. Its configuration still loads. */
export function trappingFilter(filter: Uint8Array): Uint8Array<ArrayBuffer> {
  return wrapped(filter, "proxy_on_request_headers", { locals: [0], code: () => [unreachable] });
}

const spins = 80_000_000;

/** The filter, which burns some 50 ms of every response, between the two moments that it measures itself. */
export function slowFilter(filter: Uint8Array): Uint8Array<ArrayBuffer> {
  const counter = 3;
  return wrapped(filter, "proxy_on_response_headers", {
    locals: [1, 1, i32],
    code: (original) =>
      [
        [i32Const, ...leb(spins), localSet, counter],
        [loop, emptyBlock, localGet, counter, i32Const, 1, i32Sub, localTee, counter, brIf, 0, end],
        [localGet, 0, localGet, 1, localGet, 2, call, ...leb(original)],
      ].flat(),
  });
}

interface Wrapping {
  /** As the binary has them: pairs of count and type, after the number of pairs. */
  readonly locals: readonly number[];
  /** Instructions before the function's end; the callback has three parameters. */
  readonly code: (original: number) => readonly number[];
}

/** The module with another function in the place of a callback of proxy-wasm; the old one is still there to be called. */
function wrapped(wasm: Uint8Array, callback: string, { locals, code }: Wrapping): Uint8Array<ArrayBuffer> {
  const imported = importedFunctions(wasm);
  const types = readTypes(wasm);
  const exports = readExports(wasm);
  const original = exports.find(({ name }) => name === callback);
  const type = types[(original?.index ?? 0) - imported];
  if (original === undefined || type === undefined) throw new Error(`the module does not export ${callback}`);
  const body = [...locals, ...code(original.index), end];
  const { name, kind } = original;
  const replacement = { name, kind, index: imported + types.length };
  const added = exports.map((one) => (one === original ? replacement : one));
  const steps: [id: number, content: number[]][] = [
    [functionSection, [...leb(types.length + 1), ...[...types, type].flatMap(leb)]],
    [exportSection, [...leb(added.length), ...added.flatMap(encodeExport)]],
    [codeSection, [...leb(types.length + 1), ...bodiesOf(wasm), ...leb(body.length), ...body]],
  ];
  return steps.reduce(
    (module, [id, content]) => replaceSection(module, sectionOf(module, id), content),
    new Uint8Array(wasm),
  );
}

function sectionOf(wasm: Uint8Array, id: number): ReturnType<typeof readSections>[number] {
  const found = readSections(wasm).find((section) => section.id === id);
  if (found === undefined) throw new Error(`the module has no section ${id}`);
  return found;
}

function importedFunctions(wasm: Uint8Array): number {
  const module = new WebAssembly.Module(new Uint8Array(wasm));
  return WebAssembly.Module.imports(module).filter(({ kind }) => kind === "function").length;
}

/** Index of the type of each function that the module defines. */
function readTypes(wasm: Uint8Array): number[] {
  const reader = new Reader(wasm, sectionOf(wasm, functionSection).content);
  return Array.from({ length: reader.number() }, () => reader.number());
}

interface Export {
  readonly name: string;
  readonly kind: number;
  readonly index: number;
}

function readExports(wasm: Uint8Array): Export[] {
  const reader = new Reader(wasm, sectionOf(wasm, exportSection).content);
  return Array.from({ length: reader.number() }, () => {
    const name = reader.text(reader.number());
    return { name, kind: reader.byte(), index: reader.number() };
  });
}

function encodeExport({ name, kind, index }: Export): number[] {
  return [...lengthPrefixed(name), kind, ...leb(index)];
}

/** The code section without the number in front. */
function bodiesOf(wasm: Uint8Array): number[] {
  const section = sectionOf(wasm, codeSection);
  const reader = new Reader(wasm, section.content);
  reader.number();
  return [...wasm.subarray(reader.at, section.end)];
}
