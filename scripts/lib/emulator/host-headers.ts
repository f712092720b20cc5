import { lowerCase } from "./bytes.ts";
import type { HeaderMap } from "./headers.ts";
import type { HostFunctions, VmHost } from "./host-types.ts";
import { decodePairs, pairsSize, writePairs } from "./pairs.ts";
import { MAX_MAP_TYPE, Status } from "./status.ts";

const MEMORY = Status.InvalidMemoryAccess;

function unknown(type: number): boolean {
  return type >>> 0 > MAX_MAP_TYPE;
}

function copyPairs(vm: VmHost, map: HeaderMap | undefined, pointerAt: number, sizeAt: number): Status {
  // An absent or empty map is Ok with pointer 0 and size 0, not a blob that counts 0.
  if (map === undefined || map.length === 0) return vm.memory.copyOut("", pointerAt, sizeAt);
  const size = pairsSize(map);
  const pointer = vm.memory.allocate(size);
  if (pointer === undefined) return MEMORY;
  writePairs(map, vm.memory.bytes, pointer);
  return vm.memory.writeU32(pointerAt, pointer) && vm.memory.writeU32(sizeAt, size) ? Status.Ok : MEMORY;
}

function readFunctions(vm: VmHost): HostFunctions {
  return {
    proxy_get_header_map_value(
      type: number,
      key: number,
      keySize: number,
      pointerAt: number,
      sizeAt: number,
    ) {
      if (unknown(type)) return Status.BadArgument;
      const name = vm.memory.text(key, keySize);
      if (name === undefined) return MEMORY;
      const context = vm.context();
      const map = context.readableMap(type);
      if (map === undefined) return context.logging ? Status.NotFound : Status.BadArgument;
      const value = map.get(lowerCase(name));
      return value === undefined ? Status.NotFound : vm.memory.copyOut(value, pointerAt, sizeAt);
    },
    proxy_get_header_map_pairs(type: number, pointerAt: number, sizeAt: number) {
      if (unknown(type)) return Status.BadArgument;
      return copyPairs(vm, vm.context().readableMap(type), pointerAt, sizeAt);
    },
    proxy_get_header_map_size(type: number, at: number) {
      if (unknown(type)) return Status.BadArgument;
      // Envoy asks for the writable map here, so the size is BadArgument in proxy_on_log.
      const map = vm.context().writableMap(type);
      if (map === undefined) return Status.BadArgument;
      return vm.memory.writeU32(at, map.byteSize) ? Status.Ok : MEMORY;
    },
  };
}

type Change = (map: HeaderMap, name: string, value: string) => void;

function writeFunction(vm: VmHost, change: Change) {
  return (type: number, key: number, keySize: number, value: number, valueSize: number): number => {
    if (unknown(type)) return Status.BadArgument;
    const name = vm.memory.text(key, keySize);
    const text = vm.memory.text(value, valueSize);
    if (name === undefined || text === undefined) return MEMORY;
    const map = vm.context().writableMap(type);
    if (map === undefined) return Status.BadArgument;
    change(map, lowerCase(name), text);
    return Status.Ok;
  };
}

function writeFunctions(vm: VmHost): HostFunctions {
  const remove = writeFunction(vm, (map, name) => map.remove(name));
  return {
    proxy_add_header_map_value: writeFunction(vm, (map, name, value) => map.add(name, value)),
    proxy_replace_header_map_value: writeFunction(vm, (map, name, value) => map.replace(name, value)),
    proxy_remove_header_map_value: (type: number, key: number, keySize: number) =>
      remove(type, key, keySize, 0, 0),
    proxy_set_header_map_pairs(type: number, pointer: number, size: number) {
      if (unknown(type)) return Status.BadArgument;
      const blob = vm.memory.view(pointer, size);
      if (blob === undefined) return MEMORY;
      const map = vm.context().writableMap(type);
      if (map === undefined) return Status.BadArgument;
      map.clear();
      for (const [name, value] of decodePairs(blob)) map.add(lowerCase(name), value);
      return Status.Ok;
    },
  };
}

/** Header and trailer maps. */
export function headerFunctions(vm: VmHost): HostFunctions {
  return { ...readFunctions(vm), ...writeFunctions(vm) };
}
