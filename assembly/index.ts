// What the module exports to Envoy. A callback that is not exported is not called, and costs nothing.
import "./host/abort";
import { configure, createContext, done, log, requestHeaders, responseHeaders, tick } from "./dispatch";

export { malloc } from "./host/memory";

/** Marks the ABI version; never called. */
export function proxy_abi_version_0_2_1(): void {}

export function proxy_on_context_create(id: u32, parent: u32): void {
  createContext(id, parent);
}

export function proxy_on_configure(rootId: u32, size: u32): u32 {
  return configure(rootId, size);
}

export function proxy_on_tick(rootId: u32): void {
  tick(rootId);
}

export function proxy_on_request_headers(id: u32, _count: u32, _endOfStream: u32): u32 {
  return requestHeaders(id);
}

export function proxy_on_response_headers(id: u32, _count: u32, _endOfStream: u32): u32 {
  return responseHeaders(id);
}

export function proxy_on_log(id: u32): void {
  log(id);
}

export function proxy_on_done(id: u32): u32 {
  return done(id);
}
