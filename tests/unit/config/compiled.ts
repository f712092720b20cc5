import { compilePlan, releasePlan } from "../../../assembly/config/compile";
import { Plan } from "../../../assembly/config/plan";
import { Range, rangeAt } from "../../../assembly/text/bytes";
import { decoded, size, utf8, writer, written } from "../sample";

/** Compiles a document that must be valid. */
export function compiled(document: string): Plan {
  const diagnostic = writer(512);
  const length = size(document);
  const text = utf8(document);
  const plan = compilePlan(text, length, diagnostic);
  expect(written(diagnostic)).toBe("", document);
  // Nothing of a plan may point into the document.
  memory.fill(text, 0xff, length);
  return plan;
}

/** The message that refuses a document. */
export function refusal(document: string): string {
  const diagnostic = writer(512);
  const plan = compilePlan(utf8(document), size(document), diagnostic);
  if (changetype<usize>(plan) == 0) return written(diagnostic);
  releasePlan(plan);
  return "accepted";
}

/** Entry `index` of a table of ranges. */
export function entry(table: usize, index: u32): string {
  const range: Range = rangeAt(table, index);
  return decoded(range.ptr, range.len);
}

/** The name of header `index`. */
export function header(plan: Plan, index: u32): string {
  return index < plan.headerCount ? entry(plan.headers, index) : "no header";
}
