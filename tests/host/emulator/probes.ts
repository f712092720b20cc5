import { fileURLToPath } from "node:url";
import { main as asc } from "assemblyscript/asc";

// Its own base directory: in the root, asc would add the project's asconfig.json, entries and all.
const BASE = fileURLToPath(new URL("../probe", import.meta.url));
const built = new Map<string, Uint8Array>();

/** Compiles `tests/host/probe/<name>.ts`, once a process and in memory: test files run side by side. */
export async function probe(
  name: string,
  flags: readonly string[] = ["--exportStart", "_initialize"],
): Promise<Uint8Array> {
  const known = built.get(name);
  if (known !== undefined) return known;
  let wasm: Uint8Array | undefined;
  const options = [
    "--baseDir",
    BASE,
    "--runtime",
    "minimal",
    "--use",
    `abort=${name}/abort`,
    "-O1",
    ...flags,
  ];
  const { error } = await asc([`${name}.ts`, "-o", `${name}.wasm`, ...options], {
    writeFile: (_name, contents) => {
      if (typeof contents !== "string") wasm = new Uint8Array(contents);
    },
  });
  if (error !== null || wasm === undefined)
    throw new Error(`tests/host/probe/${name}.ts does not compile`, { cause: error });
  built.set(name, wasm);
  return wasm;
}
