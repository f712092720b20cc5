// What memory.copy and memory.fill come to, by words: the C library's versions differ from one CPU to the next.
#include <stddef.h>
#include <stdint.h>

void* wasm_memset(void* to, int value, size_t size) {
  uint8_t* at = to;
  uint64_t word = 0x0101010101010101ull * (uint8_t)value;
  for (; size >= 8; size -= 8, at += 8) __builtin_memcpy(at, &word, 8);
  while (size-- > 0) *at++ = (uint8_t)value;
  return to;
}

void* wasm_memmove(void* to, const void* from, size_t size) {
  uint8_t* target = to;
  const uint8_t* source = from;
  uint64_t word;
  if (target <= source || target >= source + size) {
    for (; size >= 8; size -= 8, source += 8, target += 8) {
      __builtin_memcpy(&word, source, 8);
      __builtin_memcpy(target, &word, 8);
    }
    while (size-- > 0) *target++ = *source++;
    return to;
  }
  target += size;
  source += size;
  for (; size >= 8; size -= 8) {
    source -= 8;
    target -= 8;
    __builtin_memcpy(&word, source, 8);
    __builtin_memcpy(target, &word, 8);
  }
  while (size-- > 0) *--target = *--source;
  return to;
}
