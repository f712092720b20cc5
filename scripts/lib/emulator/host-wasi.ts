import { randomFillSync } from "node:crypto";
import { toByteString } from "./bytes.ts";
import type { HostFunctions, VmHost } from "./host-types.ts";

/** WASI errno values that Envoy's host returns. */
const Errno = { Success: 0, BadFile: 8, Fault: 21, Invalid: 28, NotSupported: 52, NotSup: 58 } as const;

const STDOUT = 1;
const STDERR = 2;
const LEVEL_INFO = 2;
const LEVEL_ERROR = 4;
const MAX_RANDOM_BYTES = 64 * 1024;

/** Answered with "function not supported": Envoy has no files, sockets or processes for a filter. */
const UNSUPPORTED = [
  "clock_res_get",
  "fd_advise",
  "fd_allocate",
  "fd_datasync",
  "fd_fdstat_set_flags",
  "fd_fdstat_set_rights",
  "fd_filestat_get",
  "fd_filestat_set_size",
  "fd_filestat_set_times",
  "fd_pread",
  "fd_pwrite",
  "fd_read",
  "fd_readdir",
  "fd_renumber",
  "fd_sync",
  "fd_tell",
  "path_create_directory",
  "path_filestat_get",
  "path_filestat_set_times",
  "path_link",
  "path_open",
  "path_readlink",
  "path_remove_directory",
  "path_rename",
  "path_symlink",
  "path_unlink_file",
  "poll_oneoff",
  "sock_accept",
  "sock_recv",
  "sock_send",
  "sock_shutdown",
] as const;

function writeFunctions(vm: VmHost): HostFunctions {
  return {
    fd_write(fd: number, vectors: number, count: number, writtenAt: number) {
      if (fd !== STDOUT && fd !== STDERR) return Errno.BadFile;
      let text = "";
      for (let i = 0; i < count; i++) {
        const vector = vm.memory.view(vectors + i * 8, 8);
        if (vector === undefined) return Errno.Fault;
        const words = new DataView(vector.buffer, vector.byteOffset, 8);
        const part = vm.memory.text(words.getUint32(0, true), words.getUint32(4, true));
        if (part === undefined) return Errno.Fault;
        text += part;
      }
      const level = fd === STDOUT ? LEVEL_INFO : LEVEL_ERROR;
      if (text !== "") vm.process.log.add(level, text.replace(/\n$/, ""), "filter", vm.thread);
      return vm.memory.writeU32(writtenAt, text.length) ? Errno.Success : Errno.Fault;
    },
    fd_seek: () => Errno.Success,
    fd_close: () => Errno.Success,
    fd_prestat_get: () => Errno.BadFile,
    fd_prestat_dir_name: () => Errno.BadFile,
    fd_fdstat_get(fd: number, at: number) {
      if (fd !== STDOUT && fd !== STDERR) return Errno.BadFile;
      const written = vm.memory.writeU64(at, 0n) && vm.memory.writeU64(at + 8, 64n);
      return written && vm.memory.writeU64(at + 16, 0n) ? Errno.Success : Errno.Fault;
    },
  };
}

function environmentFunctions(vm: VmHost): HostFunctions {
  const lines = vm.env.map(([name, value]) => toByteString(`${name}=${value}\0`));
  const size = lines.reduce((sum, line) => sum + line.length, 0);
  const sizes = (countAt: number, sizeAt: number, count: number, bytes: number): number =>
    vm.memory.writeU32(countAt, count) && vm.memory.writeU32(sizeAt, bytes) ? Errno.Success : Errno.Fault;
  return {
    environ_sizes_get: (countAt: number, sizeAt: number) => sizes(countAt, sizeAt, lines.length, size),
    environ_get(pointers: number, text: number) {
      let [pointerAt, textAt] = [pointers, text];
      for (const line of lines) {
        if (!vm.memory.writeU32(pointerAt, textAt) || !vm.memory.writeBytes(textAt, line)) return Errno.Fault;
        pointerAt += 4;
        textAt += line.length;
      }
      return Errno.Success;
    },
    args_sizes_get: (countAt: number, sizeAt: number) => sizes(countAt, sizeAt, 0, 0),
    args_get: () => Errno.Success,
  };
}

function timeFunctions(vm: VmHost): HostFunctions {
  const { clock } = vm.process;
  return {
    clock_time_get(id: number, _precision: bigint, at: number) {
      if (id !== 0 && id !== 1) return Errno.NotSup;
      const now = id === 0 ? clock.wallNanos : clock.monotonicNanos;
      return vm.memory.writeU64(at, now) ? Errno.Success : Errno.Fault;
    },
    random_get(pointer: number, size: number) {
      if (size >>> 0 > MAX_RANDOM_BYTES) return Errno.Invalid;
      const view = vm.memory.view(pointer, size);
      if (view === undefined) return Errno.Fault;
      randomFillSync(view);
      return Errno.Success;
    },
    sched_yield: () => Errno.Success,
  };
}

/** WASI as Envoy gives it to a filter: clocks, random bytes, environment, output to the log, nothing else. */
export function wasiFunctions(vm: VmHost): HostFunctions {
  const unsupported = Object.fromEntries(UNSUPPORTED.map((name) => [name, () => Errno.NotSupported]));
  return {
    ...unsupported,
    ...writeFunctions(vm),
    ...environmentFunctions(vm),
    ...timeFunctions(vm),
    proc_exit() {
      // Envoy only logs it: the filter runs on.
      vm.process.log.add(LEVEL_ERROR, "wasi_unstable proc_exit", "envoy", vm.thread);
      return undefined;
    },
  };
}
