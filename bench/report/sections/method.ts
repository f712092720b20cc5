import type { BenchReport, Section, Table } from "../model.ts";
import { fixed, mebibytes, whole } from "../numbers.ts";

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
    title: "Where, with what, how",
    text: [
      "Every figure is from real Envoy unless it says counted. Arms run in one Envoy process and take turns, so that " +
        "what disturbs the machine disturbs all of them; two listeners without a filter show the noise. Every arm's own counter is read " +
        "back, and a run whose filter did not see every request is no result. The method is described in bench/README.md.",
      ...(report.quick ? ["This was a quick run: few rounds, wide intervals. Not for publication."] : []),
      ...loaded(report),
    ],
    figures: [],
    tables: [machineTable(report), commandTable(report), ...(absent.length > 0 ? [absentTable(absent)] : [])],
  };
}

const BUSY = 1;

function loaded({ environment }: BenchReport): string[] {
  const { loadAverageBefore } = environment;
  if (loadAverageBefore < BUSY) return [];
  return [
    `The machine was busy before the run began (load average ${fixed(loadAverageBefore, 1)}): timings are noisier than they need be.`,
  ];
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

function commandTable({ command, seconds, cpu, k6 }: BenchReport): Table {
  return {
    caption: "Commands",
    head: ["", ""],
    rows: [
      ["this report", `${command} (${whole(seconds / 60)} min)`],
      ...(cpu === undefined ? [] : [["load of the CPU arms", cpu.command]]),
      ...k6.map(({ scenario, environment }) => [scenario, environment.command]),
    ],
    words: [1],
  };
}

function absentTable(absent: readonly (readonly string[])[]): Table {
  return { caption: "Not in this report", head: ["what", "why"], rows: absent, words: [1] };
}
