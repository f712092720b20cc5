import { Text } from "../text/literal";
import { Arena } from "../memory/arena";
import { Range, lower, rangeAt } from "../text/bytes";
import { Document } from "./document";
import { NameSet, findName } from "./names";
import { MAX_HEADERS, Plan } from "./plan";
import { HEADER_NAME, readPattern } from "./values";

/**
 * A plan in the making. The document is read twice: for everything that a place in it can tell, then again, with the
 * plan of the first reading at hand, for references, which may stand before what they name.
 */
@unmanaged
export class Build {
  document: Document;
  plan: Plan;
  /** Of the plan. */
  arena: Arena;
  /** The plan of the first reading; address 0 during it. */
  known: Plan;
  /** The list of texts that is being read. */
  list: NameSet;
  /** The allow-list that the list must keep to. */
  allowed: NameSet;
  /** Table of `RateNote`, one a tier of the quota that is being read. */
  rateNotes: usize;
  costNote: Range;
  leaseNote: Range;
  /** Table of `Range`: the labels of the budget that is being read. */
  labels: usize;
  /** The labels that are spoken for, as bytes. */
  reserved: Range;

  /** Whether this is the second reading, in which references must lead somewhere. */
  resolving(): bool {
    return changetype<usize>(this.known) != 0;
  }

  /** Zeroed bytes of the plan; 0 and an error when there is no memory. */
  room(bytes: usize): usize {
    const at = this.arena.alloc(bytes);
    if (at == 0) this.document.fail().ascii("out of memory");
    return at;
  }

  /** Copies the current text into the plan. */
  keep(range: Range): void {
    const length = this.document.textLength;
    const at = this.room(length);
    if (at == 0) return;
    memory.copy(at, this.document.text, length);
    range.set(at, length);
  }

  /** As `keep`, for a default. */
  keepLiteral(range: Range, literal: Text): void {
    this.document.say(literal);
    this.keep(range);
  }

  /** Reads the name of a header. Returns its index. */
  readHeader(): u32 {
    return readPattern(this.document, HEADER_NAME) ? this.intern() : 0;
  }

  /** Index of the header that is spelled. */
  headerOf(literal: Text): u32 {
    this.document.say(literal);
    return this.intern();
  }

  /** Reads the name of a header into lower case. */
  readHeaderName(range: Range): void {
    if (!readPattern(this.document, HEADER_NAME)) return;
    this.fold();
    this.keep(range);
  }

  /** The schema has no room for more than `MAX_HEADERS` names. */
  private intern(): u32 {
    const document = this.document;
    const plan = this.plan;
    if (plan.headers == 0) plan.headers = this.room(<usize>MAX_HEADERS * offsetof<Range>());
    if (document.error != 0) return 0;
    this.fold();
    const known = findName(
      plan.headers,
      offsetof<Range>(),
      plan.headerCount,
      document.text,
      document.textLength,
    );
    if (known >= 0) return known;
    this.keep(rangeAt(plan.headers, plan.headerCount));
    plan.headerCount += 1;
    return plan.headerCount - 1;
  }

  private fold(): void {
    const text = this.document.text;
    for (let i: u32 = 0, n = this.document.textLength; i < n; i++) {
      store<u8>(text + i, lower(load<u8>(text + i)));
    }
  }

  /** Begins a list of texts that differ. */
  openList(): void {
    this.document.openArray();
    this.list.clear();
  }

  /** Steps to the next text of the list, of a pattern, and keeps it; false at the end. */
  listItem(most: u32, pattern: Text): bool {
    return this.document.item(most) && readPattern(this.document, pattern) && this.addToList();
  }

  /** Keeps the current text as an entry of the list. */
  addToList(): bool {
    const list = this.list;
    const next = rangeAt(list.entries, list.count);
    this.keep(next);
    if (this.document.error != 0) return false;
    const first = list.add(next.ptr, next.len);
    if (first < 0) return true;
    this.document.refuseRepeated(1, first);
    return false;
  }

  /** Demands that the list which was just read has an entry. */
  requireEntry(): void {
    if (this.list.count == 0) this.document.fail().ascii("is empty");
  }

  /** Copies the table of the list into the plan. */
  keepList(range: Range): void {
    const bytes = <usize>this.list.count * offsetof<Range>();
    const at = this.room(bytes);
    if (at == 0) return;
    memory.copy(at, this.list.entries, bytes);
    range.set(at, this.list.count);
  }

  /** Reads a list of texts of a pattern into a table of ranges. */
  readList(range: Range, most: u32, pattern: Text): void {
    this.openList();
    while (this.listItem(most, pattern));
    this.keepList(range);
  }

  /** Reads a name that no entry of the table before `count` has; the names lie `stride` bytes apart. */
  readName(names: usize, stride: usize, count: u32, pattern: Text): void {
    const document = this.document;
    if (!readPattern(document, pattern)) return;
    const first = findName(names, stride, count, document.text, document.textLength);
    if (first >= 0) document.refuseRepeated(2, first);
    else this.keep(changetype<Range>(names + <usize>count * stride));
  }
}
