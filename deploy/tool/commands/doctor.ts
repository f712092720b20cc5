import { defineCommand, type ParsedArgs } from "citty";
import { CliError } from "../../../scripts/lib/cli.ts";
import { checkConfig } from "../../../scripts/lib/config/check.ts";
import type { Config } from "../../../scripts/lib/config/types.ts";
import { clusterArguments, parseLabels } from "../cluster/arguments.ts";
import { ApiError } from "../cluster/failures.ts";
import { readPlugin, type WasmPlugin, type WasmPluginSpec } from "../cluster/plugins.ts";
import { trackLabel } from "../cluster/pods.ts";
import { renderPlugin } from "../cluster/render.ts";
import { openSession, type Session } from "../delivery/session.ts";
import { readConfigFile, readManifest } from "../delivery/source.ts";
import { checkConfiguration } from "../doctor/configuration.ts";
import { checkCrd, checkIstiod, checkPolicy } from "../doctor/control-plane.ts";
import { checkDataPlane } from "../doctor/data-plane.ts";
import { problem, type Finding } from "../doctor/finding.ts";
import { checkImage } from "../doctor/image.ts";
import { checkPlugins } from "../doctor/plugins.ts";
import { checkPods } from "../doctor/pods.ts";
import { checkRights } from "../doctor/rights.ts";
import type { Subject } from "../doctor/subject.ts";
import { emit, outputFormat } from "../output.ts";
import { describeCommand } from "../run.ts";

const args = {
  ...clusterArguments,
  image: { type: "string", description: "examine a deploy of this image" },
  config: { type: "string", description: "examine a deploy of this plugin configuration (JSON file)" },
  manifest: { type: "string", description: "examine a deploy of the WasmPlugin in this YAML" },
  selector: { type: "string", description: "labels of the pods beside the track: app=trading-engine" },
  "istio-namespace": { type: "string", description: "where istiod runs", default: "istio-system" },
  insecure: { type: "boolean", description: "a registry on this machine speaks plain HTTP" },
} as const;

type Arguments = ParsedArgs<typeof args>;

/** `tickgate doctor`: everything that would make a deploy fail, or the filter not do its work. Changes nothing. */
export const doctor = defineCommand({
  meta: describeCommand({
    name: "doctor",
    description: "Examines cluster, pods, rights, image and configuration before a deploy; changes nothing",
    details:
      "Without --image, --config and --manifest it examines what is deployed.\n\n" +
      "Exit code 0: no problem, 1: there are some, 2: the command line is wrong.",
  }),
  args,
  async run({ args: values }) {
    const format = outputFormat(values.output);
    const given = await readGiven(values);
    const session = await openSession(values);
    const findings = await examine(session, values, given);
    const problems = findings.filter(({ level }) => level === "problem").length;
    emit(format, { problems, findings }, ({ findings: all }) => describe(all));
    return problems > 0 ? 1 : 0;
  },
});

type Check = readonly [what: string, run: (subject: Subject) => Promise<Finding[]> | Finding[]];

const checks: readonly Check[] = [
  ["rights", checkRights],
  ["WasmPlugin CRD", checkCrd],
  ["istiod", checkIstiod],
  ["admission policy", checkPolicy],
  ["configuration", checkConfiguration],
  ["image", checkImage],
  ["pods", checkPods],
  ["what pods run", checkDataPlane],
  ["WasmPlugins", checkPlugins],
];

/** What the command line names, read before the cluster is asked for anything. */
interface Given {
  readonly manifest: WasmPluginSpec | undefined;
  readonly config: Readonly<Record<string, unknown>> | undefined;
  readonly selector: Readonly<Record<string, string>> | undefined;
}

async function readGiven({ manifest, config, selector, name }: Arguments): Promise<Given> {
  return {
    manifest: manifest === undefined ? undefined : await readManifest(manifest, name),
    config: config === undefined ? undefined : await readConfigFile(config),
    selector: selector === undefined ? undefined : parseLabels("selector", selector),
  };
}

async function examine(session: Session, values: Arguments, given: Given): Promise<Finding[]> {
  const subject = await makeSubject(session, values, given);
  const findings: Finding[] = [];
  for (const [what, run] of checks) {
    try {
      findings.push(...(await run(subject)));
    } catch (error) {
      // One thing that can't be looked at must not hide the others.
      if (!(error instanceof CliError)) throw error;
      findings.push(problem(what, error.message, error.hint ?? "the other findings may tell why"));
    }
  }
  return findings;
}

async function makeSubject({ cluster, access }: Session, values: Arguments, given: Given): Promise<Subject> {
  const current = await currentPlugin({ cluster, access }, values.name);
  const base = given.manifest ?? current?.spec;
  const at = { namespace: cluster.namespace, name: values.name };
  const { image } = values;
  const spec =
    image === undefined && base === undefined ? undefined : renderPlugin(at, base, { ...given, image }).spec;
  const selector = spec?.selector?.matchLabels ?? { ...given.selector, [trackLabel]: "stable" };
  return {
    cluster,
    access,
    name: values.name,
    istioNamespace: values["istio-namespace"],
    current,
    spec,
    config: configOf(spec),
    selector,
    plainHttp: values.insecure === true,
  };
}

async function currentPlugin(
  { cluster }: Pick<Session, "cluster" | "access">,
  name: string,
): Promise<WasmPlugin | undefined> {
  try {
    return await readPlugin(cluster, name);
  } catch (error) {
    // A missing CRD or right is what doctor is there to report.
    if (error instanceof ApiError && (error.status === 403 || error.status === 404)) return undefined;
    throw error;
  }
}

function configOf(spec: WasmPluginSpec | undefined): Config {
  const result = checkConfig(JSON.stringify(spec?.pluginConfig ?? {}));
  return result.ok ? result.config : {};
}

const marks = { ok: "ok      ", warning: "warning ", problem: "PROBLEM " } as const;

function describe(findings: readonly Finding[]): string {
  const lines = findings.map(({ level, object, message, next }) => {
    const line = `${marks[level]} ${object}: ${message}`;
    return next === undefined ? line : `${line}\n          next: ${next}`;
  });
  const count = (level: Finding["level"]): number =>
    findings.filter((finding) => finding.level === level).length;
  return [...lines, `${count("problem")} problems, ${count("warning")} warnings, ${count("ok")} ok`].join(
    "\n",
  );
}
