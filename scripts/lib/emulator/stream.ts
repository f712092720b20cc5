import { toByteString, type ByteString } from "./bytes.ts";
import { CallCounts } from "./calls.ts";
import { HeaderMap, type HeadersInit } from "./headers.ts";
import type { LocalReply, ProcessState } from "./host-types.ts";
import type { FailurePolicy } from "./lifecycle.ts";
import { prepareReply } from "./local-reply.ts";
import { Observation, type StreamRecord } from "./observation.ts";
import { encodeProperties, type PropertyValue } from "./properties.ts";
import { StreamContext, type Phase, type StreamControl } from "./stream-context.ts";
import { StreamInfo, type Connection } from "./stream-info.ts";
import type { PluginHandle } from "./thread.ts";

export interface StreamOptions {
  readonly connection?: Connection;
  /** Property values by dotted path; they win over derived ones. */
  readonly properties?: Readonly<Record<string, PropertyValue>>;
  /** `request.protocol`; default "HTTP/2". */
  readonly protocol?: string;
}

/** A reply some other part of Envoy makes. */
export interface ForeignReply {
  readonly status: number;
  readonly body?: string;
  readonly details?: string;
  readonly headers?: HeadersInit;
  readonly grpcStatus?: number;
}

const CONTINUE = 0;
const NO_PROPERTIES: ReadonlyMap<ByteString, ByteString> = new Map();
const WASM_FAILED: LocalReply = {
  status: 503,
  body: "",
  details: "wasm_fail_stream",
  headers: [],
  grpcStatus: 14,
};

function codeOf(headers: HeaderMap): number {
  return Number(headers.get(":status") ?? "0");
}

function foreign(reply: ForeignReply): LocalReply {
  return {
    status: reply.status,
    body: toByteString(reply.body ?? ""),
    details: toByteString(reply.details ?? "direct_response"),
    headers: HeaderMap.from(reply.headers ?? {}).toArray(),
    grpcStatus: reply.grpcStatus,
  };
}

/**
 * One HTTP stream, driven callback by callback. Streams of the same or other workers may be interleaved freely;
 * only a callback that runs cannot be interrupted, but for faults' hooks.
 */
export class Stream implements StreamControl {
  readonly info: StreamInfo;
  readonly calls = new CallCounts();
  readonly callbacks: string[] = [];
  readonly #handle: PluginHandle | undefined;
  readonly #context: StreamContext | undefined;
  readonly #process: ProcessState;
  readonly #policy: FailurePolicy;
  #created = false;
  #bypassed: boolean;
  #replied = false;
  #failed = false;
  #trapped: string | undefined;
  #upstreamHeaders: HeaderMap | undefined;
  #upstreamBody: ByteString = "";
  #body: ByteString = "";
  #responsePaused: HeaderMap | undefined;
  #over = false;

  /** Use `PluginWorker.stream`. */
  constructor(
    handle: PluginHandle | undefined,
    policy: FailurePolicy,
    process: ProcessState,
    options: StreamOptions,
  ) {
    const { monotonicNanos: startMonotonic, wallNanos: startWall } = process.clock;
    this.#process = process;
    this.#policy = policy;
    this.#handle = handle?.acquire();
    this.info = new StreamInfo({
      connection: options.connection ?? {},
      protocol: options.protocol ?? "HTTP/2",
      startMonotonic,
      startWall,
      pluginProperties: handle?.spec.properties ?? NO_PROPERTIES,
    });
    if (options.properties !== undefined) this.supply(options.properties);
    const dead = handle?.vm.failure !== undefined;
    this.#bypassed = handle === undefined || (dead && policy === "FAIL_OPEN");
    if (handle !== undefined && !dead) this.#context = this.#newContext(handle);
  }

  /** The context id in the VM; 0 where the VM was dead already. */
  get contextId(): number {
    return this.#context?.id ?? 0;
  }

  get phase(): Phase {
    return this.#context?.phase ?? "over";
  }

  /** Whether the request was passed on to the upstream. */
  get forwarded(): boolean {
    return this.#upstreamHeaders !== undefined;
  }

  /** Whether a response was sent to the caller. */
  get responded(): boolean {
    return this.info.responseHeaders !== undefined;
  }

  /** Adds property values, from now on. */
  supply(properties: Readonly<Record<string, PropertyValue>>): void {
    for (const [path, value] of encodeProperties(properties)) this.info.properties.set(path, value);
  }

  /** The request reaches the filter: `proxy_on_context_create`, `proxy_on_request_headers`. */
  requestHeaders(init: HeadersInit, endOfStream = true): void {
    const headers = HeaderMap.from(init);
    this.info.requestHeaders = headers;
    const context = this.#context;
    if (this.#bypassed || context === undefined) {
      if (this.#bypassed) this.#forward(headers);
      else this.#failStream();
      return;
    }
    this.#create();
    context.requestHeaders = headers;
    const status = this.#callback("proxy_on_request_headers", headers.length, endOfStream ? 1 : 0);
    if (status !== CONTINUE || this.responded || this.#over) return;
    context.requestHeaders = undefined;
    this.#forward(headers);
  }

  /** A piece of the request's body. Without `proxy_on_request_body` it passes by. */
  requestBody(chunk: string | Uint8Array, endOfStream = true): void {
    const text = toByteString(chunk);
    this.info.bytesReceived += text.length;
    const context = this.#context;
    if (context === undefined || !this.#hears("proxy_on_request_body")) {
      this.#upstreamBody += text;
      return;
    }
    context.requestBody = text;
    context.bodyEnds = endOfStream ? "request" : undefined;
    const status = this.#callback("proxy_on_request_body", text.length, endOfStream ? 1 : 0);
    context.bodyEnds = undefined;
    this.#upstreamBody += context.requestBody;
    if (status === CONTINUE) context.requestBody = "";
  }

  requestTrailers(init: HeadersInit): void {
    const context = this.#context;
    if (context === undefined || !this.#hears("proxy_on_request_trailers")) return;
    const trailers = HeaderMap.from(init);
    context.requestTrailers = trailers;
    const status = this.#callback("proxy_on_request_trailers", trailers.length);
    if (status === CONTINUE) context.requestTrailers = undefined;
  }

  /** A connection to the upstream is ready: from now on `upstream.*` exists. */
  upstreamReady(): void {
    this.info.upstreamReadyAt = this.#process.clock.monotonicNanos;
  }

  /** The response's headers reach the filter: `proxy_on_response_headers`. Default status 200. */
  responseHeaders(init: HeadersInit, endOfStream = true): void {
    const headers = HeaderMap.from(init);
    if (headers.get(":status") === undefined) headers.add(":status", "200");
    this.info.upstreamReadyAt ??= this.#process.clock.monotonicNanos;
    this.info.codeDetails ??= "via_upstream";
    // The router tells the code before it hands the response to the filters.
    this.info.responseCode = codeOf(headers);
    this.#encode(headers, endOfStream);
  }

  /** A piece of the response's body. */
  responseBody(chunk: string | Uint8Array, endOfStream = true): void {
    const text = toByteString(chunk);
    const context = this.#context;
    if (context === undefined || !this.#hears("proxy_on_response_body")) return this.#send(text);
    context.responseBody = text;
    context.bodyEnds = endOfStream ? "response" : undefined;
    const status = this.#callback("proxy_on_response_body", text.length, endOfStream ? 1 : 0);
    context.bodyEnds = undefined;
    if (this.#failed) return;
    this.#send(context.responseBody);
    if (status === CONTINUE) context.responseBody = "";
  }

  responseTrailers(init: HeadersInit): void {
    const trailers = HeaderMap.from(init);
    this.info.responseTrailers = trailers;
    const context = this.#context;
    if (context === undefined || !this.#hears("proxy_on_response_trailers")) return;
    context.responseTrailers = trailers;
    const status = this.#callback("proxy_on_response_trailers", trailers.length);
    if (status === CONTINUE) context.responseTrailers = undefined;
  }

  /** The upstream's last byte has arrived. */
  upstreamEnd(): void {
    this.info.upstreamEndAt = this.#process.clock.monotonicNanos;
  }

  /** An earlier filter answers: this filter hears nothing before `proxy_on_log`. */
  answeredEarlier(init: HeadersInit, reply: ForeignReply): void {
    this.info.requestHeaders = HeaderMap.from(init);
    this.#answer(foreign(reply));
  }

  /** A later filter or the router answers: the reply passes `proxy_on_response_headers`. */
  answeredLater(reply: ForeignReply): void {
    this.#answer(foreign(reply));
  }

  /** The stream ends without (more of) a response: the caller left, or somebody reset it. */
  reset(details = "downstream_remote_disconnect", flags = 0n): void {
    this.info.codeDetails ??= toByteString(details);
    this.info.responseFlags |= flags;
    this.#over = true;
  }

  /** Completes the stream and runs `proxy_on_log`, creating the context where nothing else has. */
  log(): void {
    this.info.completeAt ??= this.#process.clock.monotonicNanos;
    const context = this.#context;
    if (context === undefined || this.#bypassed) return;
    this.#create();
    context.phase = "log";
    this.#run("proxy_on_log", 0, 0);
    context.phase = "over";
  }

  /** Runs `proxy_on_done` and `proxy_on_delete` and lets go of the configuration. */
  destroy(): void {
    const { vm } = this.#handle ?? {};
    if (this.#context !== undefined && this.#created) {
      this.#context.phase = "over";
      this.#run("proxy_on_done", 0, 0);
      this.#run("proxy_on_delete", 0, 0);
    }
    vm?.contexts.delete(this.contextId);
    this.#handle?.release();
  }

  /** `log`, `destroy`, and what was seen. */
  end(): Observation {
    this.log();
    this.destroy();
    return this.observe();
  }

  /** What the filter's `proxy_send_local_response` leads to. Not for tests. */
  reply(reply: LocalReply): void {
    this.#replied = true;
    this.#answer(reply);
  }

  /** What the filter's `proxy_continue_stream` of the request leads to. Not for tests. */
  continueRequest(): void {
    const { requestHeaders } = this.info;
    if (this.responded || this.#over || this.forwarded || requestHeaders === undefined) return;
    this.#forward(requestHeaders);
  }

  /** What the filter's `proxy_continue_stream` of the response leads to. Not for tests. */
  continueResponse(): void {
    if (this.#responsePaused !== undefined) this.#respond(this.#responsePaused);
  }

  /** What was seen so far. */
  observe(): Observation {
    const record: StreamRecord = {
      contextId: this.contextId,
      info: this.info,
      callbacks: this.callbacks,
      calls: this.calls,
      bypassed: this.#bypassed,
      replied: this.#replied,
      trapped: this.#trapped,
      upstreamHeaders: this.#upstreamHeaders,
      upstreamBody: this.#upstreamBody,
      body: this.#body,
    };
    return new Observation(record);
  }

  #forward(headers: HeaderMap): void {
    this.#upstreamHeaders = headers;
    this.info.routedAt = this.#process.clock.monotonicNanos;
  }

  #newContext(handle: PluginHandle): StreamContext {
    const context = new StreamContext(handle.vm, handle.root.id, this.info, this);
    handle.vm.contexts.set(context.id, context);
    return context;
  }

  #create(): void {
    if (this.#created) return;
    this.#created = true;
    this.#run("proxy_on_context_create", this.#handle?.root.id ?? 0, 0);
  }

  #hears(name: string): boolean {
    return this.#created && !this.#failed && !this.#over && this.#handle?.vm.has(name) === true;
  }

  #failure(): string | undefined {
    return this.#handle?.vm.failure?.message;
  }

  /** Runs a function of the module if it has it and lives. */
  #run(name: string, a: number, b: number): number {
    const vm = this.#handle?.vm;
    if (vm === undefined || this.#context === undefined || vm.failure !== undefined || !vm.has(name))
      return CONTINUE;
    this.callbacks.push(name);
    const result = vm.call(name, this.#context, this.calls, this.#context.id, a, b);
    this.#trapped ??= this.#failure();
    return result;
  }

  /** A callback that can stop the stream; a dead VM fails it or is passed over, as the policy says. */
  #callback(name: string, a: number, b = 0): number {
    const result = this.#run(name, a, b);
    if (this.#handle?.vm.failure === undefined) return this.#replied && this.phase === "request" ? 1 : result;
    if (this.#policy === "FAIL_OPEN") return CONTINUE;
    this.#failStream();
    return 1;
  }

  #failStream(): void {
    if (this.#failed) return;
    this.#failed = true;
    this.info.codeDetails = WASM_FAILED.details;
    const { headers } = prepareReply(WASM_FAILED, this.info.requestHeaders);
    this.#respond(headers);
  }

  #answer(reply: LocalReply): void {
    this.info.codeDetails = reply.details;
    this.info.responseCode = reply.status;
    const { headers, body } = prepareReply(reply, this.info.requestHeaders);
    this.#encode(headers, body === "");
    if (body !== "" && !this.#failed) this.responseBody(Buffer.from(body, "latin1"));
  }

  #encode(headers: HeaderMap, endOfStream: boolean): void {
    const context = this.#context;
    if (context === undefined || this.#bypassed || !this.#created || this.#failed)
      return this.#respond(headers);
    context.phase = "response";
    context.responseHeaders = headers;
    const vm = this.#handle?.vm;
    const status = this.#encodeCallback(headers.length, endOfStream);
    if (this.#failed) return;
    if (status !== CONTINUE && vm?.failure === undefined) {
      this.#responsePaused = headers;
      return;
    }
    context.responseHeaders = undefined;
    this.#respond(headers);
  }

  #encodeCallback(count: number, endOfStream: boolean): number {
    const result = this.#run("proxy_on_response_headers", count, endOfStream ? 1 : 0);
    if (this.#handle?.vm.failure === undefined) return result;
    if (this.#policy !== "FAIL_OPEN") this.#failStream();
    return CONTINUE;
  }

  #respond(headers: HeaderMap): void {
    this.#responsePaused = undefined;
    this.info.responseHeaders = headers;
    this.info.responseCode = codeOf(headers);
  }

  #send(text: ByteString): void {
    this.#body += text;
    this.info.bytesSent += text.length;
  }
}
