import type { HostFunctions, VmHost } from "./host-types.ts";
import { LOG_LEVELS, Status } from "./status.ts";

const MEMORY = Status.InvalidMemoryAccess;

function reportNotEmulated(vm: VmHost, detail: string): void {
  vm.process.errors.push({ kind: "not_emulated", thread: vm.thread, contextId: vm.context().id, detail });
}

function loggingFunctions(vm: VmHost): HostFunctions {
  const { log } = vm.process;
  return {
    proxy_log(level: number, pointer: number, size: number) {
      if (level >>> 0 >= LOG_LEVELS.length) return Status.BadArgument;
      const message = vm.memory.text(pointer, size);
      if (message === undefined) return MEMORY;
      log.add(level, message, "filter", vm.thread);
      return Status.Ok;
    },
    proxy_get_log_level: (at: number) => (vm.memory.writeU32(at, log.levelNumber) ? Status.Ok : MEMORY),
  };
}

function contextFunctions(vm: VmHost): HostFunctions {
  return {
    proxy_set_tick_period_milliseconds(period: number) {
      vm.setTickPeriod(vm.context().rootId, period >>> 0);
      return Status.Ok;
    },
    proxy_get_current_time_nanoseconds: (at: number) =>
      vm.memory.writeU64(at, vm.process.clock.wallNanos) ? Status.Ok : MEMORY,
    proxy_set_effective_context: (id: number) =>
      vm.setEffectiveContext(id >>> 0) ? Status.Ok : Status.BadArgument,
    proxy_done: () => vm.done(vm.context().id),
    proxy_get_status: (codeAt: number, pointerAt: number, sizeAt: number) =>
      vm.memory.writeU32(codeAt, 0) ? vm.memory.copyOut("", pointerAt, sizeAt) : MEMORY,
  };
}

// No cluster exists here: calls out fail as Envoy fails them for a cluster it does not know.
function callFunctions(vm: VmHost): HostFunctions {
  return {
    proxy_http_call(...args: number[]) {
      return vm.memory.writeU32(args[9] ?? 0, 0) ? Status.BadArgument : MEMORY;
    },
    proxy_grpc_call: () => Status.ParseFailure,
    proxy_grpc_stream: () => Status.ParseFailure,
    proxy_grpc_close: () => Status.BadArgument,
    proxy_grpc_cancel: () => Status.BadArgument,
    proxy_grpc_send: () => Status.BadArgument,
    envoy_resolve_dns() {
      reportNotEmulated(vm, "envoy_resolve_dns");
      return Status.InternalFailure;
    },
    proxy_call_foreign_function(name: number, nameSize: number, data: number, dataSize: number) {
      const text = vm.memory.text(name, nameSize);
      if (text === undefined || vm.memory.view(data, dataSize) === undefined) return MEMORY;
      reportNotEmulated(vm, `foreign function ${text}`);
      return Status.NotFound;
    },
    pthread_equal: (left: number, right: number) => (left === right ? 1 : 0),
    emscripten_notify_memory_growth: () => undefined,
  };
}

/** Logging, time, ticks, contexts, and the calls out that the emulator only refuses. */
export function generalFunctions(vm: VmHost): HostFunctions {
  return { ...loggingFunctions(vm), ...contextFunctions(vm), ...callFunctions(vm) };
}
