export { toBytes, toText, type ByteString } from "./bytes.ts";
export { CALL_NAMES, CallCounts } from "./calls.ts";
export { Clock, micros, millis } from "./clock.ts";
export { Faults, type CallingVm, type Fault, type FaultOptions, type HostCall } from "./faults.ts";
export { HeaderMap, type HeadersInit, type HeaderValue } from "./headers.ts";
export type { HostError } from "./host-types.ts";
export { ENVOY_IMPORTS, type HostImport, type WasmType } from "./imports.ts";
export type { FailurePolicy } from "./lifecycle.ts";
export { Log, type LogEntry } from "./log.ts";
export { LoadError } from "./module.ts";
export { Observation, type ObservedResponse, type ObservedUpstream } from "./observation.ts";
export { PluginWorker, type ReloadCounts } from "./plugin.ts";
export type { PropertyValue } from "./properties.ts";
export { Plugin, Proxy, type LoadOptions, type ProxyOptions } from "./proxy.ts";
export type { RequestOptions, Upstream, UpstreamResponse } from "./request.ts";
export { SharedData, type SharedEntry } from "./shared-data.ts";
export { StatsStore, type LabelFilter, type Series } from "./stats.ts";
export {
  BufferType,
  LOG_LEVELS,
  MapType,
  MetricType,
  ResponseFlag,
  Status,
  type LogLevel,
} from "./status.ts";
export { parseStatName, type StatTags } from "./stat-names.ts";
export { Stream, type ForeignReply, type StreamOptions } from "./stream.ts";
export type { Connection } from "./stream-info.ts";
