import { Status } from "./status.ts";

interface Queue {
  readonly items: Uint8Array[];
}

/** Envoy's shared queues: register, resolve, enqueue, dequeue. Nobody is told (`proxy_on_queue_ready` is not called). */
export class SharedQueues {
  readonly #tokens = new Map<string, number>();
  readonly #queues = new Map<number, Queue>();

  register(vmId: string, name: string): number {
    const key = `${vmId}\0${name}`;
    let token = this.#tokens.get(key);
    if (token === undefined) {
      token = this.#tokens.size + 1;
      this.#tokens.set(key, token);
      this.#queues.set(token, { items: [] });
    }
    return token;
  }

  /** 0: no such queue. */
  resolve(vmId: string, name: string): number {
    return this.#tokens.get(`${vmId}\0${name}`) ?? 0;
  }

  enqueue(token: number, data: Uint8Array): Status {
    const queue = this.#queues.get(token);
    if (queue === undefined) return Status.NotFound;
    queue.items.push(new Uint8Array(data));
    return Status.Ok;
  }

  dequeue(token: number): Uint8Array | Status {
    const queue = this.#queues.get(token);
    if (queue === undefined) return Status.NotFound;
    return queue.items.shift() ?? Status.Empty;
  }
}
