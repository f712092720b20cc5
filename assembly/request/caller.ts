import { SOURCE_PEER } from "../config/plan";
import { readProperty } from "../host/properties";
import { Status } from "../host/status";
import { returnedBytes, returnedLength } from "../host/value";
import { Failure } from "../metrics/catalog";
import { noteFailure } from "../metrics/failures";
import { Plugin } from "../plugin";
import { tableHash } from "../store/table";
import { HeaderValue } from "../trading/headers";
import { isTrusted, isUserId } from "../trading/identity";

/** Longest SPIFFE id (SPIFFE-ID, 2.4). */
const MAX_PEER_BYTES: u32 = 2048;

/** Where a user id comes from; part of what it is, so that a header cannot spell a peer. */
export const FROM_NOWHERE: u8 = 0;
export const FROM_HEADER: u8 = 1;
export const FROM_PEER: u8 = 2;

/** Who sends the request that is being handled. Its bytes live as long as the callback. */
@unmanaged
export class Caller {
  user: usize;
  userLength: u32;
  peer: usize;
  peerLength: u32;
  source: u8;
  trusted: bool;
  private userHash: u64;
  private identified: bool;

  /** Reads the peer where the configuration needs it, and decides whether the caller is believed. */
  meet(plugin: Plugin): void {
    this.userLength = 0;
    this.peerLength = 0;
    this.source = FROM_NOWHERE;
    this.identified = false;
    this.userHash = 0;
    this.trusted = plugin.plan.trustAll;
    if (!plugin.needsPeer) return;
    const status = readProperty("connection\0uri_san_peer_certificate");
    if (status != Status.Ok && status != Status.NotFound) noteFailure(Failure.Properties);
    if (status != Status.Ok) return;
    const length = returnedLength();
    if (length == 0 || length > MAX_PEER_BYTES) return;
    this.peer = returnedBytes();
    this.peerLength = length;
    this.trusted = isTrusted(plugin.plan, this.peer, length);
  }

  /** Decides, once, who is charged: the first source that is there. Whom we do not trust is charged as the peer it is. */
  identify(plugin: Plugin): void {
    if (this.identified) return;
    this.identified = true;
    const plan = plugin.plan;
    if (!this.trusted) return this.identifyAsPeer();
    for (let i: u32 = 0; i < plan.sourceCount; i++) {
      const source = load<u8>(plan.sources + i);
      if (source == SOURCE_PEER) {
        if (this.peerLength != 0) return this.identifyAsPeer();
        continue;
      }
      const header = plugin.request.value(source);
      if (header.copies == 0) continue;
      if (isUserId(header)) this.identifyAs(header);
      // A header that is there but names nobody ends the search: it must not become somebody else.
      return;
    }
  }

  /** Hash of the user, and of where its id comes from, in the store. */
  get hash(): u64 {
    if (this.userHash == 0) this.userHash = tableHash(this.source, this.user, this.userLength);
    return this.userHash;
  }

  private identifyAs(header: HeaderValue): void {
    this.source = FROM_HEADER;
    this.user = header.ptr;
    this.userLength = header.len;
  }

  private identifyAsPeer(): void {
    if (this.peerLength == 0) return;
    this.source = FROM_PEER;
    this.user = this.peer;
    this.userLength = this.peerLength;
  }
}
