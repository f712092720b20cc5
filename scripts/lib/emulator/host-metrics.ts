import type { HostFunctions, VmHost } from "./host-types.ts";
import { Status } from "./status.ts";

const MEMORY = Status.InvalidMemoryAccess;

/** Metrics: ids belong to the VM, stats to the process. */
export function metricFunctions(vm: VmHost): HostFunctions {
  const { metrics } = vm;
  return {
    proxy_define_metric(kind: number, name: number, nameSize: number, idAt: number) {
      const text = vm.memory.text(name, nameSize);
      if (text === undefined) return MEMORY;
      const id = metrics.define(kind, text);
      if (id === undefined) return Status.BadArgument;
      return vm.memory.writeU32(idAt, id) ? Status.Ok : MEMORY;
    },
    proxy_increment_metric: (id: number, offset: bigint) => metrics.increment(id, offset),
    proxy_record_metric: (id: number, value: bigint) => metrics.record(id, BigInt.asUintN(64, value)),
    proxy_get_metric(id: number, at: number) {
      const value = metrics.read(id);
      if (typeof value === "number") return value;
      return vm.memory.writeU64(at, value) ? Status.Ok : MEMORY;
    },
  };
}
