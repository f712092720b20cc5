import { toText } from "./bytes.ts";
import type { CallCounts } from "./calls.ts";
import { grpcStatusOf } from "./grpc.ts";
import type { HeaderMap } from "./headers.ts";
import type { StreamInfo } from "./stream-info.ts";

/** What the caller got. */
export interface ObservedResponse {
  /** The HTTP status, undefined where no response was ever sent. */
  readonly status: number | undefined;
  readonly headers: HeaderMap | undefined;
  readonly trailers: HeaderMap | undefined;
  readonly body: string;
  /** `%RESPONSE_CODE_DETAILS%`. */
  readonly details: string | undefined;
  /** From the trailers, else the headers; undefined where neither tells. */
  readonly grpcStatus: number | undefined;
  readonly flags: bigint;
}

/** What the upstream got; undefined headers: the request never left the proxy. */
export interface ObservedUpstream {
  readonly reached: boolean;
  readonly headers: HeaderMap | undefined;
  readonly body: string;
}

/** What the emulator collects about a stream. */
export interface StreamRecord {
  readonly contextId: number;
  readonly info: StreamInfo;
  readonly callbacks: readonly string[];
  readonly calls: CallCounts;
  readonly bypassed: boolean;
  readonly replied: boolean;
  readonly trapped: string | undefined;
  readonly upstreamHeaders: HeaderMap | undefined;
  readonly upstreamBody: string;
  readonly body: string;
}

/** What one stream did, seen from outside the filter. */
export class Observation {
  readonly #record: StreamRecord;

  constructor(record: StreamRecord) {
    this.#record = record;
  }

  get contextId(): number {
    return this.#record.contextId;
  }

  /** The exported functions that ran, in order. */
  get callbacks(): readonly string[] {
    return this.#record.callbacks;
  }

  /** Whether the filter was skipped: FAIL_OPEN with a dead VM. */
  get bypassed(): boolean {
    return this.#record.bypassed;
  }

  /** Whether the filter itself answered. */
  get replied(): boolean {
    return this.#record.replied;
  }

  /** The trap this stream died of. */
  get trapped(): string | undefined {
    return this.#record.trapped;
  }

  get upstream(): ObservedUpstream {
    const { upstreamHeaders: headers, upstreamBody } = this.#record;
    return { reached: headers !== undefined, headers, body: toText(upstreamBody) };
  }

  get response(): ObservedResponse {
    const { info, body } = this.#record;
    return {
      status: info.responseCode,
      headers: info.responseHeaders,
      trailers: info.responseTrailers,
      body: toText(body),
      details: info.codeDetails,
      grpcStatus: grpcStatusOf(info.responseTrailers, info.responseHeaders, undefined),
      flags: info.responseFlags,
    };
  }

  /** Shorthand for `response.status`. */
  get status(): number | undefined {
    return this.#record.info.responseCode;
  }

  /** Filter state as text, by full key (`wasm.` included). */
  get filterState(): Readonly<Record<string, string>> {
    return Object.fromEntries([...this.#record.info.filterState].map(([key, value]) => [key, toText(value)]));
  }

  /** Host calls made in this stream's callbacks. */
  get calls(): CallCounts {
    return this.#record.calls;
  }
}
