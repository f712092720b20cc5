import { resetArena } from "./host/memory";
import { Pool, POOL_BYTES } from "./memory/pool";
import { WORD_MAP_BYTES, WordMap } from "./memory/wordmap";
import { Failure } from "./metrics/catalog";
import { noteFailure } from "./metrics/failures";
import { Plugin } from "./plugin";
import { dropAnnouncement } from "./request/announcement";
import { Request, refuseWithoutMemory } from "./request/request";

/** What a callback for headers answers: go on, or wait (for the reply that was sent). */
const CONTINUE: u32 = 0;
const STOP: u32 = 1;

// Context ids of roots and of streams, each to its plugin or request.
const roots = changetype<WordMap>(memory.data(WORD_MAP_BYTES));
const streams = changetype<WordMap>(memory.data(WORD_MAP_BYTES));
const pluginPool = changetype<Pool>(memory.data(POOL_BYTES));
const requestPool = changetype<Pool>(memory.data(POOL_BYTES));
/** Whether the stream there was no memory for last belongs to a configuration that lets no failure pass. */
let refusesWithoutMemory = false;

/** A new root (parent 0) or stream. Streams belong to the configuration they began with. */
export function createContext(id: u32, parent: u32): void {
  if (parent == 0) createPlugin(id);
  else createRequest(id, parent);
}

function createPlugin(id: u32): void {
  if (roots.find(id) != 0) return;
  if (pluginPool.blockBytes == 0) pluginPool.init(alignUp(offsetof<Plugin>()));
  const block = pluginPool.take();
  if (block == 0) return noteFailure(Failure.Memory);
  memory.fill(block, 0, offsetof<Plugin>());
  changetype<Plugin>(block).id = id;
  if (roots.put(id, <u32>block)) return;
  pluginPool.give(block);
  noteFailure(Failure.Memory);
}

function createRequest(id: u32, parent: u32): void {
  const plugin = changetype<Plugin>(roots.find(parent));
  if (changetype<usize>(plugin) == 0) return;
  if (requestPool.blockBytes == 0) requestPool.init(alignUp(offsetof<Request>()));
  const block = requestPool.take();
  if (block == 0) return noteUnslotted(plugin);
  const request = changetype<Request>(block);
  request.begin(id, plugin);
  if (streams.put(id, <u32>block)) {
    plugin.liveStreams += 1;
    return;
  }
  requestPool.give(block);
  noteUnslotted(plugin);
}

/** Its headers come next. */
function noteUnslotted(plugin: Plugin): void {
  noteFailure(Failure.Memory);
  refusesWithoutMemory = plugin.refusesFailures;
}

function alignUp(bytes: usize): usize {
  return (bytes + 7) & ~7;
}

/** The request of a live stream; address 0 for one we had no memory for. */
function requestOf(id: u32): Request {
  const request = changetype<Request>(streams.find(id));
  const stale = changetype<usize>(request) != 0 && request.contextId != id;
  return stale ? changetype<Request>(0) : request;
}

/** Loads a configuration. 0 refuses it. */
export function configure(rootId: u32, size: u32): u32 {
  resetArena();
  const plugin = changetype<Plugin>(roots.find(rootId));
  return changetype<usize>(plugin) != 0 && plugin.configure(size) ? 1 : 0;
}

/** A root's turn to write what was gathered. */
export function tick(rootId: u32): void {
  resetArena();
  const plugin = changetype<Plugin>(roots.find(rootId));
  if (changetype<usize>(plugin) != 0) plugin.tick();
}

/** The headers of a request. */
export function requestHeaders(id: u32, _count: u32, _endOfStream: u32): u32 {
  resetArena();
  const request = requestOf(id);
  if (changetype<usize>(request) == 0) return refusesWithoutMemory && refuseWithoutMemory() ? STOP : CONTINUE;
  return request.onHeaders() ? CONTINUE : STOP;
}

/** The headers of a response. */
export function responseHeaders(id: u32, _count: u32, _endOfStream: u32): u32 {
  resetArena();
  const request = requestOf(id);
  if (changetype<usize>(request) != 0) request.onResponseHeaders();
  return CONTINUE;
}

/** The trailers of a response. */
export function responseTrailers(id: u32, _count: u32): u32 {
  resetArena();
  const request = requestOf(id);
  if (changetype<usize>(request) != 0) request.onResponseTrailers();
  return CONTINUE;
}

/** The end of a stream, perhaps its first callback. The slot is free afterwards. */
export function log(id: u32): void {
  resetArena();
  const request = requestOf(id);
  if (changetype<usize>(request) == 0) return;
  if (!request.plugin.ticking) request.plugin.startTicks();
  request.onLog();
  releaseRequest(request);
}

/** Envoy lets go of a context. A stream that was never logged ends here. 1: it may go. */
export function done(id: u32): u32 {
  const request = requestOf(id);
  if (changetype<usize>(request) != 0) releaseRequest(request);
  const plugin = changetype<Plugin>(roots.find(id));
  if (changetype<usize>(plugin) != 0) {
    resetArena();
    plugin.done = true;
    plugin.retire();
    releaseIfIdle(plugin);
  }
  return 1;
}

function releaseRequest(request: Request): void {
  const plugin = request.plugin;
  streams.remove(request.contextId);
  request.contextId = 0;
  dropAnnouncement(request.announcement);
  requestPool.give(changetype<usize>(request));
  plugin.liveStreams -= 1;
  if (plugin.done) releaseIfIdle(plugin);
}

function releaseIfIdle(plugin: Plugin): void {
  if (plugin.liveStreams != 0) return;
  plugin.release();
  roots.remove(plugin.id);
  pluginPool.give(changetype<usize>(plugin));
}
