import { parentPort, workerData } from "node:worker_threads";
import {
  Proxy,
  SharedData,
  type ByteString,
  type Plugin,
  type SharedEntry,
  type Status,
} from "../../../scripts/lib/emulator/index.ts";
import { Channel } from "./channel.ts";
import { sendersOf, type Sent } from "./traffic.ts";

// One VM of an explorer: an emulated proxy whose clock and shared data are the explorer's.

/** What the explorer tells a VM to do. */
export type Command =
  | { readonly kind: "load"; readonly wasm: Uint8Array; readonly configuration: object }
  | { readonly kind: "send"; readonly sent: Sent };

/** How a command ended. */
export interface Result {
  readonly status?: number;
  readonly failure?: string;
}

class RemoteData extends SharedData {
  override peek(_vmId: string, key: ByteString): SharedEntry | undefined {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the explorer answers a peek with an entry
    return channel.ask({ kind: "peek", key }) as SharedEntry | undefined;
  }

  override put(_vmId: string, key: ByteString, value: Uint8Array, cas: number): Status {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- and a put with a status
    return channel.ask({ kind: "put", key, value: value.slice(), cas }) as Status;
  }
}

function load(wasm: Uint8Array, configuration: object): Plugin {
  const proxy = new Proxy();
  Object.defineProperty(proxy.process, "sharedData", { value: new RemoteData() });
  Object.defineProperty(proxy.clock, "monotonicNanos", { get: () => channel.nanos });
  return proxy.load({ wasm, configuration });
}

/** What became of a command: of a request its status, of anything that must not happen a failure. */
function obey(command: Command): Result {
  try {
    if (command.kind === "load") plugin = load(command.wasm, command.configuration);
    else return send(command.sent);
    return {};
  } catch (error) {
    return { failure: String(error) };
  }
}

function send(sent: Sent): Result {
  const worker = plugin?.worker();
  const { status } = worker?.request(sendersOf(sent)) ?? {};
  const failure = worker?.failure;
  return { ...(status === undefined ? {} : { status }), ...(failure === undefined ? {} : { failure }) };
}

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the explorer's thread made it
const channel = new Channel((workerData as { buffer: SharedArrayBuffer }).buffer);
let plugin: Plugin | undefined;
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port between threads has no origin
parentPort?.postMessage("ready");
let message = channel.start();
for (;;) {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what stands in an idle channel is a command
  const command = message as Command;
  message = channel.finish(obey(command));
}
