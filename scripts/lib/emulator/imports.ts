/** A WebAssembly value type that occurs in Envoy's host functions. */
export type WasmType = "i32" | "i64";

/** One host function as Envoy registers it: a module that imports it must spell all four the same. */
export interface HostImport {
  readonly module: string;
  readonly name: string;
  readonly params: readonly WasmType[];
  /** null: the function returns nothing. */
  readonly result: WasmType | null;
}

// Parameters in short: "i" is i32, "I" is i64; a ">" at the end: no result (otherwise i32).
const PROXY_FUNCTIONS: Readonly<Record<string, string>> = {
  log: "iii",
  get_log_level: "i",
  get_status: "iii",
  set_property: "iiii",
  get_property: "iiii",
  send_local_response: "iiiiiiii",
  continue_stream: "i",
  close_stream: "i",
  get_shared_data: "iiiii",
  set_shared_data: "iiiii",
  register_shared_queue: "iii",
  resolve_shared_queue: "iiiii",
  dequeue_shared_queue: "iii",
  enqueue_shared_queue: "iii",
  get_header_map_value: "iiiii",
  add_header_map_value: "iiiii",
  replace_header_map_value: "iiiii",
  remove_header_map_value: "iii",
  get_header_map_pairs: "iii",
  set_header_map_pairs: "iii",
  get_header_map_size: "ii",
  get_buffer_status: "iii",
  get_buffer_bytes: "iiiii",
  set_buffer_bytes: "iiiii",
  http_call: "iiiiiiiiii",
  grpc_call: "iiiiiiiiiiii",
  grpc_stream: "iiiiiiiii",
  grpc_close: "i",
  grpc_cancel: "i",
  grpc_send: "iiii",
  set_tick_period_milliseconds: "i",
  get_current_time_nanoseconds: "i",
  define_metric: "iiii",
  increment_metric: "iI",
  record_metric: "iI",
  get_metric: "ii",
  set_effective_context: "i",
  done: "",
  call_foreign_function: "iiiiii",
};

const OTHER_ENV_FUNCTIONS: Readonly<Record<string, string>> = {
  pthread_equal: "ii",
  emscripten_notify_memory_growth: "i>",
  envoy_resolve_dns: "iii",
};

// path_link and path_symlink have one parameter less than WASI says: so registered in Envoy 1.40.0.
const WASI_FUNCTIONS: Readonly<Record<string, string>> = {
  args_get: "ii",
  args_sizes_get: "ii",
  environ_get: "ii",
  environ_sizes_get: "ii",
  clock_res_get: "ii",
  clock_time_get: "iIi",
  fd_advise: "iIIi",
  fd_allocate: "iII",
  fd_close: "i",
  fd_datasync: "i",
  fd_fdstat_get: "ii",
  fd_fdstat_set_flags: "ii",
  fd_fdstat_set_rights: "iII",
  fd_filestat_get: "ii",
  fd_filestat_set_size: "iI",
  fd_filestat_set_times: "iIIi",
  fd_pread: "iiiIi",
  fd_prestat_get: "ii",
  fd_prestat_dir_name: "iii",
  fd_pwrite: "iiiIi",
  fd_read: "iiii",
  fd_readdir: "iiiIi",
  fd_renumber: "ii",
  fd_seek: "iIii",
  fd_sync: "i",
  fd_tell: "ii",
  fd_write: "iiii",
  path_create_directory: "iii",
  path_filestat_get: "iiiii",
  path_filestat_set_times: "iiiiIIi",
  path_link: "iiiiii",
  path_open: "iiiiiIIii",
  path_readlink: "iiiiii",
  path_remove_directory: "iii",
  path_rename: "iiiiii",
  path_symlink: "iiii",
  path_unlink_file: "iii",
  poll_oneoff: "iiii",
  proc_exit: "i>",
  random_get: "ii",
  sched_yield: "",
  sock_accept: "iii",
  sock_recv: "iiiiii",
  sock_send: "iiiii",
  sock_shutdown: "ii",
};

const NO_RESULT = ">";

function hostImport(module: string, name: string, spelled: string): HostImport {
  const params: WasmType[] = [];
  for (const letter of spelled) {
    if (letter !== NO_RESULT) params.push(letter === "I" ? "i64" : "i32");
  }
  return { module, name, params, result: spelled.endsWith(NO_RESULT) ? null : "i32" };
}

function hostImports(
  module: string,
  prefix: string,
  spelled: Readonly<Record<string, string>>,
): HostImport[] {
  return Object.entries(spelled).map(([name, params]) => hostImport(module, prefix + name, params));
}

/** Both spellings of WASI that Envoy registers the same functions under. */
export const WASI_MODULES = ["wasi_unstable", "wasi_snapshot_preview1"] as const;

/**
 * Every function a module of ABI 0.2.1 may import from Envoy. Seen on Envoy 1.40.0: a module that imports all
 * of them loads; `env.abort` and the functions of ABI 0.1.0 (`proxy_clear_route_cache`, ...) are missing.
 */
export const ENVOY_IMPORTS: readonly HostImport[] = [
  ...hostImports("env", "proxy_", PROXY_FUNCTIONS),
  ...hostImports("env", "", OTHER_ENV_FUNCTIONS),
  ...WASI_MODULES.flatMap((module) => hostImports(module, "", WASI_FUNCTIONS)),
];
