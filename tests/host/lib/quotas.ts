import type { HostCall, Proxy } from "../../../scripts/lib/emulator/index.ts";
import { SLOT_PREFIX } from "./slots.ts";
import type { Filter } from "./filter.ts";
import type { Sent } from "./traffic.ts";

type HeaderValues = Readonly<Record<string, string | readonly string[]>>;

/** The request through another worker. */
export function on(worker: number, sent: Sent): Sent {
  return { ...sent, worker };
}

/** A request of a user. */
export function by(user: string, more: HeaderValues = {}, rest: Omit<Sent, "headers"> = {}): Sent {
  return { headers: { "x-user-id": user, ...more }, ...rest };
}

/** Sends the same request until it is refused. Returns how many passed. */
export function spendAll(filter: Filter, sent: Sent, most = 1000): number {
  for (let passed = 0; passed < most; passed++) if (filter.send(sent).status !== 200) return passed;
  return most;
}

/** The request over mutual TLS from a peer. */
export function from(peer: string, sent: Sent): Sent {
  return { ...sent, connection: { uriSanPeerCertificate: peer } };
}

/** Statuses of requests sent one after the other. */
export function statuses(filter: Filter, sents: readonly Sent[]): (number | undefined)[] {
  return sents.map((sent) => filter.send(sent).status);
}

/** Whether a call of the shared data is for a slot of the quota table. */
export function ofSlot(call: HostCall): boolean {
  return call.read(call.args[0], call.args[1])?.startsWith(SLOT_PREFIX) === true;
}

/** Keys of the slots that were ever written. */
export function slotKeys(proxy: Proxy): Buffer[] {
  const keys = proxy.sharedData.keys().filter((key) => key.startsWith(SLOT_PREFIX));
  return keys.map((key) => Buffer.from(key, "latin1"));
}

/** The slots as they lie in the shared data. */
export function slotValues(proxy: Proxy): Uint8Array[] {
  return slotKeys(proxy).flatMap((key) => proxy.sharedData.get("", key)?.value ?? []);
}
