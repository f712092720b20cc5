/**
 * The filter as it would be without the key `violationLog`: it refuses a configuration that has it, which the tool of
 * today takes. The key is spelled otherwise in the module's data.
 */
export function olderFilter(filter: Uint8Array): Uint8Array<ArrayBuffer> {
  const module = Buffer.from(filter);
  const places = encodings.flatMap((encoding) => {
    const key = Buffer.from("violationLog", encoding);
    return placesOf(module, key).map((at) => ({ at, encoding }));
  });
  const [place] = places;
  if (place === undefined || places.length > 1)
    throw new Error(`the module's data has violationLog ${places.length} times`);
  module.write("violationLoG", place.at, place.encoding);
  return new Uint8Array(module);
}

/** How the compiler may write names. */
const encodings = ["utf8", "utf16le"] as const;

function placesOf(module: Buffer, key: Buffer): number[] {
  const at = module.indexOf(key);
  if (at === -1) return [];
  const rest = at + key.length;
  return [at, ...placesOf(module.subarray(rest), key).map((further) => rest + further)];
}
