// A proxy-wasm host for one filter that wasm2c has turned into C, to count instructions by callgrind.
// It plays a script (script.ts): a configuration, streams that are not counted, streams that are; then it prints the
// memory's pages. Callgrind starts to look at the ones that are counted, so that a long way there costs little.
// Functions of the filter are told from those of the host by their names (native.ts).
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <valgrind/callgrind.h>
#include "filter.h"

enum { OK = 0, NOT_FOUND = 1, BAD_ARGUMENT = 2, INVALID_MEMORY = 6, CAS_MISMATCH = 8 };
enum { REQUEST_HEADERS = 0, RESPONSE_HEADERS = 2, RESPONSE_TRAILERS = 3 };

#define PAGE 65536u
#define MAX_PAGES 4096u

static void die(const char* why) {
  fprintf(stderr, "host: %s\n", why);
  exit(1);
}

// The runtime that wasm2c's code asks for: one memory, reserved at once, so that no access needs a check.
static bool initialised;
void wasm_rt_init(void) { initialised = true; }
bool wasm_rt_is_initialized(void) { return initialised; }
void wasm_rt_free(void) {}
void wasm_rt_trap(wasm_rt_trap_t code) {
  fprintf(stderr, "host: the filter trapped (%d)\n", (int)code);
  exit(1);
}
uint32_t wasm_rt_register_func_type(uint32_t params, uint32_t results, ...) {
  (void)results;
  static uint32_t types;
  (void)params;
  return ++types;
}
void wasm_rt_allocate_memory(wasm_rt_memory_t* memory, uint32_t pages, uint32_t max_pages) {
  (void)max_pages;
  memory->data = mmap(NULL, (size_t)MAX_PAGES * PAGE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory->data == MAP_FAILED) die("no memory");
  memory->pages = pages;
  memory->max_pages = MAX_PAGES;
  memory->size = pages * PAGE;
}
uint32_t wasm_rt_grow_memory(wasm_rt_memory_t* memory, uint32_t delta) {
  uint32_t old = memory->pages;
  if (delta > MAX_PAGES - old) return 0xffffffffu;
  memory->pages = old + delta;
  memory->size = memory->pages * PAGE;
  return old;
}
void wasm_rt_free_memory(wasm_rt_memory_t* memory) { (void)memory; }
void wasm_rt_allocate_funcref_table(wasm_rt_funcref_table_t* table, uint32_t elements, uint32_t max) {
  table->data = calloc(elements ? elements : 1, sizeof(wasm_rt_funcref_t));
  table->size = elements;
  table->max_size = max;
}
void wasm_rt_free_funcref_table(wasm_rt_funcref_table_t* table) { free(table->data); }

// The script, and what of it is on the stage.
typedef struct { const u8* at; u32 size; } Bytes;
typedef struct { Bytes path, value; } Property;
typedef struct { Bytes key; u8* value; u32 size, cas; } Entry;

#define MAX_PROPERTIES 64
#define MAX_ENTRIES (1u << 20)
#define MAX_MARKS 8

static Z_filter_instance_t filter;
static Bytes configuration, warm, request, response;
static const u8* current_request;
static u32 current_request_size;
static u8* patched;
typedef struct { u32 at, digits, divisor; } Mark;
static Mark marks[MAX_MARKS];
static u32 mark_count;
static bool responded, early, replied;
static Property properties[MAX_PROPERTIES];
static u32 property_count;
static Entry* entries;
static u32 next_cas = 1, next_metric = 4;
static u64 now = 1000000000000ull;

static u8* memory_at(u32 at) { return filter.w2c_memory.data + at; }

// A plain loop: what the host copies must not be mistaken for the filter's own copying.
static void copy(u8* to, const u8* from, u32 size) {
  for (u32 i = 0; i < size; i++) to[i] = from[i];
}
static void put32(u32 at, u32 value) { copy(memory_at(at), (const u8*)&value, 4); }
static void put64(u32 at, u64 value) { copy(memory_at(at), (const u8*)&value, 8); }
static bool same(const u8* a, u32 a_size, const u8* b, u32 b_size) {
  if (a_size != b_size) return false;
  for (u32 i = 0; i < a_size; i++) if (a[i] != b[i]) return false;
  return true;
}

static u32 give(const u8* bytes, u32 size, u32 pointer_at, u32 size_at) {
  u32 at = 0;
  if (size > 0) {
    at = Z_filterZ_malloc(&filter, size);
    if (at == 0) return INVALID_MEMORY;
    copy(memory_at(at), bytes, size);
  }
  put32(pointer_at, at);
  put32(size_at, size);
  return OK;
}

static Entry* entry_of(const u8* key, u32 size) {
  u32 hash = 2166136261u;
  for (u32 i = 0; i < size; i++) hash = (hash ^ key[i]) * 16777619u;
  for (u32 i = 0; i < MAX_ENTRIES; i++) {
    Entry* entry = &entries[(hash + i) % MAX_ENTRIES];
    if (entry->key.at == NULL || same(entry->key.at, entry->key.size, key, size)) return entry;
  }
  die("too many shared keys");
  return NULL;
}

static u8* kept(const u8* bytes, u32 size) {
  u8* at = malloc(size ? size : 1);
  copy(at, bytes, size);
  return at;
}

typedef struct Z_env_instance_t* Env;
typedef struct Z_wasi_snapshot_preview1_instance_t* Wasi;

u32 Z_envZ_proxy_log(Env env, u32 level, u32 at, u32 size) {
  (void)env;
  if (level >= 4) fprintf(stderr, "filter: %.*s\n", (int)size, (char*)memory_at(at));
  return OK;
}
u32 Z_envZ_proxy_get_log_level(Env env, u32 at) { (void)env; put32(at, 3); return OK; }
u32 Z_envZ_proxy_set_tick_period_milliseconds(Env env, u32 millis) { (void)env; (void)millis; return OK; }
u32 Z_envZ_proxy_get_buffer_bytes(Env env, u32 type, u32 start, u32 size, u32 pointer_at, u32 size_at) {
  (void)env;
  if (type != 7 || start != 0 || size < configuration.size) return NOT_FOUND;
  return give(configuration.at, configuration.size, pointer_at, size_at);
}
u32 Z_envZ_proxy_get_header_map_pairs(Env env, u32 type, u32 pointer_at, u32 size_at) {
  (void)env;
  if (type == REQUEST_HEADERS) return give(current_request, current_request_size, pointer_at, size_at);
  if (type == RESPONSE_HEADERS && responded) return give(response.at, response.size, pointer_at, size_at);
  return give(NULL, 0, pointer_at, size_at);
}
u32 Z_envZ_proxy_get_header_map_value(Env env, u32 type, u32 key, u32 key_size, u32 pointer_at, u32 size_at) {
  (void)env;
  const u8* blob = type == REQUEST_HEADERS ? current_request : type == RESPONSE_HEADERS ? response.at : NULL;
  if (blob == NULL) return NOT_FOUND;
  u32 count = *(const u32*)blob;
  const u32* lengths = (const u32*)(blob + 4);
  const u8* at = blob + 4 + count * 8;
  for (u32 i = 0; i < count; i++, lengths += 2) {
    if (same(at, lengths[0], memory_at(key), key_size))
      return give(at + lengths[0] + 1, lengths[1], pointer_at, size_at);
    at += lengths[0] + lengths[1] + 2;
  }
  return NOT_FOUND;
}
u32 Z_envZ_proxy_replace_header_map_value(Env env, u32 type, u32 k, u32 kn, u32 v, u32 vn) {
  (void)env; (void)type; (void)k; (void)kn; (void)v; (void)vn;
  return OK;
}
u32 Z_envZ_proxy_add_header_map_value(Env env, u32 type, u32 k, u32 kn, u32 v, u32 vn) {
  return Z_envZ_proxy_replace_header_map_value(env, type, k, kn, v, vn);
}
u32 Z_envZ_proxy_get_property(Env env, u32 path, u32 path_size, u32 pointer_at, u32 size_at) {
  (void)env;
  for (u32 i = 0; i < property_count; i++) {
    Property* one = &properties[i];
    if (same(one->path.at, one->path.size, memory_at(path), path_size))
      return give(one->value.at, one->value.size, pointer_at, size_at);
  }
  return NOT_FOUND;
}
u32 Z_envZ_proxy_set_property(Env env, u32 path, u32 path_size, u32 value, u32 size) {
  (void)env; (void)path; (void)path_size; (void)value; (void)size;
  return OK;
}
u32 Z_envZ_proxy_send_local_response(Env env, u32 status, u32 details, u32 details_size, u32 body,
                                     u32 body_size, u32 headers, u32 headers_size, u32 grpc) {
  (void)env; (void)status; (void)details; (void)details_size; (void)body; (void)body_size;
  (void)headers; (void)headers_size; (void)grpc;
  replied = true;
  return OK;
}
u32 Z_envZ_proxy_call_foreign_function(Env env, u32 n, u32 nn, u32 a, u32 an, u32 pp, u32 sp) {
  (void)env; (void)n; (void)nn; (void)a; (void)an; (void)pp; (void)sp;
  return NOT_FOUND;
}
u32 Z_envZ_proxy_get_shared_data(Env env, u32 key, u32 key_size, u32 pointer_at, u32 size_at, u32 cas_at) {
  (void)env;
  Entry* entry = entry_of(memory_at(key), key_size);
  if (entry->key.at == NULL) return NOT_FOUND;
  put32(cas_at, entry->cas);
  return give(entry->value, entry->size, pointer_at, size_at);
}
u32 Z_envZ_proxy_set_shared_data(Env env, u32 key, u32 key_size, u32 value, u32 size, u32 cas) {
  (void)env;
  Entry* entry = entry_of(memory_at(key), key_size);
  if (entry->key.at != NULL && cas != 0 && cas != entry->cas) return CAS_MISMATCH;
  if (entry->key.at == NULL) entry->key = (Bytes){kept(memory_at(key), key_size), key_size};
  if (entry->value != NULL && entry->size != size) {
    free(entry->value);
    entry->value = NULL;
  }
  if (entry->value == NULL) entry->value = kept(memory_at(value), size);
  else copy(entry->value, memory_at(value), size);
  entry->size = size;
  entry->cas = next_cas++;
  return OK;
}
u32 Z_envZ_proxy_define_metric(Env env, u32 type, u32 name, u32 name_size, u32 at) {
  (void)env; (void)name; (void)name_size;
  put32(at, next_metric + type);
  next_metric += 4;
  return OK;
}
u32 Z_envZ_proxy_increment_metric(Env env, u32 metric, u64 offset) {
  (void)env; (void)metric;
  return offset == 0 ? BAD_ARGUMENT : OK;
}
u32 Z_envZ_proxy_record_metric(Env env, u32 metric, u64 value) {
  (void)env; (void)metric; (void)value;
  return OK;
}
u32 Z_envZ_proxy_get_current_time_nanoseconds(Env env, u32 at) {
  (void)env;
  now += 1000;
  put64(at, now + 1750000000000000000ull);
  return OK;
}
u32 Z_envZ_proxy_remove_header_map_value(Env env, u32 type, u32 key, u32 size) {
  (void)env; (void)type; (void)key; (void)size;
  return OK;
}
u32 Z_envZ_proxy_set_effective_context(Env env, u32 id) { (void)env; (void)id; return OK; }
u32 Z_envZ_proxy_done(Env env) { (void)env; return OK; }
u32 Z_wasi_snapshot_preview1Z_clock_time_get(Wasi wasi, u32 clock, u64 precision, u32 at) {
  (void)wasi; (void)precision;
  now += 1000;
  put64(at, clock == 1 ? now : now + 1750000000000000000ull);
  return 0;
}
u32 Z_wasi_snapshot_preview1Z_random_get(Wasi wasi, u32 at, u32 size) {
  (void)wasi;
  for (u32 i = 0; i < size; i++) *memory_at(at + i) = (u8)(i * 37 + 11);
  return 0;
}
u32 Z_wasi_snapshot_preview1Z_environ_sizes_get(Wasi wasi, u32 count_at, u32 size_at) {
  (void)wasi;
  put32(count_at, 0);
  put32(size_at, 0);
  return 0;
}
u32 Z_wasi_snapshot_preview1Z_environ_get(Wasi wasi, u32 pointers, u32 text) {
  (void)wasi; (void)pointers; (void)text;
  return 0;
}

static u8* script;
static u32 take32(void) {
  u32 value = *(u32*)script;
  script += 4;
  return value;
}
static Bytes take(void) {
  u32 size = take32();
  Bytes bytes = {script, size};
  script += (size + 3) & ~3u;
  return bytes;
}

static void read_script(const char* path) {
  FILE* file = fopen(path, "rb");
  if (file == NULL) die("no script");
  static u8 whole[1 << 22];
  if (fread(whole, 1, sizeof whole, file) == sizeof whole) die("the script is too long");
  fclose(file);
  script = whole;
  configuration = take();
  warm = take();
  request = take();
  mark_count = take32();
  if (mark_count > MAX_MARKS) die("too many marks");
  for (u32 i = 0; i < mark_count; i++) {
    u32 at = take32(), digits = take32(), divisor = take32();
    marks[i] = (Mark){at, digits, divisor};
  }
  response = take();
  early = take32() != 0;
  property_count = take32();
  if (property_count > MAX_PROPERTIES) die("too many properties");
  for (u32 i = 0; i < property_count; i++) {
    properties[i].path = take();
    properties[i].value = take();
  }
  patched = kept(request.at, request.size);
}

/** The first half of a stream, as Envoy calls the filter for it. */
static void open_stream(u32 id) {
  responded = replied = false;
  Z_filterZ_proxy_on_context_create(&filter, id, 1);
  if (!early) Z_filterZ_proxy_on_request_headers(&filter, id, 12, 1);
}

/** The other half. A refusal comes back through the filter as a response does. */
static void close_stream(u32 id) {
  responded = true;
#ifdef HAS_PROXY_ON_RESPONSE_HEADERS
  if (!early) Z_filterZ_proxy_on_response_headers(&filter, id, 6, 0);
#endif
  Z_filterZ_proxy_on_log(&filter, id);
#ifdef HAS_PROXY_ON_DONE
  Z_filterZ_proxy_on_done(&filter, id);
#endif
#ifdef HAS_PROXY_ON_DELETE
  Z_filterZ_proxy_on_delete(&filter, id);
#endif
}

/** Writes the number of a request over the marks in its headers. */
static void number(u32 n) {
  for (u32 m = 0; m < mark_count; m++) {
    u32 left = n / marks[m].divisor;
    for (u32 i = marks[m].digits; i-- > 0; left /= 10) patched[marks[m].at + i] = (u8)('0' + left % 10);
  }
}

static void tick(void) {
  now += 500000000;
  Z_filterZ_proxy_on_tick(&filter, 1);
}

static u32 option(int argc, char** argv, const char* name) {
  size_t size = strlen(name);
  for (int i = 2; i < argc; i++)
    if (strncmp(argv[i], name, size) == 0 && argv[i][size] == '=') return (u32)atoi(argv[i] + size + 1);
  return 0;
}

static u32 next_id = 2;

/** Whole streams, `count` of them, numbered from 0 or, below `modulus`, in an order without a pattern. */
static void play(u32 count, u32 modulus, u32 per_tick) {
  for (u32 i = 0; i < count; i++) {
    number(modulus == 0 ? i : (u32)((u64)i * 2654435761u % modulus));
    u32 id = next_id++;
    open_stream(id);
    close_stream(id);
    if (per_tick != 0 && (i + 1) % per_tick == 0) tick();
  }
}

int main(int argc, char** argv) {
  if (argc < 2) die("usage: host <script> [warm_up=N] [fill=N] [live=N] [requests=N] [modulus=N] [per_tick=N]");
  read_script(argv[1]);
  u32 per_tick = option(argc, argv, "per_tick"), fill = option(argc, argv, "fill");
  entries = calloc(MAX_ENTRIES, sizeof(Entry));
  wasm_rt_init();
  Z_filter_init_module();
  Z_filter_instantiate(&filter, NULL, NULL);
  Z_filterZ__initialize(&filter);
  Z_filterZ_proxy_on_context_create(&filter, 1, 0);
  if (!Z_filterZ_proxy_on_configure(&filter, 1, configuration.size)) die("the configuration is refused");
  current_request = warm.at;
  current_request_size = warm.size;
  play(option(argc, argv, "warm_up"), 0, 0);
  Z_filterZ_proxy_on_tick(&filter, 1);
  current_request = patched;
  current_request_size = request.size;
  // Every number once, so that what is counted meets nothing new.
  play(fill, 0, 5000);
  if (fill != 0) tick();
  for (u32 i = option(argc, argv, "live"); i > 0; i--) open_stream(next_id++);
  CALLGRIND_START_INSTRUMENTATION;
  play(option(argc, argv, "requests"), option(argc, argv, "modulus"), per_tick);
  CALLGRIND_STOP_INSTRUMENTATION;
  printf("%u\n", filter.w2c_memory.pages);
  return 0;
}
