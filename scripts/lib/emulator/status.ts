/** What a proxy-wasm host function returns (proxy-wasm-cpp-host, `WasmResult`). */
export const Status = {
  Ok: 0,
  NotFound: 1,
  BadArgument: 2,
  SerializationFailure: 3,
  ParseFailure: 4,
  InvalidMemoryAccess: 6,
  Empty: 7,
  CasMismatch: 8,
  InternalFailure: 10,
  Unimplemented: 12,
} as const;
export type Status = (typeof Status)[keyof typeof Status];

/** Header map numbers of the ABI. */
export const MapType = {
  RequestHeaders: 0,
  RequestTrailers: 1,
  ResponseHeaders: 2,
  ResponseTrailers: 3,
} as const;
/** The last map number of the ABI: gRPC and HTTP call maps lie between, always absent here. */
export const MAX_MAP_TYPE = 7;

/** Buffer numbers of the ABI. */
export const BufferType = {
  RequestBody: 0,
  ResponseBody: 1,
  NetworkDownstream: 2,
  NetworkUpstream: 3,
  HttpCallResponseBody: 4,
  GrpcReceive: 5,
  VmConfiguration: 6,
  PluginConfiguration: 7,
  CallData: 8,
} as const;
export const MAX_BUFFER_TYPE = 8;

/** Metric kinds of the ABI. */
export const MetricType = { Counter: 0, Gauge: 1, Histogram: 2 } as const;

/** Levels of `proxy_log`; `LOG_LEVELS[n]` is the name of level n. */
export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "critical"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** The bits of Envoy's `response.flags` that the emulator sets itself. */
export const ResponseFlag = {
  UpstreamConnectionFailure: 0x20n,
  UpstreamConnectionTermination: 0x40n,
  DownstreamConnectionTermination: 0x4000n,
} as const;
