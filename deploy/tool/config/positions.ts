import { isAlias, isMap, isNode, isScalar, isSeq, type Document, type LineCounter, type Pair } from "yaml";

/** What a parsed document tells of the places that paths such as `spec.pluginConfig.quotas[0].limit` name. */
export interface Positions {
  /** Line of the place, from 1, or of the nearest place around it. */
  lineOf(path: string): number | undefined;
  /** How a plain value is written there; undefined for anything else. */
  spellingOf(path: string): string | undefined;
}

/** For a text of which nothing is known. */
export const nowhere: Positions = { lineOf: () => undefined, spellingOf: () => undefined };

/** Positions in a parsed document, which may be JSON. */
export function positionsIn(document: Document, lines: LineCounter): Positions {
  const find = (path: string): Place => locate(document, document.contents, path === "document" ? "" : path);
  return {
    lineOf(path) {
      const { offset } = find(path);
      return offset === undefined ? undefined : lines.linePos(offset).line;
    },
    spellingOf(path) {
      const { node } = find(path);
      return isScalar(node) && node.type === "PLAIN" ? node.source : undefined;
    },
  };
}

interface Place {
  /** Of the key where there is one. */
  readonly offset: number | undefined;
  /** Undefined when the path leads further than the document. */
  readonly node?: unknown;
}

function locate(document: Document, node: unknown, path: string): Place {
  const target = isAlias(node) ? node.resolve(document) : node;
  const own = { offset: isNode(target) ? target.range?.[0] : undefined };
  if (path === "") return { ...own, node: target };
  const item = /^\[(\d+)\]/.exec(path);
  if (item !== null && isSeq(target)) {
    return nearest(locate(document, target.items[Number(item[1])], path.slice(item[0].length)), own);
  }
  if (!isMap(target)) return own;
  const text = path.replace(/^\./, "");
  // Of a repeated key the last is meant; keys may hold dots, so the longest that fits wins.
  const fitting = target.items.filter((pair) => fits(text, keyOf(pair)));
  const [best] = fitting.toReversed().toSorted((one, other) => keyOf(other).length - keyOf(one).length);
  if (best === undefined) return own;
  const key = { offset: isNode(best.key) ? best.key.range?.[0] : own.offset };
  const below = locate(document, best.value, text.slice(keyOf(best).length));
  return text === keyOf(best) ? { ...below, ...key } : nearest(below, key);
}

function nearest(found: Place, around: Place): Place {
  return found.offset === undefined ? around : found;
}

function keyOf({ key }: Pair): string {
  return String(isScalar(key) ? key.value : key);
}

function fits(path: string, key: string): boolean {
  return path === key || path.startsWith(`${key}.`) || path.startsWith(`${key}[`);
}
