import { Ajv2020, type ErrorObject } from "ajv/dist/2020.js";
import schema from "../../../deploy/schema/tickgate.schema.json" with { type: "json" };
import { showValue, spellPath } from "./path.ts";
import type { Config, ConfigProblem } from "./types.ts";

/** A check of documents: the document itself, or every problem with it. */
export type SchemaCheck<T> = (value: unknown) => T | readonly ConfigProblem[];

/** Makes the check for a JSON Schema; its messages are worded as the filter words its own. */
export function schemaCheck<T>(rules: object): SchemaCheck<T> {
  const validate = new Ajv2020({ allErrors: true, verbose: true }).compile<T>(rules);
  return (value) => {
    if (validate(value)) return value;
    const problems = (validate.errors ?? []).filter(isCause).map(describe);
    return problems.filter(({ path }, index) => problems.findIndex((other) => other.path === path) === index);
  };
}

/** Judges a configuration by its JSON Schema alone. Returns the configuration or every problem. */
export const checkSchema: SchemaCheck<Config> = schemaCheck<Config>(schema);

/** `if`, `allOf` and `propertyNames` only repeat what the schema below them said. */
function isCause({ keyword }: ErrorObject): boolean {
  return keyword !== "if" && keyword !== "propertyNames";
}

type Params = Readonly<Record<string, string | number>>;

/** Keywords that fail because a value is not what the title of its schema says. */
const titled: ReadonlySet<string> = new Set(["pattern", "maxLength", "const"]);

function describe(error: ErrorObject): ConfigProblem {
  const steps = stepsOf(error.instancePath);
  const params: Params = error.params;
  if (error.keyword === "uniqueItems") return describeRepeated(error, steps, params);
  const below = error.keyword === "required" ? params["missingProperty"] : params["additionalProperty"];
  const name = below ?? error.propertyName;
  return {
    path: spellPath(name === undefined ? steps : [...steps, name]),
    message: messageOf(error, params),
  };
}

function describeRepeated(
  { data }: ErrorObject,
  steps: readonly (string | number)[],
  params: Params,
): ConfigProblem {
  const [one, other] = [Number(params["i"]), Number(params["j"])];
  const later = Math.max(one, other);
  const value: unknown = Array.isArray(data) ? data[later] : undefined;
  const first = spellPath([...steps, Math.min(one, other)]);
  return { path: spellPath([...steps, later]), message: `${showValue(value)} is already used by ${first}` };
}

function stepsOf(pointer: string): (string | number)[] {
  const steps = pointer.split("/").slice(1);
  return steps.map((step) => (/^\d+$/.test(step) ? Number(step) : unescapeStep(step)));
}

function unescapeStep(step: string): string {
  return step.replaceAll("~1", "/").replaceAll("~0", "~");
}

function messageOf(error: ErrorObject, params: Params): string {
  const shown = error.propertyName === undefined ? `${showValue(error.data)} ` : "";
  const rules = error.parentSchema ?? {};
  const limit = String(params["limit"]);
  if (titled.has(error.keyword) && typeof rules["title"] === "string")
    return `${shown}is not ${rules["title"]}`;
  switch (error.keyword) {
    case "type":
      if (String(rules["title"]).startsWith("a duration")) return `${shown}is not ${String(rules["title"])}`;
      return `${shown}is not ${typeNames[String(params["type"])] ?? String(params["type"])}`;
    case "enum":
      return `${shown}is not one of ${listOf(error.schema)}`;
    case "const":
      return `${shown}is not one of ${String(error.schema)}`;
    case "pattern":
      return `${shown}does not match ${String(params["pattern"]).replace(/^\^(?:\((.*)\)\?|(.*))\$$/, "$1$2")}`;
    case "minimum":
    case "maximum":
      return `${shown}is not in ${String(rules["minimum"])}..${String(rules["maximum"])}`;
    case "maxItems":
    case "maxProperties":
      return `${sizeOf(error.data)} entries are more than ${limit}`;
    case "minProperties":
      return `${String(rules["title"])} is required`;
    case "minItems":
      return "is empty";
    case "required":
      return "is required";
    case "additionalProperties":
      return `unknown key, allowed: ${Object.keys(rules["properties"] ?? {}).join(", ")}`;
    case "not":
      return `${shown}is a built-in label`;
    case "false schema":
      return `not allowed together with ${/dependentSchemas\/(\w+)/.exec(error.schemaPath)?.[1] ?? "the rest"}`;
    default:
      return error.message ?? error.keyword;
  }
}

function listOf(values: unknown): string {
  return Array.isArray(values) ? values.join(", ") : String(values);
}

function sizeOf(value: unknown): number {
  return typeof value === "object" && value !== null ? Object.keys(value).length : 0;
}

const typeNames: Readonly<Record<string, string>> = {
  string: "a string",
  integer: "an integer",
  boolean: "true or false",
  object: "an object",
  array: "an array",
};
