import { Range } from "../text/bytes";
import { Build } from "./build";
import { Document } from "./document";
import { MATCH_EXACT, MATCH_HEADER, MATCH_METHOD, MATCH_PREFIX, MAX_OPERATIONS, Operation } from "./plan";
import { METHOD, NAME, readPattern, readText } from "./values";

const MAX_PATH_BYTES: u32 = 1024;

const KEYS = "name, method, path, pathPrefix";
const enum Key {
  name,
  method,
  path,
  pathPrefix,
}

export function readOperations(build: Build): void {
  const document = build.document;
  const plan = build.plan;
  plan.operationsConfigured = true;
  plan.operations = build.room(<usize>MAX_OPERATIONS * offsetof<Operation>());
  document.openArray();
  while (document.item(MAX_OPERATIONS)) {
    readOperation(build, plan.operationAt(plan.operationCount));
    plan.operationCount += 1;
  }
}

function readOperation(build: Build, operation: Operation): void {
  const document = build.document;
  operation.match = MATCH_HEADER;
  document.openObject();
  while (document.field(KEYS)) readField(build, operation);
  document.require(KEYS, Key.name);
  document.exclude(KEYS, Key.pathPrefix, Key.path);
}

function readField(build: Build, operation: Operation): void {
  const document = build.document;
  const plan = build.plan;
  const at = changetype<usize>(operation);
  switch (document.key) {
    case Key.name:
      build.readName(
        plan.operations + offsetof<Operation>("name"),
        offsetof<Operation>(),
        plan.operationCount,
        NAME,
      );
      break;
    case Key.method:
      if (readPattern(document, METHOD)) build.keep(changetype<Range>(at + offsetof<Operation>("method")));
      operation.match = max(operation.match, MATCH_METHOD);
      break;
    default:
      if (readPath(document)) build.keep(changetype<Range>(at + offsetof<Operation>("path")));
      operation.match = document.key == Key.path ? MATCH_EXACT : MATCH_PREFIX;
  }
}

/** Reads a path as the filter compares it: no query, no escapes, nothing to merge or resolve. */
function readPath(document: Document): bool {
  if (!readText(document)) return false;
  if (isPlainPath(document.text, document.textLength)) return true;
  document.refuseUnless("a path such as /api/v1/orders: ");
  document.diagnostic.ascii("1..1024 printable ASCII bytes but space ? # % \\, no empty, . or .. segment");
  return false;
}

function isPlainPath(ptr: usize, len: u32): bool {
  if (len > MAX_PATH_BYTES || len == 0 || load<u8>(ptr) != 0x2f) return false;
  let from: u32 = 1;
  for (let at: u32 = 1; at <= len; at++) {
    const byte: u8 = at < len ? load<u8>(ptr + at) : 0x2f;
    if (byte == 0x2f) {
      if (!isPlainSegment(ptr + from, at - from, at == len)) return false;
      from = at + 1;
    } else if (!isPathByte(byte)) return false;
  }
  return true;
}

function isPlainSegment(ptr: usize, len: u32, last: bool): bool {
  if (len == 0) return last;
  return len > 2 || load<u8>(ptr) != 0x2e || load<u8>(ptr + (len - 1)) != 0x2e;
}

function isPathByte(byte: u8): bool {
  return byte - 0x21 < 0x5e && byte != 0x3f && byte != 0x23 && byte != 0x25 && byte != 0x5c;
}
