import { lengthPrefixed, leb, Reader, readSections, replaceSection } from "./wasm-sections.ts";

/**
 * Function names in a module: Envoy shows them in the backtrace of a trap. asc writes a function as
 * `assembly/policy/quota/spend` or `assembly/store/slot/Slot#evict`; the path is a quarter of the module, so the
 * build keeps `quota/spend` and `Slot#evict`. Names of anything but functions are dropped.
 */
const functionNames = 1;

/** Names of the functions of a module, by function index; empty when it has no name section. */
export function readFunctionNames(wasm: Uint8Array): Map<number, string> {
  const names = new Map<number, string>();
  const section = nameSection(wasm);
  if (section === undefined) return names;
  const reader = new Reader(wasm, section.content);
  reader.text(reader.number());
  while (reader.at < section.end) {
    const id = reader.byte();
    const size = reader.number();
    if (id !== functionNames) {
      reader.at += size;
      continue;
    }
    for (let count = reader.number(); count > 0; count--)
      names.set(reader.number(), reader.text(reader.number()));
  }
  return names;
}

/** The same module with short function names. */
export function shortenNames(wasm: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const section = nameSection(wasm);
  if (section === undefined) return wasm;
  const entries = Array.from(readFunctionNames(wasm), ([index, name]) =>
    leb(index).concat(lengthPrefixed(shortName(name))),
  );
  const map = [...leb(entries.length), ...entries.flat()];
  return replaceSection(wasm, section, [
    ...lengthPrefixed("name"),
    functionNames,
    ...leb(map.length),
    ...map,
  ]);
}

/** `quota/spend` for a function, `Slot#evict` for a method. */
export function shortName(name: string): string {
  const parts = name.split("/");
  const last = parts.at(-1) ?? name;
  return /[#.]/.test(last) || parts.length < 2 ? last : parts.slice(-2).join("/");
}

function nameSection(wasm: Uint8Array): ReturnType<typeof readSections>[number] | undefined {
  return readSections(wasm).find((section) => {
    const reader = new Reader(wasm, section.content);
    return section.id === 0 && reader.text(reader.number()) === "name";
  });
}
