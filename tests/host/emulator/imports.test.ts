import assert from "node:assert/strict";
import { test } from "./cases.ts";
import { ENVOY_IMPORTS, LoadError, Proxy, type HostImport } from "../../../scripts/lib/emulator/index.ts";
import { probe } from "./probes.ts";
import { tinyModule, type TinyModule } from "./tiny-module.ts";

function load(module: TinyModule): void {
  new Proxy().load({ wasm: tinyModule(module) });
}

function refused(module: TinyModule, message: RegExp): void {
  assert.throws(() => load(module), { name: "LoadError", message });
}

test("a module that imports everything Envoy registers loads", () => {
  load({ imports: ENVOY_IMPORTS });
  assert.equal(ENVOY_IMPORTS.length, 42 + 2 * 45);
});

test("what Envoy does not register is missing", () => {
  const absent: HostImport = {
    module: "env",
    name: "abort",
    params: ["i32", "i32", "i32", "i32"],
    result: null,
  };
  refused({ imports: [absent] }, /^Failed to load Wasm module due to a missing import: env\.abort$/);
  refused(
    { imports: [{ ...absent, name: "proxy_clear_route_cache" }] },
    /missing import: env\.proxy_clear_route_cache/,
  );
});

test("a parameter of another type is a mismatch", () => {
  const narrow: HostImport = {
    module: "env",
    name: "proxy_increment_metric",
    params: ["i32", "i32"],
    result: "i32",
  };
  refused(
    { imports: [narrow] },
    /^Failed to load Wasm module due to an import type mismatch: env\.proxy_increment_metric, want: i32 i32 -> i32, but host exports: i32 i64 -> i32$/,
  );
});

test("the ABI's marker and malloc must be exported", () => {
  refused({ exports: ["malloc"] }, /^Missing or unknown Proxy-Wasm ABI version$/);
  refused({ exports: ["proxy_abi_version_0_2_1"] }, /^Wasm module is missing malloc function\.$/);
  refused({ exports: ["malloc", "proxy_abi_version_0_1_0"] }, /ABI 0\.2\.1 only/);
});

test("what is no module does not load", () => {
  assert.throws(() => new Proxy().load({ wasm: Uint8Array.of(1, 2, 3) }), LoadError);
});

test("_initialize may log, but a call to shared data is a trap", async () => {
  const proxy = new Proxy();
  const wasm = await probe("eager");
  assert.throws(() => proxy.load({ wasm }), {
    name: "LoadError",
    message:
      "Failed to initialize Wasm code: Function: _initialize failed: Uncaught Error: restricted_callback",
  });
  assert.deepEqual(proxy.log.messages({ source: "filter" }), ["hello"]);
});

test("a host call in a start section is refused: there is no context yet", async () => {
  const wasm = await probe("start-section", []);
  assert.throws(() => new Proxy().load({ wasm }), /start section/);
});
