import { main as asc } from "assemblyscript/asc";
import { root } from "../../../scripts/lib/paths.ts";

/** The filter's own arithmetic, compiled from its sources by `tests/host/probe/quota.ts`. */
export interface Arithmetic {
  readonly memory: WebAssembly.Memory;
  address(): number;
  setRate(limit: bigint, windowNanos: bigint, burst: bigint): void;
  interval(): bigint;
  windowSeconds(): bigint;
  quotaUnits(): bigint;
  setTat(lo: bigint, hi: bigint): void;
  tatLo(): bigint;
  tatHi(): bigint;
  spend(now: bigint, cost: bigint): number;
  refund(cost: bigint, elapsed: bigint): void;
  isFull(now: bigint): number;
  remaining(now: bigint): bigint;
  tokensAhead(now: bigint): number;
  wait(now: bigint, cost: bigint): bigint;
  hash(first: bigint, second: bigint, length: number): bigint;
}

/** Compiles the probe in memory. Numbers come back signed; read them with `unsigned`. */
export async function compileArithmetic(): Promise<Arithmetic> {
  let wasm: Uint8Array<ArrayBuffer> | undefined;
  const options = ["--config", "none", "--baseDir", root, "--runtime", "stub", "-O3", "--use", "abort="];
  const { error } = await asc(["tests/host/probe/quota.ts", "-o", "quota.wasm", ...options], {
    writeFile: (_name, contents) => {
      if (typeof contents !== "string") wasm = new Uint8Array(contents);
    },
  });
  if (error !== null || wasm === undefined)
    throw new Error("tests/host/probe/quota.ts does not compile", { cause: error });
  const { instance } = await WebAssembly.instantiate(wasm, {});
  return instance.exports;
}

/** A u64 as WebAssembly hands it out. */
export function unsigned(value: bigint): bigint {
  return BigInt.asUintN(64, value);
}
