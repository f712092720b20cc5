import { Dimension } from "../config/plan";
import { Arena } from "../memory/arena";
import { ABSENT, ByteIndex, createByteIndex } from "../memory/byteindex";
import { hashBytes } from "../memory/hash";
import { Recall, createRecall } from "../memory/recall";
import { RANGE_BYTES, Range, rangeAt } from "../text/bytes";
import { Writer, WRITER_BYTES } from "../text/writer";
import { FIRST_VALUE, NONE, OTHER } from "../trading/ids";
import { foldCase, spellSafely } from "./labels";
import { Sightings, createSightings } from "./admission";

/** The values of one label that have a place: an allow-list, or values that are learned and never forgotten. */
@unmanaged
export class Vocabulary {
  arena: Arena;
  index: ByteIndex;
  /** What values with a place were spelled like lately. */
  spellings: Recall;
  /** Table of `Range`: label values by `id - FIRST_VALUE`. */
  texts: usize;
  count: u32;
  maxCount: u32;
  /** Index of the header that its values come from. */
  header: u32;
  label: usize;
  labelLength: u32;
  newValuesPerMinute: u32;
  /** Requests whose value went to `other` because no place was given, since the last flush. */
  overflow: u64;
  /** Made when the first value has to wait for a place. */
  sightings: Sightings;
  letterCase: u8;
  learns: bool;

  /** Folds and spells a header's value into `out` (64 bytes) as this label compares it. Returns its length. */
  normalise(ptr: usize, len: u32, out: usize): u32 {
    const length = foldCase(ptr, len, this.letterCase, out);
    if (this.learns) spellSafely(out, length);
    return length;
  }

  /** Id of a normalised value, or `ABSENT`. */
  find(hash: u64, text: usize, len: u32): u32 {
    return this.index.find(hash, text, len);
  }

  /** Gives a place to a normalised value. Returns its id; `OTHER` when all places or the memory are taken. */
  learn(hash: u64, text: usize, len: u32): u32 {
    if (this.count >= this.maxCount) return OTHER;
    return this.add(hash, text, len);
  }

  private add(hash: u64, text: usize, len: u32): u32 {
    const copy = this.arena.alloc(max<u32>(len, 1));
    if (copy == 0) return OTHER;
    memory.copy(copy, text, len);
    const id = this.count + FIRST_VALUE;
    if (!this.index.put(hash, copy, len, id)) return OTHER;
    rangeAt(this.texts, this.count).set(copy, len);
    this.count += 1;
    return id;
  }

  /** Adds a value of an allow-list; values that fold alike share an id. False when the memory is full. */
  allow(value: Range, scratch: usize): bool {
    const len = foldCase(value.ptr, value.len, this.letterCase, scratch);
    const hash = hashBytes(scratch, len);
    if (this.index.find(hash, scratch, len) != ABSENT) return true;
    if (this.add(hash, scratch, len) == OTHER) return false;
    return this.respell(this.count - 1);
  }

  /** Gives entry `position` a label text of its own: its index keeps comparing the unspelled bytes. */
  private respell(position: u32): bool {
    const text = rangeAt(this.texts, position);
    const copy = this.arena.alloc(text.len);
    if (copy == 0) return false;
    memory.copy(copy, text.ptr, text.len);
    spellSafely(copy, text.len);
    text.ptr = copy;
    return true;
  }

  /** How often this value was seen lately, this time included; 1 when there is no memory to count in. */
  sight(hash: u64): u32 {
    if (changetype<usize>(this.sightings) == 0) this.sightings = createSightings(this.arena);
    return changetype<usize>(this.sightings) == 0 ? 1 : this.sightings.sight(hash);
  }

  /** Label text of an id. */
  textOf(id: u32, out: Range): void {
    if (id == NONE) out.set(noneText, 4);
    else if (id == OTHER || id - FIRST_VALUE >= this.count) out.set(otherText, 5);
    else {
      const text = rangeAt(this.texts, id - FIRST_VALUE);
      out.set(text.ptr, text.len);
    }
  }
}

/** The texts of the two ids that stand for no value. */
const noneText = memory.data(4);
const otherText = memory.data(5);

/** Spells what the vocabularies share. Called once per VM. */
export function initVocabularies(): void {
  changetype<Writer>(writer).init(noneText, 4).ascii("none");
  changetype<Writer>(writer).init(otherText, 5).ascii("other");
}

const writer = memory.data(WRITER_BYTES);

/** An empty vocabulary with room for `maxCount` values; address 0 when the arena is full. */
export function createVocabulary(arena: Arena, maxCount: u32): Vocabulary {
  const at = arena.alloc(offsetof<Vocabulary>());
  const texts = arena.alloc(<usize>maxCount * RANGE_BYTES);
  const index = createByteIndex(arena, maxCount);
  const spellings = createRecall(arena, maxCount * 4);
  if (at == 0 || texts == 0 || changetype<usize>(index) == 0 || changetype<usize>(spellings) == 0)
    return changetype<Vocabulary>(0);
  const vocabulary = changetype<Vocabulary>(at);
  vocabulary.arena = arena;
  vocabulary.index = index;
  vocabulary.spellings = spellings;
  vocabulary.texts = texts;
  vocabulary.maxCount = maxCount;
  return vocabulary;
}

/** The vocabulary of one dimension: its allow-list, or room to learn. Address 0 when the arena is full. */
export function vocabularyOf(arena: Arena, dimension: Dimension, scratch: usize): Vocabulary {
  const learns = dimension.valueCount == 0;
  const vocabulary = createVocabulary(arena, learns ? dimension.maxValues : dimension.valueCount);
  if (changetype<usize>(vocabulary) == 0) return vocabulary;
  vocabulary.header = dimension.header;
  vocabulary.label = dimension.label;
  vocabulary.labelLength = dimension.labelLength;
  vocabulary.letterCase = dimension.letterCase;
  vocabulary.learns = learns;
  vocabulary.newValuesPerMinute = dimension.newValuesPerMinute;
  for (let i: u32 = 0; i < dimension.valueCount; i++) {
    if (!vocabulary.allow(rangeAt(dimension.values, i), scratch)) return changetype<Vocabulary>(0);
  }
  return vocabulary;
}
