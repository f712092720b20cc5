/**
 * The filter as it would be without the key `violationLog`: it refuses a configuration that has it, which the tool of
 * today takes. The key is spelled otherwise in the module's data.
 */
export function olderFilter(filter: Uint8Array): Uint8Array<ArrayBuffer> {
  const key = Buffer.from("violationLog", "utf16le");
  const module = Buffer.from(filter);
  const at = module.indexOf(key);
  if (at === -1 || module.indexOf(key, at + 1) !== -1) throw new Error("the module's data has changed");
  module.write("violationLoG", at, "utf16le");
  return new Uint8Array(module);
}
