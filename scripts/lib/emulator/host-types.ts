import type { ByteString } from "./bytes.ts";
import type { CallCounts } from "./calls.ts";
import type { Clock } from "./clock.ts";
import type { Faults } from "./faults.ts";
import type { HeaderMap } from "./headers.ts";
import type { Log } from "./log.ts";
import type { VmMemory } from "./memory.ts";
import type { MetricTable } from "./metric-table.ts";
import type { SharedData } from "./shared-data.ts";
import type { SharedQueues } from "./shared-queues.ts";
import type { StatsStore } from "./stats.ts";
import type { Status } from "./status.ts";

/** A misuse of the host that Envoy does not report but that breaks it, or that the emulator cannot imitate. */
export interface HostError {
  readonly kind: "second_local_response" | "local_response_outside_request" | "not_emulated";
  readonly thread: string;
  readonly contextId: number;
  readonly detail: string;
}

/** What all VMs of an Envoy process share. */
export interface ProcessState {
  readonly clock: Clock;
  readonly sharedData: SharedData;
  readonly sharedQueues: SharedQueues;
  readonly stats: StatsStore;
  readonly log: Log;
  readonly faults: Faults;
  /** Calls of all VMs since the last reset. */
  readonly calls: CallCounts;
  readonly errors: HostError[];
}

/** A local reply as the filter asked for it. */
export interface LocalReply {
  readonly status: number;
  readonly body: ByteString;
  /** Spaces are already replaced. */
  readonly details: ByteString;
  readonly headers: readonly (readonly [ByteString, ByteString])[];
  /** Absent: derived from the HTTP status where the request is gRPC. */
  readonly grpcStatus: number | undefined;
}

/** What a context (of the VM, a root or a stream) lets host functions see and do. */
export interface HostContext {
  readonly id: number;
  /** The root it belongs to: itself for a root; 0 for the VM's own context. */
  readonly rootId: number;
  /** In `proxy_on_log`: an absent map is then NotFound, not BadArgument. */
  readonly logging: boolean;
  readableMap(type: number): HeaderMap | undefined;
  writableMap(type: number): HeaderMap | undefined;
  /** undefined: no such buffer now (NotFound); an empty one is "". */
  buffer(type: number): ByteString | undefined;
  setBuffer(type: number, start: number, length: number, data: ByteString): Status;
  property(path: ByteString): ByteString | undefined;
  setProperty(path: ByteString, value: ByteString): Status;
  sendLocalResponse(reply: LocalReply): void;
  continueStream(type: number): Status;
  closeStream(type: number): Status;
}

/** What host functions need of the VM that called them. */
export interface VmHost {
  readonly process: ProcessState;
  readonly memory: VmMemory;
  readonly metrics: MetricTable;
  readonly thread: string;
  readonly vmId: string;
  readonly env: readonly (readonly [string, string])[];
  /** The context of the running callback, or the one it chose with `proxy_set_effective_context`. */
  context(): HostContext;
  /** False: there is no such context. */
  setEffectiveContext(id: number): boolean;
  setTickPeriod(rootId: number, periodMillis: number): void;
  /** `proxy_done` of a root that had put off its end. */
  done(rootId: number): Status;
}

/** Host functions by name. Parameters are numbers (i32, of either sign) and bigints (i64). */
export type HostFunctions = Readonly<Record<string, (...args: never[]) => number | undefined>>;
