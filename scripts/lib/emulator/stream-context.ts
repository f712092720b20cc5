import { BaseContext } from "./base-context.ts";
import type { ByteString } from "./bytes.ts";
import { HeaderMap } from "./headers.ts";
import type { HostError, LocalReply } from "./host-types.ts";
import { streamProperty } from "./properties.ts";
import { BufferType, MapType, Status } from "./status.ts";
import type { StreamInfo } from "./stream-info.ts";
import type { Vm } from "./vm.ts";

/** Where a stream is: what host functions may do depends on it. */
export type Phase = "request" | "response" | "log" | "over";

/** What a filter's host calls ask of the stream, to be done once the callback has returned. */
export interface StreamControl {
  reply(reply: LocalReply): void;
  continueRequest(): void;
  continueResponse(): void;
  reset(details?: ByteString): void;
}

/** A stream as host functions see it. The maps are present only while Envoy would hand them out. */
export class StreamContext extends BaseContext {
  readonly info: StreamInfo;
  readonly #rootId: number;
  readonly #vm: Vm;
  readonly #control: StreamControl;
  phase: Phase = "request";
  requestHeaders: HeaderMap | undefined;
  requestTrailers: HeaderMap | undefined;
  responseHeaders: HeaderMap | undefined;
  responseTrailers: HeaderMap | undefined;
  /** While a body's last piece is in a callback: whoever asks for the trailers to write them, makes them. */
  bodyEnds: "request" | "response" | undefined;
  requestBody: ByteString = "";
  responseBody: ByteString = "";
  #replied = false;

  constructor(vm: Vm, rootId: number, info: StreamInfo, control: StreamControl) {
    super(vm.allocateContextId(), vm.vmConfiguration);
    this.#vm = vm;
    this.#rootId = rootId;
    this.info = info;
    this.#control = control;
  }

  override get rootId(): number {
    return this.#rootId;
  }

  override get logging(): boolean {
    return this.phase === "log";
  }

  override readableMap(type: number): HeaderMap | undefined {
    if (!this.logging) return this.#presentMap(type);
    switch (type) {
      case MapType.RequestHeaders:
        return this.info.requestHeaders;
      case MapType.ResponseHeaders:
        return this.info.responseHeaders;
      case MapType.ResponseTrailers:
        return this.info.responseTrailers;
      default:
        return undefined;
    }
  }

  #presentMap(type: number): HeaderMap | undefined {
    if (type === MapType.RequestTrailers) return this.requestTrailers;
    return type === MapType.ResponseTrailers ? this.responseTrailers : this.writableMap(type);
  }

  override writableMap(type: number): HeaderMap | undefined {
    switch (type) {
      case MapType.RequestHeaders:
        return this.requestHeaders;
      case MapType.RequestTrailers:
        if (this.bodyEnds === "request") this.requestTrailers ??= new HeaderMap();
        return this.requestTrailers;
      case MapType.ResponseHeaders:
        return this.responseHeaders;
      case MapType.ResponseTrailers:
        if (this.bodyEnds === "response" && this.responseTrailers === undefined) {
          this.responseTrailers = new HeaderMap();
          this.info.responseTrailers = this.responseTrailers;
        }
        return this.responseTrailers;
      default:
        return undefined;
    }
  }

  override buffer(type: number): ByteString | undefined {
    if (type === BufferType.RequestBody) return this.requestBody;
    return type === BufferType.ResponseBody ? this.responseBody : super.buffer(type);
  }

  /** Envoy knows three edits: prepend (0, 0), replace all (0, all) and append (at the end). */
  override setBuffer(type: number, start: number, length: number, data: ByteString): Status {
    if (type !== BufferType.RequestBody && type !== BufferType.ResponseBody) return Status.BadArgument;
    const field = type === BufferType.RequestBody ? "requestBody" : "responseBody";
    const old = this[field];
    if (start === 0 && length === 0) this[field] = data + old;
    else if (start === 0 && length >= old.length) this[field] = data;
    else if (start > 0 && start >= old.length) this[field] = old + data;
    else return Status.BadArgument;
    return Status.Ok;
  }

  override property(path: ByteString): ByteString | undefined {
    const { info, logging } = this;
    return streamProperty(path, {
      info,
      requestHeaders: this.requestHeaders ?? (logging ? info.requestHeaders : undefined),
      responseHeaders: this.responseHeaders ?? (logging ? info.responseHeaders : undefined),
      responseTrailers: this.responseTrailers ?? (logging ? info.responseTrailers : undefined),
    });
  }

  override setProperty(path: ByteString, value: ByteString): Status {
    this.info.filterState.set(`wasm.${path}`, value);
    return Status.Ok;
  }

  override sendLocalResponse(reply: LocalReply): void {
    if (this.phase !== "request") return this.#misuse("local_response_outside_request", reply);
    // Envoy queues both: the second meets a stream that is gone or already answered.
    if (this.#replied) return this.#misuse("second_local_response", reply);
    this.#replied = true;
    this.#vm.defer(() => this.#control.reply(reply));
  }

  override continueStream(type: number): Status {
    if (type === MapType.RequestHeaders) this.#vm.defer(() => this.#control.continueRequest());
    else if (type === 1) this.#vm.defer(() => this.#control.continueResponse());
    else return type === 2 ? Status.Ok : Status.Unimplemented;
    this.requestHeaders = undefined;
    this.requestTrailers = undefined;
    return Status.Ok;
  }

  override closeStream(type: number): Status {
    if (type < 2) this.#vm.defer(() => this.#control.reset("wasm_close_stream"));
    return Status.Ok;
  }

  #misuse(kind: HostError["kind"], reply: LocalReply): void {
    const { thread, process } = this.#vm;
    process.errors.push({
      kind,
      thread,
      contextId: this.id,
      detail: `${reply.status} ${reply.details} in ${this.phase}`,
    });
  }
}
