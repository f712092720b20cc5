import type { HostFunctions, VmHost } from "./host-types.ts";
import { Status } from "./status.ts";

const MEMORY = Status.InvalidMemoryAccess;

function dataFunctions(vm: VmHost): HostFunctions {
  const { sharedData } = vm.process;
  return {
    proxy_get_shared_data(key: number, keySize: number, pointerAt: number, sizeAt: number, casAt: number) {
      const name = vm.memory.text(key, keySize);
      if (name === undefined) return MEMORY;
      const entry = sharedData.peek(vm.vmId, name);
      if (entry === undefined) return Status.NotFound;
      const { cas } = entry;
      const copied = vm.memory.copyOut(entry.value, pointerAt, sizeAt);
      if (copied !== Status.Ok) return copied;
      return vm.memory.writeU32(casAt, cas) ? Status.Ok : MEMORY;
    },
    proxy_set_shared_data(key: number, keySize: number, value: number, valueSize: number, cas: number) {
      const name = vm.memory.text(key, keySize);
      const bytes = vm.memory.view(value, valueSize);
      if (name === undefined || bytes === undefined) return MEMORY;
      return sharedData.put(vm.vmId, name, bytes, cas >>> 0);
    },
  };
}

function queueFunctions(vm: VmHost): HostFunctions {
  const { sharedQueues } = vm.process;
  return {
    proxy_register_shared_queue(name: number, nameSize: number, tokenAt: number) {
      const text = vm.memory.text(name, nameSize);
      if (text === undefined) return MEMORY;
      return vm.memory.writeU32(tokenAt, sharedQueues.register(vm.vmId, text)) ? Status.Ok : MEMORY;
    },
    proxy_resolve_shared_queue(
      vmId: number,
      vmIdSize: number,
      name: number,
      nameSize: number,
      tokenAt: number,
    ) {
      const space = vm.memory.text(vmId, vmIdSize);
      const text = vm.memory.text(name, nameSize);
      if (space === undefined || text === undefined) return MEMORY;
      const token = sharedQueues.resolve(space, text);
      if (token === 0) return Status.NotFound;
      return vm.memory.writeU32(tokenAt, token) ? Status.Ok : MEMORY;
    },
    proxy_dequeue_shared_queue(token: number, pointerAt: number, sizeAt: number) {
      const item = sharedQueues.dequeue(token);
      return typeof item === "number" ? item : vm.memory.copyOut(item, pointerAt, sizeAt);
    },
    proxy_enqueue_shared_queue(token: number, data: number, dataSize: number) {
      const bytes = vm.memory.view(data, dataSize);
      return bytes === undefined ? MEMORY : sharedQueues.enqueue(token, bytes);
    },
  };
}

/** Shared data and shared queues. */
export function sharedFunctions(vm: VmHost): HostFunctions {
  return { ...dataFunctions(vm), ...queueFunctions(vm) };
}
