// What the module exports to Envoy. A callback that is not exported is not called, and costs nothing.
import "./host/abort";

export { malloc } from "./host/memory";
export {
  configure as proxy_on_configure,
  createContext as proxy_on_context_create,
  done as proxy_on_done,
  log as proxy_on_log,
  requestHeaders as proxy_on_request_headers,
  responseHeaders as proxy_on_response_headers,
  responseTrailers as proxy_on_response_trailers,
  tick as proxy_on_tick,
} from "./dispatch";

/** Marks the ABI version; never called. */
export function proxy_abi_version_0_2_1(): void {}
