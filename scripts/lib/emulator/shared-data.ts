import { Status } from "./status.ts";
import { toByteString, type ByteString } from "./bytes.ts";

/** One value with the number its next conditional write must name. */
export interface SharedEntry {
  readonly value: Uint8Array;
  readonly cas: number;
}

interface Slot {
  value: Uint8Array;
  cas: number;
}

const U32 = 2 ** 32;

/**
 * Envoy's shared data: one map a vm_id, one 32-bit counter for all of them (proxy-wasm-cpp-host shared_data.cc).
 * It outlives VMs and is erased when the last base VM of its vm_id goes.
 */
export class SharedData {
  readonly #spaces = new Map<string, Map<ByteString, Slot>>();
  /** The number the next write gets; settable, to test the wrap. Never 0. */
  nextCas = 1;

  /** The live entry, not to be changed; undefined when absent. */
  peek(vmId: string, key: ByteString): SharedEntry | undefined {
    return this.#spaces.get(vmId)?.get(key);
  }

  /** A copy of an entry. */
  get(vmId: string, key: string | Uint8Array): SharedEntry | undefined {
    const slot = this.peek(vmId, toByteString(key));
    return slot === undefined ? undefined : { value: new Uint8Array(slot.value), cas: slot.cas };
  }

  /** cas 0 always writes, an absent key takes any cas, otherwise the cas must be the entry's. */
  set(vmId: string, key: string | Uint8Array, value: Uint8Array, cas = 0): Status {
    return this.put(vmId, toByteString(key), value, cas);
  }

  /** `set` for a key that is a byte string already. */
  put(vmId: string, name: ByteString, value: Uint8Array, cas: number): Status {
    let space = this.#spaces.get(vmId);
    if (space === undefined) {
      space = new Map();
      this.#spaces.set(vmId, space);
    }
    const slot = space.get(name);
    if (slot === undefined) {
      space.set(name, { value: new Uint8Array(value), cas: this.#takeCas() });
      return Status.Ok;
    }
    if (cas !== 0 && cas !== slot.cas) return Status.CasMismatch;
    if (slot.value.length === value.length) slot.value.set(value);
    else slot.value = new Uint8Array(value);
    slot.cas = this.#takeCas();
    return Status.Ok;
  }

  /** The keys of a vm_id (byte strings). No filter can list them: for tests only. */
  keys(vmId = ""): ByteString[] {
    return [...(this.#spaces.get(vmId)?.keys() ?? [])];
  }

  erase(vmId: string): void {
    this.#spaces.delete(vmId);
  }

  #takeCas(): number {
    const cas = this.nextCas;
    this.nextCas = (cas + 1) % U32 || 1;
    return cas;
  }
}
