/** "all": cut out every label spelled right. A list: only these, each by its own regex, as the bootstrap does. */
export type StatTags = "all" | readonly string[];

export interface ParsedName {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

interface Cut {
  readonly label: string;
  readonly value: string;
  readonly start: number;
  readonly end: number;
}

const ANY_TAG = /(?<=^|[.;])([A-Za-z_][A-Za-z0-9_]*)=\.=(.*?);\.;/g;

function cutAll(name: string): Cut[] {
  return [...name.matchAll(ANY_TAG)].map((match) => ({
    label: match[1] ?? "",
    value: match[2] ?? "",
    start: match.index,
    end: match.index + match[0].length,
  }));
}

// Envoy searches each regex in the full name, unanchored, and takes the first hit: a tag that is the suffix of
// another one cuts into it.
function cutListed(name: string, tags: readonly string[]): Cut[] {
  return tags.flatMap((label) => {
    const match = new RegExp(`(${label}=\\.=(.*?);\\.;)`).exec(name);
    if (match === null) return [];
    return [{ label, value: match[2] ?? "", start: match.index, end: match.index + match[0].length }];
  });
}

/** Splits `metric.label=.=value;.;...` into name and labels as Envoy's tag extraction does. */
export function parseStatName(fullName: string, tags: StatTags): ParsedName {
  const cuts = tags === "all" ? cutAll(fullName) : cutListed(fullName, tags);
  let name = "";
  for (let i = 0; i < fullName.length; i++) {
    if (!cuts.some((cut) => cut.start <= i && i < cut.end)) name += fullName.charAt(i);
  }
  const labels = Object.fromEntries(cuts.map((cut) => [cut.label, cut.value]));
  // A stat name has no empty last segment: the dot before the tags is not shown.
  return { name: name.replace(/\.+$/, ""), labels };
}
