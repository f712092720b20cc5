import { Text } from "../text/literal";
import { Range, endsWith, sameBytes } from "../text/bytes";
import { wordIndex } from "../text/words";
import { Build } from "./build";
import { Document } from "./document";
import { Dimension, MAX_DIMENSIONS, MAX_VALUES } from "./plan";
import { findLabel } from "./references";
import { LABEL, PRINTABLE, readChoice, readInteger, readPattern } from "./values";

const DEFAULT_MAX_VALUES: u32 = 100;
const DEFAULT_NEW_VALUES_PER_MINUTE: u32 = 60;
const MOST_NEW_VALUES_PER_MINUTE: u64 = 60_000;

/**
 * Labels of our own metrics. A tag regex of Envoy finds its label at the end of another, so that no label of a
 * dimension may end one of these, or end in one.
 */
const BUILT_IN = "operation, result, quota, decision, budget, share, stage, label, reason, version, config";

/** Labels that mean something else to histograms, to quota keys and to filter state. */
const TAKEN = "le, user, peer, verdict, series";

const KEYS = "label, header, case, values, maxValues, newValuesPerMinute";
const enum Key {
  label,
  header,
  letterCase,
  values,
  maxValues,
  newValuesPerMinute,
}

/** The labels that are spoken for, for `Build.reserved`. */
export function reserveLabels(document: Document, labels: Range): void {
  document.say(BUILT_IN);
  memory.copy(labels.ptr, document.text, document.textLength);
  labels.len = document.textLength;
}

/** The dimensions of a configuration that does not speak of them. */
export function addDefaultDimensions(build: Build): void {
  addDimension(build, "symbol", "x-trading-symbol");
  addDimension(build, "order_type", "x-order-type");
  addDimension(build, "strategy_id", "x-strategy-id");
  addDimension(build, "venue", "x-execution-venue");
}

function addDimension(build: Build, label: Text, header: Text): void {
  const plan = build.plan;
  if (plan.dimensions == 0) openTable(build);
  if (plan.dimensions == 0) return;
  const dimension = nextDimension(build);
  build.keepLiteral(labelOf(dimension), label);
  dimension.header = build.headerOf(header);
  plan.dimensionCount += 1;
}

function openTable(build: Build): void {
  build.plan.dimensions = build.room(<usize>MAX_DIMENSIONS * offsetof<Dimension>());
}

function nextDimension(build: Build): Dimension {
  const dimension = build.plan.dimensionAt(build.plan.dimensionCount);
  dimension.maxValues = DEFAULT_MAX_VALUES;
  dimension.newValuesPerMinute = DEFAULT_NEW_VALUES_PER_MINUTE;
  return dimension;
}

function labelOf(dimension: Dimension): Range {
  return changetype<Range>(changetype<usize>(dimension) + offsetof<Dimension>("label"));
}

export function readDimensions(build: Build): void {
  const document = build.document;
  openTable(build);
  document.openArray();
  while (document.item(MAX_DIMENSIONS)) {
    readDimension(build, nextDimension(build));
    build.plan.dimensionCount += 1;
  }
}

function readDimension(build: Build, dimension: Dimension): void {
  const document = build.document;
  document.openObject();
  while (document.field(KEYS)) readField(build, dimension);
  document.require(KEYS, Key.label);
  document.require(KEYS, Key.header);
  document.exclude(KEYS, Key.maxValues, Key.values);
  document.exclude(KEYS, Key.newValuesPerMinute, Key.values);
}

function readField(build: Build, dimension: Dimension): void {
  const document = build.document;
  switch (document.key) {
    case Key.label:
      readLabel(build, dimension);
      break;
    case Key.header:
      dimension.header = build.readHeader();
      break;
    case Key.letterCase:
      dimension.letterCase = readChoice(document, "keep, upper, lower");
      break;
    case Key.values:
      build.readList(
        changetype<Range>(changetype<usize>(dimension) + offsetof<Dimension>("values")),
        MAX_VALUES,
        PRINTABLE,
      );
      build.requireEntry();
      break;
    case Key.maxValues:
      dimension.maxValues = <u32>readInteger(document, 1, MAX_VALUES);
      break;
    default:
      dimension.newValuesPerMinute = <u32>readInteger(document, 1, MOST_NEW_VALUES_PER_MINUTE);
  }
}

function readLabel(build: Build, dimension: Dimension): void {
  const document = build.document;
  const plan = build.plan;
  if (!readPattern(document, LABEL)) return;
  const text = document.text;
  const length = document.textLength;
  const first = findLabel(plan, text, length);
  if (first >= 0) {
    document.refuseRepeated(2, first);
    return;
  }
  checkReserved(build);
  for (let i: u32 = 0; i < plan.dimensionCount; i++) {
    const other = plan.dimensionAt(i);
    checkSuffix(document, other.label, other.labelLength, false);
  }
  build.keep(labelOf(dimension));
}

/** Demands that the current text is no built-in label, ends none and ends in none. */
function checkReserved(build: Build): void {
  const document = build.document;
  if (wordIndex(TAKEN, document.text, document.textLength) >= 0) refuseBuiltIn(document);
  const end = build.reserved.ptr + build.reserved.len;
  let from = build.reserved.ptr;
  while (from < end) {
    let stop = from;
    while (stop < end && load<u8>(stop) != 0x2c) stop += 1;
    checkSuffix(document, from, <u32>(stop - from), true);
    from = stop + 2;
  }
}

function refuseBuiltIn(document: Document): void {
  document.refuse("is a built-in label");
}

/** Demands that neither the current text nor the other label ends in the other. */
function checkSuffix(document: Document, other: usize, otherLength: u32, builtIn: bool): void {
  const text = document.text;
  const length = document.textLength;
  if (builtIn && sameBytes(text, length, other, otherLength)) refuseBuiltIn(document);
  else if (endsWith(text, length, other, otherLength))
    refuseSuffix(document, other, otherLength, text, length);
  else if (endsWith(other, otherLength, text, length))
    refuseSuffix(document, text, length, other, otherLength);
}

function refuseSuffix(document: Document, suffix: usize, suffixLength: u32, label: usize, length: u32): void {
  const writer = document.fail();
  writer.ascii('"').bytes(suffix, suffixLength).ascii('" is a suffix of "');
  writer.bytes(label, length).ascii('"');
}
