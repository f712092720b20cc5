import { wasmFilter } from "../../scripts/lib/envoy/wasm.ts";
import type { Copy, Parts, PeerName } from "./arm.ts";

/** A peer's module as a filter. */
export function peerFilter(peer: PeerName): (copy: Copy) => Parts {
  return ({ lane, index, peers }) => {
    const module = peers.get(peer);
    if (module === undefined) throw new Error(`the peer ${peer} was not built`);
    // The AssemblyScript SDK knows one root context a VM.
    const vmId = peer === "sdk" ? `${lane}_${index}` : lane;
    const configuration = configurationOf(peer, lane, index);
    const name = `${lane}_${index}`;
    const more = configuration === undefined ? {} : { configuration };
    return { filters: [wasmFilter({ name, rootId: name, module, vmId, ...more })] };
  };
}

function configurationOf(peer: PeerName, lane: string, index: number): string | undefined {
  // The name of its counter.
  if (peer === "pass-through") return `pass_through_requests_total.operation=.=${lane};.;`;
  // A prefix of its keys: copies share no buckets, as ours share none.
  return peer === "rust" ? `${index}.` : undefined;
}
