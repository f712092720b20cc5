import { table } from "../../scripts/lib/table.ts";
import { textOf, type Section } from "./model.ts";

/** A section as lines for a terminal: its tables, and its text when asked for. */
export function sectionLines({ title, text, tables }: Section, withText: boolean): string {
  const parts = tables.map(({ caption, head, rows }) => {
    const lines = table([head, ...rows.map((row) => row.map(textOf))]);
    return caption === undefined ? lines : `${caption}\n${lines}`;
  });
  return [title, ...(withText ? text : []), ...parts].join("\n\n");
}
