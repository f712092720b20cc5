/** Spells a place in a document as the filter does: `quotas[0].tiers.gold`; `document` is the whole. */
export function spellPath(steps: readonly (string | number)[]): string {
  const text = steps.map((step) => (typeof step === "number" ? `[${step}]` : `.${step}`)).join("");
  return text === "" ? "document" : text.replace(/^\./, "");
}

const shownCharacters = 32;

/** Shows a value as the filter does: cut short, on one line, of objects and arrays only that they are. */
export function showValue(value: unknown): string {
  if (Array.isArray(value)) return "[...]";
  if (typeof value === "object" && value !== null) return "{...}";
  const spelled = typeof value === "number" ? String(value) : JSON.stringify(value);
  const text = spelled.replaceAll(/[^ -~]/gu, escapeCharacter);
  return text.length > shownCharacters ? `${text.slice(0, shownCharacters)}...` : text;
}

function escapeCharacter(character: string): string {
  return [...Buffer.from(character)].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
}
