import { CALL_NAMES, type CallingVm, type Fault, type Proxy } from "../../../scripts/lib/emulator/index.ts";

/** One place in the module that calls the host, by its stack, in one phase of a scenario. */
export interface Site {
  readonly name: string;
  readonly phase: string;
  /** Which of the calls of that name in that phase are from here: the first and the last. */
  readonly first: number;
  last: number;
}

/** Runs a part of a scenario, under the faults of its phase. */
export type Step = (phase: string, run: () => void) => void;
export type Scenario = (proxy: Proxy, step: Step) => void;

const WASM_FRAME = /wasm-function\[\d+\]:0x[0-9a-f]+/g;

/** Finds all places a scenario calls the host from, without failing any. */
export function findSites(proxy: Proxy, scenario: Scenario): Site[] {
  const sites = new Map<string, Site>();
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 40;
  scenario(proxy, (phase, run) => {
    const faults = CALL_NAMES.map((name) => watch(proxy, name, phase, sites));
    run();
    for (const fault of faults) fault.remove();
  });
  Error.stackTraceLimit = limit;
  return [...sites.values()];
}

function watch(proxy: Proxy, name: string, phase: string, sites: Map<string, Site>): Fault {
  return proxy.faults.before(name, ({ nth }) => {
    const stack = new Error("stack").stack?.match(WASM_FRAME)?.join() ?? "";
    const key = `${phase} ${name} ${stack}`;
    const known = sites.get(key);
    if (known === undefined) sites.set(key, { name, phase, first: nth, last: nth });
    else known.last = nth;
  });
}

/** Runs a scenario with one call of the host failing. Says whether it was made. */
export function failCall(
  proxy: Proxy,
  scenario: Scenario,
  failing: { readonly name: string; readonly phase: string; readonly nth?: number; readonly status: number },
): boolean {
  let hits = 0;
  scenario(proxy, (phase, run) => {
    if (phase !== failing.phase) return run();
    const { name, status, nth } = failing;
    const fault = proxy.faults.fail(name, status, nth === undefined ? {} : { nth });
    try {
      run();
    } finally {
      fault.remove();
      hits += fault.hits;
    }
  });
  return hits > 0;
}

/** The module that a call came from, to grow its memory or the like. */
export type { CallingVm };
