import { Text, textLength } from "../text/literal";
import { RESPONSE_HEADERS } from "../host/abi";
import { writeHeader } from "../host/headers";
import { Status } from "../host/status";
import { Pool, POOL_BYTES } from "../memory/pool";
import { Failure } from "../metrics/catalog";
import { noteFailure } from "../metrics/failures";
import { Plugin } from "../plugin";
import { remaining, waitNanos } from "../policy/quota";
import { secondsUntil, writeLimit, writePolicy } from "../reply/quota";
import { Writer, WRITER_BYTES } from "../text/writer";
import { Decision, chargeAt, chargeCount } from "./charges";

// What a request's quotas had left when it was charged, kept until its response: u32 count, then 16 bytes each:
// u32 quota, u32 tier, u32 tokens left, u32 seconds.

const BLOCK_BYTES: usize = 264;
const pool = changetype<Pool>(memory.data(POOL_BYTES));
const buffer = memory.data(2048);
const writer = changetype<Writer>(memory.data(WRITER_BYTES));
/** Keeps what the charged quotas that announce have left. Address 0: none does, or there is no memory. */
export function keepAnnouncement(nowNanos: u64): usize {
  let block: usize = 0;
  for (let i: u32 = 0; i < chargeCount; i++) {
    const charge = chargeAt(i);
    if (!charge.quota.announce) continue;
    if (block == 0) block = takeBlock();
    if (block == 0) return 0;
    const at = block + 8 + (load<u32>(block) << 4);
    store<u32>(at, charge.index);
    store<u32>(at, charge.tier, 4);
    const leased = charge.decision == Decision.Allowed ? charge.tokens - charge.cost : 0;
    const left = remaining(charge.rate, charge.tat, nowNanos) + leased;
    store<u32>(at, <u32>left, 8);
    const seconds = left == 0 ? secondsUntil(waitNanos(charge.rate, charge.tat, nowNanos, 1)) : 0;
    store<u32>(at, <u32>min<u64>(seconds, u32.MAX_VALUE), 12);
    store<u32>(block, load<u32>(block) + 1);
  }
  return block;
}

function takeBlock(): usize {
  if (pool.blockBytes == 0) pool.init(BLOCK_BYTES);
  const block = pool.take();
  if (block == 0) noteFailure(Failure.Memory);
  else store<u32>(block, 0);
  return block;
}

/** Gives an announcement back. */
export function dropAnnouncement(block: usize): void {
  if (block != 0) pool.give(block);
}

/** Writes the fields of an announcement to the response. */
export function announce(plugin: Plugin, block: usize): void {
  const entries = load<u32>(block);
  writer.init(buffer, 2048);
  for (let i: u32 = 0; i < entries; i++) {
    const at = block + 8 + (i << 4);
    const state = plugin.quotaStateAt(load<u32>(at));
    writePolicy(writer, state.quota, state.rateAt(load<u32>(at, 4)));
  }
  write("ratelimit-policy");
  writer.init(buffer, 2048);
  for (let i: u32 = 0; i < entries; i++) {
    const at = block + 8 + (i << 4);
    writeLimit(writer, plugin.quotaStateAt(load<u32>(at)).quota, load<u32>(at, 8), load<u32>(at, 12));
  }
  write("ratelimit");
}

function write(name: Text): void {
  const status = writeHeader(RESPONSE_HEADERS, name, textLength(name), buffer, writer.len);
  if (status != Status.Ok) noteFailure(Failure.Headers);
}
