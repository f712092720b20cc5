import { defineCommand } from "citty";
import { checkFiles, type CheckReport } from "../config/check-files.ts";
import type { Finding } from "../config/finding.ts";
import { emit, outputArgument, outputFormat } from "../output.ts";
import { describeCommand } from "../run.ts";

const details = `Errors are what keeps the filter from running as told: what the filter itself would refuse, or what Istio's API
would refuse or drop. Warnings are what it accepts and may not be meant: operations without a quota, quotas without
effect, budgets below the proxy's own time, labels without room, images that are not pinned, traffic counted twice.

  tickgate config check plugin.json                      a plugin configuration, JSON
  tickgate config check --strict deploy/*.yaml           WasmPlugins, several documents a file, other objects passed over
  kubectl kustomize overlays/prod | tickgate config check -

Exit code 0: no errors (with --strict: no warnings either), 1: there are some, or a file can't be read, 2: usage.`;

const check = defineCommand({
  meta: describeCommand({
    name: "check",
    description: "Judges plugin configurations (JSON) and WasmPlugin manifests (YAML, JSON)",
    details,
  }),
  args: {
    files: {
      type: "positional",
      description: "Files to judge, one or more; - is stdin",
      valueHint: "FILE ...",
    },
    strict: { type: "boolean", description: "Warnings fail too", default: false },
    ...outputArgument,
  },
  async run({ args }) {
    const format = outputFormat(args.output);
    const report = await checkFiles(args._);
    const failed = report.findings.some(({ severity }) => args.strict || severity === "error");
    emit(format, { ok: !failed, ...report }, textOf);
    return failed ? 1 : 0;
  },
});

/** `tickgate config`. */
export const config = defineCommand({
  meta: { name: "config", description: "Judges configurations before they reach a cluster" },
  subCommands: { check },
});

function textOf({ files, configurations, findings }: CheckReport): string {
  const count = (severity: Finding["severity"]): number =>
    findings.filter((finding) => finding.severity === severity).length;
  const summary = [
    plural(configurations, "configuration"),
    `in ${plural(files, "file")}:`,
    count("error") === 0 ? "good," : `${plural(count("error"), "error")},`,
    plural(count("warning"), "warning"),
  ].join(" ");
  return [...findings.map(lineOf), summary].join("\n");
}

function lineOf({ severity, file, document, object, path, line, message }: Finding): string {
  const place = line === undefined ? file : `${file}:${line}`;
  const which = line === undefined && document !== undefined ? ` document ${document}` : "";
  return `${place}: ${severity}:${which} ${object === undefined ? "" : `${object} `}${path}: ${message}`;
}

function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? "" : "s"}`;
}
