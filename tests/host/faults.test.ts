import assert from "node:assert/strict";
import nodeTest from "node:test";
import { Proxy, Status } from "../../scripts/lib/emulator/index.ts";
import { MODULES } from "./lib/cases.ts";
import { BUSY, Life } from "./lib/scenario.ts";
import { failCall, findSites, type Site } from "./lib/sites.ts";

const FAILING = Object.values(Status).filter((status) => status !== Status.Ok);
/** What the filter takes for an answer, not for a failure of the host. */
const ABSENT = new Set<number>([Status.NotFound, Status.Empty]);
const ANSWERS = new Set<number>([...ABSENT, Status.CasMismatch]);

/** The failure that a host call's failure is counted as. */
function reasonOf(name: string, status: number): string | undefined {
  switch (name) {
    case "clock_time_get":
      return "clock";
    case "random_get":
    case "proxy_set_property":
      return "properties";
    case "proxy_get_property":
      return ABSENT.has(status) ? undefined : "properties";
    case "proxy_get_header_map_pairs":
      return ABSENT.has(status) ? undefined : "headers";
    case "proxy_define_metric":
    case "proxy_increment_metric":
    case "proxy_record_metric":
      return "metrics";
    case "proxy_get_shared_data":
    case "proxy_set_shared_data":
      return ANSWERS.has(status) ? undefined : "store";
    default:
      return undefined;
  }
}

type Place = Pick<Site, "name" | "phase">;

interface Failed {
  readonly proxy: Proxy;
  readonly life: Life;
  readonly struck: boolean;
}

function failed(wasm: Uint8Array, site: Place, status: number, nth?: number): Failed {
  const proxy = new Proxy();
  let life: Life | undefined;
  const struck = failCall(proxy, (_proxy, step) => (life = new Life(wasm, proxy, step).live()), {
    ...site,
    status,
    ...(nth === undefined ? {} : { nth }),
  });
  assert.ok(life !== undefined);
  return { proxy, life, struck };
}

/** What must hold whatever failed. Returns what does not. */
function complaints({ proxy, life }: Failed, site: Place): string[] {
  const found: string[] = [];
  const died = proxy.log.messages({ source: "envoy" }).some((line) => line.includes("RuntimeError"));
  if (died) found.push("trap");
  if (proxy.errors.length > 0) found.push(`misuse ${JSON.stringify(proxy.errors)}`);
  if (proxy.stats.size > BUSY.metrics.maxSeries) found.push(`${proxy.stats.size} series`);
  const mayRefuse = site.name === "proxy_get_buffer_bytes" || site.name === "malloc";
  if (life.refused !== undefined && !mayRefuse) found.push(life.refused);
  const counted = proxy.stats.value("trading_requests_total");
  // What cannot be written while the last of the filter goes is lost.
  if (counted !== life.requests && site.phase !== "remove")
    found.push(`${counted} of ${life.requests} counted`);
  return found;
}

const LABELS = { order_type: "limit", operation: "place_order", result: "ok" };
/** Phases after which a request follows that must be counted like any other. */
const EARLY = /^(headers|response|log|end|tick|second tick)/;

/** What a failure that is over has changed for good. */
function recovery({ proxy, life }: Failed, site: Place): string[] {
  if (life.refused !== undefined || !EARLY.test(site.phase)) return [];
  const symbols = ["BTC", "ETH"].filter(
    (symbol) => proxy.stats.value("trading_requests_total", { ...LABELS, symbol }) === 0,
  );
  return symbols.map((symbol) => `${symbol} never has its labels again`);
}

function describe(site: Place, status: number, nth?: number): string {
  const name = Object.entries(Status).find(([, value]) => value === status)?.[0] ?? "";
  return `${site.phase}: ${site.name} ${nth === undefined ? "always" : `#${nth}`} ${name}`;
}

/** A failure that is not counted as what it was. */
function uncounted({ proxy, life }: Failed, site: Place, status: number): string[] {
  const reason = reasonOf(site.name, status);
  if (reason === undefined || life.refused !== undefined || site.phase === "remove") return [];
  const count = proxy.stats.value("tickgate_failures_total", { reason });
  return count > 0 ? [] : [`not counted as ${reason}`];
}

/** The debug module gets one status of each kind that the filter tells apart: absent, mismatch, failed. */
const STATUSES: Readonly<Record<string, readonly number[]>> = {
  debug: [Status.NotFound, Status.CasMismatch, Status.InternalFailure],
  release: FAILING,
};

/** Which calls from a site fail: the first comes from the canary, the last from the worker. */
function callsOf(site: Site, build: string, status: number): Set<number> {
  if (build === "debug") return new Set([site.first]);
  const kinds: readonly number[] = STATUSES["debug"] ?? [];
  return new Set(kinds.includes(status) ? [site.first, site.last] : [site.last]);
}

for (const [build, wasm] of Object.entries(MODULES)) {
  const sites = findSites(new Proxy(), (proxy, step) => void new Life(wasm, proxy, step).live());
  const hostSites = sites.filter((site) => site.name !== "malloc");

  void nodeTest(`every import is called somewhere in the life of a filter (${build})`, () => {
    const called = new Set(hostSites.map((site) => site.name));
    for (const name of ["proxy_define_metric", "proxy_record_metric", "proxy_set_property", "random_get"]) {
      assert.ok(called.has(name), name);
    }
    assert.ok(hostSites.length > 40, `${hostSites.length} call sites`);
  });

  for (const status of STATUSES[build] ?? []) {
    void nodeTest(`a host call that returns ${status} once is survived (${build})`, () => {
      const found: string[] = [];
      for (const site of hostSites) {
        for (const nth of callsOf(site, build, status)) {
          const outcome = failed(wasm, site, status, nth);
          const wrong = [
            ...(outcome.struck ? [] : ["was not called"]),
            ...complaints(outcome, site),
            ...recovery(outcome, site),
            ...uncounted(outcome, site, status),
          ];
          found.push(...wrong.map((what) => `${describe(site, status, nth)}: ${what}`));
        }
      }
      assert.deepEqual(found, []);
    });

    void nodeTest(`a host function that returns ${status} throughout a phase is survived (${build})`, () => {
      const found: string[] = [];
      const phases = new Map(hostSites.map((site) => [`${site.phase} ${site.name}`, site]));
      for (const site of phases.values()) {
        const outcome = failed(wasm, site, status);
        found.push(...complaints(outcome, site).map((what) => `${describe(site, status)}: ${what}`));
      }
      assert.deepEqual(found, []);
    });
  }

  void nodeTest(`an allocation that fails at any place is survived (${build})`, () => {
    const found: string[] = [];
    for (const site of sites.filter(({ name }) => name === "malloc")) {
      for (const nth of [undefined, site.first, site.last]) {
        const outcome = failed(wasm, site, 0, nth);
        if (outcome.life.refused !== undefined) continue;
        found.push(...complaints(outcome, site).map((what) => `${describe(site, 0)}: ${what}`));
      }
    }
    assert.deepEqual(found, []);
  });
}
