import { readFileSync } from "node:fs";
import nodeTest from "node:test";
import { filterModule } from "../../../scripts/lib/paths.ts";
import { Filter, type Configuration, type GivenOptions } from "./filter.ts";

/** Loads the filter with a configuration; none is an empty one. */
export type Given = (configuration?: Configuration, options?: GivenOptions) => Filter;

const debugModule = filterModule.replace(/\.wasm$/, ".debug.wasm");
/** The built modules by name. */
export const MODULES = {
  debug: readFileSync(debugModule),
  release: readFileSync(filterModule),
} as const;

/** A test of both modules. What must always hold of a filter is checked of all it was given. */
export function test(name: string, body: (given: Given) => void): void {
  void nodeTest(`${name} (debug)`, () => run(MODULES.debug, body));
  releaseTest(name, body);
}

/** A test of the release module only: for those that take long. */
export function releaseTest(name: string, body: (given: Given) => void): void {
  void nodeTest(`${name} (release)`, () => run(MODULES.release, body));
}

function run(wasm: Uint8Array, body: (given: Given) => void): void {
  const filters: Filter[] = [];
  body((configuration, options = {}) => {
    const filter = new Filter(wasm, configuration, options);
    filters.push(filter);
    return filter;
  });
  for (const filter of filters) filter.check();
}
