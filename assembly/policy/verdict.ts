/** What is to become of a request. */
export enum Verdict {
  Pass,
  BudgetSpent,
  OverQuota,
  Unidentified,
  /** The filter itself failed. */
  Failed,
}

/** What is done about a verdict: here and nowhere else. `observe` refuses nothing; a failure refuses only by `failureDeny`. */
export function refuses(verdict: Verdict, observe: bool, failureDeny: bool): bool {
  if (observe || verdict == Verdict.Pass) return false;
  return verdict == Verdict.Failed ? failureDeny : true;
}
