import type { HostFunctions, LocalReply, VmHost } from "./host-types.ts";
import { decodePairs } from "./pairs.ts";
import { lowerCase } from "./bytes.ts";
import { MAX_BUFFER_TYPE, Status } from "./status.ts";

const MEMORY = Status.InvalidMemoryAccess;
const MAX_STREAM_TYPE = 3;
const MAX_GRPC_STATUS = 16;

function propertyFunctions(vm: VmHost): HostFunctions {
  return {
    proxy_get_property(path: number, pathSize: number, pointerAt: number, sizeAt: number) {
      const text = vm.memory.text(path, pathSize);
      if (text === undefined) return MEMORY;
      const value = vm.context().property(text);
      return value === undefined ? Status.NotFound : vm.memory.copyOut(value, pointerAt, sizeAt);
    },
    proxy_set_property(path: number, pathSize: number, value: number, valueSize: number) {
      const name = vm.memory.text(path, pathSize);
      const text = vm.memory.text(value, valueSize);
      if (name === undefined || text === undefined) return MEMORY;
      return vm.context().setProperty(name, text);
    },
  };
}

function getBufferBytes(
  vm: VmHost,
  type: number,
  start: number,
  length: number,
  at: readonly [number, number],
) {
  if (type >>> 0 > MAX_BUFFER_TYPE) return Status.BadArgument;
  const buffer = vm.context().buffer(type);
  if (buffer === undefined) return Status.NotFound;
  // Past the end there is nothing, and that is Ok.
  const from = start >>> 0;
  return vm.memory.copyOut(buffer.slice(from, from + (length >>> 0)), at[0], at[1]);
}

function bufferFunctions(vm: VmHost): HostFunctions {
  return {
    proxy_get_buffer_bytes: (
      type: number,
      start: number,
      length: number,
      pointerAt: number,
      sizeAt: number,
    ) => getBufferBytes(vm, type, start, length, [pointerAt, sizeAt]),
    proxy_get_buffer_status(type: number, lengthAt: number, flagsAt: number) {
      if (type >>> 0 > MAX_BUFFER_TYPE) return Status.BadArgument;
      const buffer = vm.context().buffer(type);
      if (buffer === undefined) return Status.NotFound;
      return vm.memory.writeU32(lengthAt, buffer.length) && vm.memory.writeU32(flagsAt, 0)
        ? Status.Ok
        : MEMORY;
    },
    proxy_set_buffer_bytes(type: number, start: number, length: number, data: number, dataSize: number) {
      if (type >>> 0 > MAX_BUFFER_TYPE) return Status.BadArgument;
      const text = vm.memory.text(data, dataSize);
      if (text === undefined) return MEMORY;
      return vm.context().setBuffer(type, start >>> 0, length >>> 0, text);
    },
  };
}

function sendLocalResponse(vm: VmHost, args: readonly number[]): Status {
  const [
    status = 0,
    details = 0,
    detailsSize = 0,
    body = 0,
    bodySize = 0,
    pairs = 0,
    pairsSize = 0,
    grpc = -1,
  ] = args;
  const detailsText = vm.memory.text(details, detailsSize);
  const bodyText = vm.memory.text(body, bodySize);
  const blob = vm.memory.view(pairs, pairsSize);
  if (detailsText === undefined || bodyText === undefined || blob === undefined) return MEMORY;
  const reply: LocalReply = {
    status: status >>> 0,
    body: bodyText,
    details: detailsText.replace(/\s/g, "_"),
    headers: decodePairs(blob).map(([name, value]) => [lowerCase(name), value]),
    grpcStatus: grpc >= 0 && grpc <= MAX_GRPC_STATUS ? grpc : undefined,
  };
  vm.context().sendLocalResponse(reply);
  return Status.Ok;
}

/** Properties, buffers, and what steers a stream. */
export function streamFunctions(vm: VmHost): HostFunctions {
  return {
    ...propertyFunctions(vm),
    ...bufferFunctions(vm),
    proxy_send_local_response: (...args: number[]) => sendLocalResponse(vm, args),
    proxy_continue_stream: (type: number) =>
      type >>> 0 > MAX_STREAM_TYPE ? Status.BadArgument : vm.context().continueStream(type),
    proxy_close_stream: (type: number) =>
      type >>> 0 > MAX_STREAM_TYPE ? Status.BadArgument : vm.context().closeStream(type),
  };
}
