import type { ApiError } from "./failures.ts";

/** One line a field: `spec.failStrategy is owned by kubectl-edit`. */
export function describeConflicts(error: ApiError): string {
  const lines = error.causes.map(({ field, message }) => {
    const manager = /conflict with "([^"]*)"/.exec(message ?? "")?.[1];
    const path = (field ?? "").replace(/^\./, "");
    return manager === undefined ? `  ${path}: ${message ?? ""}` : `  ${path} is owned by ${manager}`;
  });
  return lines.join("\n");
}
