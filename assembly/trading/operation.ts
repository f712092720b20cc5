import { MATCH_EXACT, MATCH_HEADER, MATCH_METHOD, Operation, Plan } from "../config/plan";
import { sameBytes } from "../text/bytes";
import { HeaderValue } from "./headers";
import { FIRST_VALUE, OTHER } from "./ids";

/** The first operation whose rule matches; `OTHER` when none does. The path is normalised (`normalisePath`). */
export function operationByRule(plan: Plan, method: HeaderValue, path: usize, pathLength: u32): u32 {
  for (let i: u32 = 0, n = plan.operationCount; i < n; i++) {
    if (matches(plan.operationAt(i), method, path, pathLength)) return i + FIRST_VALUE;
  }
  return OTHER;
}

function matches(operation: Operation, method: HeaderValue, path: usize, pathLength: u32): bool {
  if (operation.match == MATCH_HEADER) return false;
  const anyMethod = operation.methodLength == 0;
  if (!anyMethod && !sameBytes(operation.method, operation.methodLength, method.ptr, method.len))
    return false;
  if (operation.match == MATCH_METHOD) return true;
  if (operation.match == MATCH_EXACT)
    return sameBytes(operation.path, operation.pathLength, path, pathLength);
  const length = operation.pathLength;
  return length <= pathLength && sameBytes(operation.path, length, path, length);
}

/** The declared operation without a rule that the header names; a header never names one that has a rule. */
export function operationByHeader(plan: Plan, header: HeaderValue): u32 {
  if (header.copies != 1) return OTHER;
  for (let i: u32 = 0, n = plan.operationCount; i < n; i++) {
    const operation = plan.operationAt(i);
    if (operation.match != MATCH_HEADER) continue;
    if (sameBytes(operation.name, operation.nameLength, header.ptr, header.len)) return i + FIRST_VALUE;
  }
  return OTHER;
}

/** Whether the plan has a rule at all, so that method and path are worth reading. */
export function hasRules(plan: Plan): bool {
  for (let i: u32 = 0, n = plan.operationCount; i < n; i++) {
    if (plan.operationAt(i).match != MATCH_HEADER) return true;
  }
  return false;
}

/** The bit of an operation's id in the masks of quotas and budgets; all that is not declared shares the last one. */
export function operationBit(plan: Plan, id: u32): u64 {
  const declared = id >= FIRST_VALUE && plan.operationsConfigured;
  return (<u64>1) << (declared ? id - FIRST_VALUE : plan.operationCount);
}
