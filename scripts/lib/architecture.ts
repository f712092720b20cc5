import { readFile, readdir } from "node:fs/promises";
import { dirname, join, normalize } from "node:path";
import { root } from "./paths.ts";

/** A source file and what it imports, as paths from the root (or package names). */
interface Source {
  readonly path: string;
  readonly text: string;
  readonly imports: readonly string[];
}

const maxLines = 400;
const sdk = "@solo-io/proxy-runtime/assembly/imports";

/** Which folders a file of `assembly/` may import from, first match first: the arrows of the design. */
const arrows: readonly (readonly [from: RegExp, to: RegExp])[] = [
  [/^assembly\/index\.ts$/, /^assembly\/(dispatch|host\/(memory|abort))$/],
  [
    /^assembly\/dispatch\.ts$/,
    /^assembly\/(plugin|request\/(request|announcement)|host\/|memory\/|metrics\/(catalog|failures))/,
  ],
  [/^assembly\/plugin\.ts$/, /^assembly\/(?!index|dispatch|request\/(?!filterstate))/],
  [/^assembly\/request\//, /^assembly\/(?!index|dispatch)/],
  [/^assembly\/memory\//, /^assembly\/(memory|text)\//],
  [/^assembly\/text\//, /^assembly\/(memory|text)\//],
  [/^assembly\/host\/abi\.ts$/, new RegExp(`^${sdk}$`)],
  [/^assembly\/host\//, /^assembly\/(host|memory|text)\//],
  [/^assembly\/(config|policy)\//, /^assembly\/(config|policy|memory|text)\//],
  [/^assembly\/trading\//, /^assembly\/(trading|config|memory|policy|text|metrics\/catalog)/],
  [
    /^assembly\/metrics\/(catalog|labels|vocabulary|admission|series|failures|sharedkeys)\.ts$/,
    /^assembly\/(config\/plan|memory\/|text\/|trading\/ids|metrics\/(catalog|labels|vocabulary|admission|series|failures|sharedkeys)$)/,
  ],
  [
    /^assembly\/(metrics|store|reply)\//,
    /^assembly\/(config\/plan|host|memory|text|policy|trading\/ids|metrics|store|reply|version)/,
  ],
  [/^assembly\/version\.ts$/, /^$/],
  [/^(scripts|bench|deploy)\//, /^(?!assembly\/|tests\/)/],
];

/** Things that must not stand in `assembly/`, with the reason. */
const banned: readonly (readonly [RegExp, string])[] = [
  [/\bthrow\b/, "throws: return a status"],
  [/\bassert\s*\(/, "asserts: return a status"],
  [/[\w)\]]!(?=[.;,)\]])/, "asserts non-null: compare with address 0"],
  [/[^=!]==='?|!==/, "uses === or !==, which compare addresses here: use == or !="],
  [/\bnew [A-Z]/, "allocates a managed object"],
];

/** Everything in the tree that breaks the design: one line each, the place first. */
export async function architectureFaults(): Promise<string[]> {
  const sources = (
    await Promise.all(["assembly", "scripts", "bench", "deploy", "tests"].map(readSources))
  ).flat();
  return sources.flatMap((source) => importFaults(source).concat(textFaults(source)));
}

function importFaults({ path, imports }: Source): string[] {
  const arrow = arrows.find(([from]) => from.test(path));
  const tests = imports.filter((target) => target.startsWith("tests/") && !path.startsWith("tests/"));
  const faults = tests.map((target) => `${path}: imports ${target}: nobody imports tests`);
  if (arrow === undefined) {
    return path.startsWith("assembly/")
      ? [...faults, `${path}: has no place in the design (scripts/lib/architecture.ts)`]
      : faults;
  }
  const wrong = imports.filter(
    (target) => (path.startsWith("assembly/") || target.includes("/")) && !arrow[1].test(target),
  );
  return [...faults, ...wrong.map((target) => `${path}: must not import ${target}`)];
}

function textFaults({ path, text }: Source): string[] {
  const lines = text.split("\n");
  const long =
    lines.length > maxLines + 1 ? [`${path}: has ${lines.length - 1} lines, the limit is ${maxLines}`] : [];
  if (!path.startsWith("assembly/")) return long;
  const outside = path.startsWith("assembly/host/")
    ? []
    : [[/@external/, "declares a host function outside host/"] as const];
  const rules = [...banned, ...outside];
  const found = lines.flatMap((line, index) => {
    const code = line.replace(/\/\/.*$|^\s*\/?\*.*$/, "").replace(/"[^"]*"|'[^']*'/g, '""');
    return rules.filter(([rule]) => rule.test(code)).map(([, why]) => `${path}:${index + 1}: ${why}`);
  });
  return [...long, ...found];
}

async function readSources(folder: string): Promise<Source[]> {
  const names = await readdir(join(root, folder), { recursive: true }).catch(() => []);
  const paths = names.filter((name) => name.endsWith(".ts")).map((name) => `${folder}/${name}`);
  return Promise.all(
    paths.map(async (path) => {
      const text = await readFile(join(root, path), "utf8");
      return { path, text, imports: importsOf(path, text) };
    }),
  );
}

function importsOf(path: string, text: string): string[] {
  const found = text.matchAll(/(?:^|\n)\s*(?:import|export)\s(?:[^"';]*?\sfrom\s)?["']([^"']+)["']/g);
  return [...found].map(([, target = ""]) =>
    target.startsWith(".") ? normalize(join(dirname(path), target)) : target,
  );
}
