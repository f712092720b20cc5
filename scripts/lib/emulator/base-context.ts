import type { ByteString } from "./bytes.ts";
import type { HeaderMap } from "./headers.ts";
import type { HostContext, LocalReply, ProcessState } from "./host-types.ts";
import { BufferType, Status } from "./status.ts";

/** What every context can do: nothing with a stream. Id 0 is the VM's own, current during `_initialize` and `malloc`. */
export class BaseContext implements HostContext {
  readonly id: number;
  readonly #vmConfiguration: ByteString;

  constructor(id: number, vmConfiguration: ByteString) {
    this.id = id;
    this.#vmConfiguration = vmConfiguration;
  }

  get rootId(): number {
    return this.id;
  }

  get logging(): boolean {
    return false;
  }

  readableMap(_type: number): HeaderMap | undefined {
    return undefined;
  }

  writableMap(_type: number): HeaderMap | undefined {
    return undefined;
  }

  buffer(type: number): ByteString | undefined {
    if (type === BufferType.VmConfiguration) return this.#vmConfiguration;
    const emptyHere = type !== BufferType.HttpCallResponseBody && type !== BufferType.PluginConfiguration;
    return emptyHere ? "" : undefined;
  }

  setBuffer(_type: number, _start: number, _length: number, _data: ByteString): Status {
    return Status.BadArgument;
  }

  property(_path: ByteString): ByteString | undefined {
    return undefined;
  }

  setProperty(_path: ByteString, _value: ByteString): Status {
    return Status.NotFound;
  }

  /** Envoy drops a reply from a context without a stream and says Ok. */
  sendLocalResponse(_reply: LocalReply): void {}

  continueStream(_type: number): Status {
    return Status.Ok;
  }

  closeStream(_type: number): Status {
    return Status.Ok;
  }
}

/** A root context: one a plugin configuration and VM. */
export class RootContext extends BaseContext {
  readonly #process: ProcessState;
  readonly #thread: string;
  readonly #properties: ReadonlyMap<ByteString, ByteString>;
  /** Set while the configuration may be read: in the root's creation and in `proxy_on_configure`. */
  configuration: ByteString | undefined;
  /** Whether `proxy_on_context_create` ran: only then does `proxy_on_delete`. */
  created = false;

  constructor(
    id: number,
    vm: { vmConfiguration: ByteString; process: ProcessState; thread: string },
    properties: ReadonlyMap<ByteString, ByteString>,
  ) {
    super(id, vm.vmConfiguration);
    this.#process = vm.process;
    this.#thread = vm.thread;
    this.#properties = properties;
  }

  override buffer(type: number): ByteString | undefined {
    return type === BufferType.PluginConfiguration ? this.configuration : super.buffer(type);
  }

  override property(path: ByteString): ByteString | undefined {
    return this.#properties.get(path.replaceAll("\0", "."));
  }

  override sendLocalResponse(reply: LocalReply): void {
    this.#process.errors.push({
      kind: "local_response_outside_request",
      thread: this.#thread,
      contextId: this.id,
      detail: `${reply.status} ${reply.details} from a root context`,
    });
  }
}
