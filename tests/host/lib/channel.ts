import { deserialize, serialize } from "node:v8";

const IDLE = 0;
const RUNNING = 1;
const ASKING = 2;
const STATE = 0;
const LENGTH = 1;
const CLOCK_AT = 8;
const PAYLOAD_AT = 16;
const PAYLOAD_BYTES = 1 << 20;
/** A VM that runs this long without asking hangs. */
const LIMIT_MILLIS = 20_000;

/** What a VM is about to do to the shared data. */
export type Question =
  | { readonly kind: "peek"; readonly key: string }
  | { readonly kind: "put"; readonly key: string; readonly value: Uint8Array; readonly cas: number };

/** The line between the explorer and one VM on a thread of its own: exactly one side runs at a time. */
export class Channel {
  readonly buffer: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #clock: BigInt64Array;
  readonly #payload: Uint8Array;

  constructor(buffer = new SharedArrayBuffer(PAYLOAD_AT + PAYLOAD_BYTES)) {
    this.buffer = buffer;
    this.#words = new Int32Array(buffer, 0, 2);
    this.#clock = new BigInt64Array(buffer, CLOCK_AT, 1);
    this.#payload = new Uint8Array(buffer, PAYLOAD_AT);
  }

  get nanos(): bigint {
    return this.#clock[0] ?? 0n;
  }

  set nanos(nanos: bigint) {
    this.#clock[0] = nanos;
  }

  /** The explorer's side: hands over an answer or a command and waits until the VM asks (true) or has done it (false). */
  resume(message: unknown): boolean {
    this.#write(message);
    this.#turn(RUNNING);
    this.#wait(RUNNING);
    return Atomics.load(this.#words, STATE) === ASKING;
  }

  /** The explorer's side: what the VM asks, or the result of its command. */
  read(): unknown {
    return deserialize(Buffer.from(this.#payload.slice(0, this.#words[LENGTH])));
  }

  /** The VM's side: waits for an answer. */
  ask(question: Question): unknown {
    this.#write(question);
    this.#turn(ASKING);
    this.#wait(ASKING);
    return this.read();
  }

  /** The VM's side: reports the result of a command and waits for the next. */
  finish(result: unknown): unknown {
    this.#write(result);
    this.#turn(IDLE);
    this.#wait(IDLE);
    return this.read();
  }

  /** The VM's side: waits for the first command. */
  start(): unknown {
    this.#wait(IDLE);
    return this.read();
  }

  #write(message: unknown): void {
    const bytes = serialize(message);
    this.#payload.set(bytes);
    this.#words[LENGTH] = bytes.length;
  }

  // In a loop: the other side may have gone on, and waited, before it was told that it may.
  #wait(state: number): void {
    const limit = state === RUNNING ? LIMIT_MILLIS : Infinity;
    while (Atomics.load(this.#words, STATE) === state) {
      if (Atomics.wait(this.#words, STATE, state, limit) === "timed-out")
        throw new Error("a VM neither asks nor ends");
    }
  }

  #turn(state: number): void {
    Atomics.store(this.#words, STATE, state);
    Atomics.notify(this.#words, STATE);
  }
}
