import type { BenchReport, Section, Table } from "../model.ts";
import { fixed, mebibytes, whole } from "../numbers.ts";
import { cautions } from "../soundness.ts";

/** On what, with what and how; and what is missing. */
export function methodSection(report: BenchReport): Section {
  const missing = new Map(
    [...(report.cpu?.missing ?? []), ...(report.sweeps?.missing ?? [])].map(({ label, why }) => [label, why]),
  );
  const absent = [
    ...report.absent.map(({ part, why }) => [part, why]),
    ...[...missing].map(([label, why]) => [`arm: ${label}`, why]),
  ];
  return {
    id: "method",
    word: "Method",
    title: "Where, with what, how",
    text: [
      "Every figure is from real Envoy unless it says counted. Arms run in one Envoy process and take turns, so that " +
        "what disturbs the machine disturbs all of them; two listeners without a filter show the noise. Every arm's own counter is read " +
        "back, and a run whose filter did not see every request is no result. The method is described in bench/README.md.",
      ...cautions(report),
    ],
    figures: [],
    tables: [machineTable(report), commandTable(report), ...(absent.length > 0 ? [absentTable(absent)] : [])],
  };
}

function machineTable({ environment: machine, k6, commit }: BenchReport): Table {
  const cores =
    machine.envoyCore === undefined
      ? "not pinned"
      : `Envoy on core ${machine.envoyCore}, load on core ${machine.loadCore ?? "?"}`;
  const [first] = k6;
  return {
    head: ["", ""],
    rows: [
      ["commit", commit],
      ["module", `${whole(machine.moduleBytes)} bytes, SHA-256 ${machine.moduleSha256}`],
      ["began", machine.startedAt],
      ["processor", `${machine.cores} x ${machine.cpuModel}; ${cores}`],
      ["memory", mebibytes(machine.memoryBytes, 0)],
      ["kernel", machine.kernel],
      [
        "load average before, after",
        `${fixed(machine.loadAverageBefore, 1)}, ${fixed(machine.loadAverageAfter, 1)}`,
      ],
      ["Envoy", machine.envoy],
      ["h2load", machine.h2load],
      ["k6", first?.environment.k6 ?? "not run"],
      ["Node.js", machine.node],
    ],
    words: [1],
  };
}

/** Parts that can be asked for by themselves, as the report calls them. */
const PARTS_OF = [
  ["cpu", "CPU a request"],
  ["throughput", "throughput"],
  ["sweeps", "cost against users and streams"],
  ["memory", "memory"],
  ["micro", "counted figures"],
] as const;

function commandTable(report: BenchReport): Table {
  const { command, seconds, cpu, k6 } = report;
  return {
    caption: "Commands",
    head: ["", ""],
    rows: [
      ["this report", `${command} (${fixed(seconds / 60, 1)} min)`],
      ...PARTS_OF.filter(([part]) => report[part] !== undefined).map(([part, what]) => [
        what,
        `npm run bench -- --only ${part}`,
      ]),
      ...(cpu === undefined ? [] : [["load of one CPU arm", cpu.command]]),
      ...k6.map(({ scenario, environment }) => [scenario, environment.command]),
    ],
    words: [1],
  };
}

function absentTable(absent: readonly (readonly string[])[]): Table {
  return { caption: "Not in this report", head: ["what", "why"], rows: absent, words: [1] };
}
