import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { istioSource } from "../../../scripts/lib/provision/istio.ts";
import { kubernetesSource } from "../../../scripts/lib/provision/kubernetes.ts";
import { at } from "./render.ts";

/** Where kubeconform finds the schema of a kind in a folder that `writeSchemas` has filled. */
export const schemaFiles = "{{.Group}}_{{.ResourceAPIVersion}}_{{.ResourceKind}}.json";

/** Writes strict JSON Schemas of every kind that Kubernetes and Istio define, of the versions the tests run. */
export async function writeSchemas(folder: string): Promise<void> {
  await Promise.all([writeKubernetes(folder), writeIstio(folder)]);
}

async function writeKubernetes(folder: string): Promise<void> {
  const { directory } = await kubernetesSource();
  const text = await readFile(join(directory, "api", "openapi-spec", "swagger.json"), "utf8");
  const definitions = entriesOf(at(JSON.parse(text) as unknown, "definitions"));
  const strictOnes = Object.fromEntries(definitions.map(([name, schema]) => [name, strict(schema)]));
  await writeFile(join(folder, "kubernetes.json"), JSON.stringify({ definitions: strictOnes }));
  for (const [name, schema] of definitions) {
    const kinds = at(schema, "x-kubernetes-group-version-kind");
    // One that stands for several kinds is an option of requests, not an object of a manifest.
    if (!Array.isArray(kinds) || kinds.length !== 1) continue;
    const reference = { $ref: `kubernetes.json#/definitions/${name}` };
    await writeSchema(folder, kindOf(kinds[0]), reference);
  }
}

async function writeIstio(folder: string): Promise<void> {
  const { directory } = await istioSource();
  const text = await readFile(join(directory, "manifests/charts/base/files/crd-all.gen.yaml"), "utf8");
  for (const document of parseAllDocuments(text)) {
    const { spec }: { spec: unknown } = document.toJS();
    const [group, kind] = [at(spec, "group"), at(spec, "names", "kind")];
    for (const [, definition] of entriesOf(at(spec, "versions"))) {
      const version = at(definition, "name");
      const schema = Object(at(definition, "schema", "openAPIV3Schema"));
      const object = {
        apiVersion: { type: "string" },
        kind: { type: "string" },
        metadata: { type: "object" },
      };
      const whole = { ...schema, properties: { ...object, ...Object(schema.properties) } };
      await writeSchema(folder, kindOf({ group, version, kind }), strict(whole));
    }
  }
}

interface Kind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

function kindOf(value: unknown): Kind {
  const [group, version, kind] = ["group", "version", "kind"].map((key) => String(at(value, key)));
  return { group: group ?? "", version: version ?? "", kind: kind ?? "" };
}

async function writeSchema(folder: string, { group, version, kind }: Kind, schema: unknown): Promise<void> {
  // For the core group kubeconform repeats the version.
  const place = group === "" ? version : group;
  await writeFile(join(folder, `${place}_${version}_${kind.toLowerCase()}.json`), JSON.stringify(schema));
}

/** The same schema, which refuses fields it does not name. */
function strict(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(strict);
  if (typeof schema !== "object" || schema === null) return schema;
  const entries = entriesOf(schema).map(([key, value]) => [key, strict(value)] as const);
  const closed =
    typeof at(schema, "properties") === "object" &&
    at(schema, "additionalProperties") === undefined &&
    at(schema, "x-kubernetes-preserve-unknown-fields") !== true;
  return { ...Object.fromEntries(entries), ...(closed ? { additionalProperties: false } : {}) };
}

function entriesOf(value: unknown): [string, unknown][] {
  return Object.entries(Object(value));
}
