import { defineCommand } from "citty";
import { table } from "../../../scripts/lib/table.ts";
import { clusterArguments } from "../cluster/arguments.ts";
import { connect } from "../cluster/connect.ts";
import { readHistory, type Revision } from "../cluster/history.ts";
import { emit, outputFormat } from "../output.ts";

const { output, kubeconfig, context, namespace, name } = clusterArguments;

/** `tickgate history`: the last revisions, newest first. */
export const history = defineCommand({
  meta: { name: "history", description: "Shows what was applied: when, by whom, and what became of it" },
  args: { output, kubeconfig, context, namespace, name },
  async run({ args }) {
    const format = outputFormat(args.output);
    const cluster = await connect(args);
    const revisions = await readHistory(cluster, args.name);
    emit(format, revisions.toReversed(), (entries) =>
      entries.length === 0
        ? `WasmPlugin ${cluster.namespace}/${args.name} was never deployed by this tool`
        : [
            table([["revision", "result", "when", "by", "configuration", "image"], ...entries.map(row)]),
            ...notesOf(entries),
          ].join("\n"),
    );
  },
});

function row({ revision, result, at, by, configHash, image }: Revision): string[] {
  return [String(revision), result, at, by, configHash, shortImage(image)];
}

function notesOf(entries: readonly Revision[]): string[] {
  const notes = entries.flatMap(({ revision, note }) => (note === undefined ? [] : [`${revision}: ${note}`]));
  return notes.length === 0 ? [] : ["", ...notes];
}

/** An image with twelve digits of its digest. */
export function shortImage(image: string): string {
  return image.replace(/(@sha256:[0-9a-f]{12})[0-9a-f]+$/, "$1");
}
