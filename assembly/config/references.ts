import { Text } from "../text/literal";
import { Build } from "./build";
import { Dimension, MAX_DIMENSIONS, MAX_OPERATIONS, Operation, Plan } from "./plan";
import { LABEL, NAME } from "./values";
import { findName } from "./names";
import { wordIndex } from "../text/words";
import { Range } from "../text/bytes";

/** Most parts of a key and most duration labels. */
const MAX_PARTS: u32 = 8;

/** Index of the dimension with the label, -1 when none has it. */
export function findLabel(plan: Plan, ptr: usize, len: u32): i32 {
  const labels = plan.dimensions + offsetof<Dimension>("label");
  return findName(labels, offsetof<Dimension>(), plan.dimensionCount, ptr, len);
}

/** Reads a non-empty list of declared operations into bits. */
export function readOperationBits(build: Build): u64 {
  const document = build.document;
  let bits: u64 = 0;
  build.openList();
  while (build.listItem(MAX_OPERATIONS, NAME)) {
    if (!build.resolving()) continue;
    const plan = build.known;
    const names = plan.operations + offsetof<Operation>("name");
    const count = plan.operationCount;
    const index = findName(names, offsetof<Operation>(), count, document.text, document.textLength);
    if (index < 0) document.refuseUnless("a declared operation");
    bits |= (<u64>1) << index;
  }
  build.requireEntry();
  return bits;
}

/**
 * Reads a list of dimension labels and of the given words into bytes: the index of the dimension, or `first` plus that
 * of the word.
 */
export function readParts(build: Build, table: Range, words: Text, first: u8): void {
  const document = build.document;
  table.set(build.room(MAX_PARTS), 0);
  build.openList();
  while (build.listItem(MAX_PARTS, LABEL)) {
    const word = wordIndex(words, document.text, document.textLength);
    store<u8>(table.ptr + table.len, word < 0 ? <u8>resolveLabel(build, words) : first + <u8>word);
    table.len += 1;
  }
}

function resolveLabel(build: Build, words: Text): i32 {
  if (!build.resolving()) return 0;
  const document = build.document;
  const index = findLabel(build.known, document.text, document.textLength);
  if (index < 0) document.refuseUnless("one of ").ascii(words).ascii(" or a declared label");
  return index;
}
