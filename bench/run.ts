import { readFile } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { CliError, progress, runCommand } from "../scripts/lib/cli.ts";
import { root } from "../scripts/lib/paths.ts";
import { moduleToMeasure } from "./harness/command.ts";
import { measureReport } from "./report/measure.ts";
import type { BenchReport } from "./report/model.ts";
import { PARTS, type Part } from "./report/parts.ts";
import { sectionsOf } from "./report/sections.ts";
import { cautions, isSound } from "./report/soundness.ts";
import { sectionLines } from "./report/terminal.ts";
import { writeBenchReport } from "./report/write.ts";

function namesOf(which: (part: Part) => boolean): string {
  return PARTS.filter(which)
    .map(({ name }) => name)
    .join(" ");
}

const help = `Measures what the filter costs, beside no filter and beside what could be used instead, in real Envoy, and writes
one report: bench/results/DATE-COMMIT/{index.html,report.md,report.json,figures/*.svg}. The method: bench/README.md.

  npm run bench                         all of it, under twenty minutes; leave the machine alone meanwhile
  npm run bench -- --quick              under five minutes, wide intervals
  npm run bench -- --only cpu,memory    of ${namesOf((part) => part.onDemand !== true)}
  npm run bench -- --also burst,soak    beside the usual ones, of ${namesOf((part) => part.onDemand === true)}
  npm run bench -- --from FILE          writes the pages again from a report.json, measures nothing
  npm run bench -- --sample             all of it, into bench/results/sample/, the report that is checked in

  --module FILE   default build/tickgate.wasm, built when a source is newer
  --seed N        of traffic and of the order of arms, default 1
  --out DIR       where the report goes

Exit code 1 when a part could not be measured, or when a condition did not hold without which its figures say little (a
request dropped, a filter that did not run). A target that is not met is said in the report and fails nothing.
`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      quick: { type: "boolean" },
      only: { type: "string" },
      also: { type: "string" },
      from: { type: "string" },
      module: { type: "string" },
      seed: { type: "string", default: "1" },
      out: { type: "string" },
      sample: { type: "boolean" },
      help: { type: "boolean" },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    return 0;
  }
  const report =
    values.from === undefined
      ? await measureReport({
          module: await moduleToMeasure(values.module),
          quick: values.quick === true,
          seed: wholeSeed(values.seed),
          command: [
            "npm run bench",
            ...(process.argv.length > 2 ? ["--", ...process.argv.slice(2)] : []),
          ].join(" "),
          progress,
          ...(values.only !== undefined && { only: partNames(values.only) }),
          ...(values.also !== undefined && { also: partNames(values.also) }),
        })
      : await readReport(values.from);
  const chosen = values.sample === true ? SAMPLE : values.out;
  const directory = resolve(chosen ?? directoryOf(report));
  await writeBenchReport(report, directory);
  for (const section of sectionsOf(report).filter(({ id }) => PRINTED.has(id))) {
    console.log(`${sectionLines(section, section.id === "targets")}\n`);
  }
  console.log(`report: ${relative(process.cwd(), join(directory, "index.html"))}`);
  for (const line of cautions(report)) console.log(line);
  return isSound(report) ? 0 : 1;
}

const SAMPLE = join(root, "bench", "results", "sample");
/** Sections that are printed too. */
const PRINTED = new Set(["short", "targets", "parts", "cpu"]);

/** Where the report of a commit goes; a tree with changes is told from a clean one. */
function directoryOf({ commit, environment }: BenchReport): string {
  const day = environment.startedAt.slice(0, 10);
  return join(root, "bench", "results", `${day}-${commit.replace("+", "-changed")}`);
}

function partNames(text: string): string[] {
  const names = text.split(",");
  const wrong = names.find((name) => !PARTS.some((part) => part.name === name));
  if (wrong === undefined) return names;
  throw new CliError(`there is no part ${wrong}`, `parts: ${PARTS.map(({ name }) => name).join(" ")}`);
}

function wholeSeed(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new CliError(`--seed ${text} is not a whole number`);
  return Number(text);
}

async function readReport(file: string): Promise<BenchReport> {
  const text = await readFile(file, "utf8").catch(() => {
    throw new CliError(`cannot read ${file}`, "--from wants the report.json of an earlier run");
  });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return JSON.parse(text) as BenchReport;
}

await runCommand(main);
