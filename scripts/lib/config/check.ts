import { readDocument } from "./document.ts";
import { checkReferences } from "./references.ts";
import { checkSchema } from "./schema.ts";
import type { Config, ConfigProblem } from "./types.ts";

/** The configuration as the document spells it (no defaults are added), or everything that is wrong with it. */
export type ConfigResult =
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly errors: readonly ConfigProblem[] };

/**
 * Judges a configuration as the filter does: what this accepts, the filter accepts. Bytes are judged as they are.
 * @example checkConfig('{"quotas":[{"name":"a","limit":0}]}') // quotas[0].limit: 0 is not in 1..1000000000
 */
export function checkConfig(input: string | Uint8Array): ConfigResult {
  const document = readDocument(input);
  if (!document.ok) return document;
  const checked = checkSchema(document.value);
  if (isProblems(checked)) return { ok: false, errors: checked };
  const errors = checkReferences(checked);
  return errors.length > 0 ? { ok: false, errors } : { ok: true, config: checked };
}

function isProblems(checked: Config | readonly ConfigProblem[]): checked is readonly ConfigProblem[] {
  return Array.isArray(checked);
}
