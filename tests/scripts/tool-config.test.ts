import assert from "node:assert/strict";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import * as fc from "fast-check";
import { checkFiles } from "../../deploy/tool/config/check-files.ts";
import type { Finding } from "../../deploy/tool/config/finding.ts";
import { findSyntaxFault } from "../../scripts/lib/config/syntax.ts";
import { root } from "../../scripts/lib/paths.ts";
import { temporaryDirectory, type TemporaryDirectory } from "../../scripts/lib/temporary.ts";
import { tickgate } from "./tickgate-process.ts";

let folder: TemporaryDirectory;
before(async () => {
  folder = await temporaryDirectory();
});
after(() => folder.remove());

async function check(name: string, text: string): Promise<readonly Finding[]> {
  const path = join(folder.path, name);
  await writeFile(path, text);
  return (await checkFiles([path])).findings;
}

function brief({ severity, line, path, message }: Finding): string {
  return `${line ?? "-"} ${severity} ${path}: ${message}`;
}

const quiet = { trustedPeers: ["spiffe://mesh/ns/edge/sa/gateway"], dimensions: [] };

for (const kind of ["valid", "invalid"] as const) {
  test(`every ${kind} document of the filter's own is ${kind} here`, async () => {
    const directory = join(root, "tests", "fixtures", "config", kind);
    const all = (await readdir(directory)).filter((name) => name.endsWith(".json"));
    // No bytes are all defaults to the filter. In a file they are a mishap.
    const names = all.filter((name) => name !== "empty.json");
    assert.equal(all.length - names.length, kind === "valid" ? 1 : 0);
    assert.ok(names.length > 10);
    for (const name of names) {
      const { findings, configurations } = await checkFiles([join(directory, name)]);
      assert.equal(configurations, name === "syntax-blank.json" ? 0 : 1, name);
      const errors = findings.filter(({ severity }) => severity === "error");
      assert.equal(errors.length > 0, kind === "invalid", `${name}: ${errors.map(brief).join("; ")}`);
    }
  });
}

test("an error names line, path, value and what is allowed", async () => {
  const findings = await check(
    "lines.json",
    '{\n  "trustedPeers": [],\n  "quotas": [\n    { "name": "a", "limit": 5 },\n    { "name": "b",\n      "limit": 0 }\n  ]\n}\n',
  );
  assert.deepEqual(findings.map(brief), ["6 error quotas[1].limit: 0 is not in 1..1000000000"]);
});

for (const [name, text, expected] of [
  ["a word", '{\n  "mode": "observe",\n  oops\n}\n', "3 error document: line 3, column 3: expected a key"],
  ["a comma", '{"a":1,\n}', "2 error document: line 2, column 1: expected a key: no comma in front of }"],
  ["a comment", "// c\n{}", "1 error document: line 1, column 1: expected a value: JSON has no comments"],
  [
    "single quotes",
    "{'a':1}",
    "1 error document: line 1, column 2: expected a key: texts are in double quotes",
  ],
  ["a cut", '{"a":[1', "1 error document: line 1, column 8: expected , or ], and the document ends"],
  ["an open text", '{"a":"x}', "1 error document: line 1, column 6: the text has no end"],
  ["a byte order mark", "\ufeff{}", "1 error document: begins with a byte order mark: save it without"],
] as const) {
  test(`text that is no JSON is an error where reading stopped: ${name}`, async () => {
    assert.deepEqual((await check("cut.json", text)).map(brief), [expected]);
  });
}

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

test("a text is JSON exactly where no fault is found", () => {
  const pieces = [
    '"',
    "\\",
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "1",
    "-",
    ".",
    "e",
    "0",
    "true",
    " ",
    "\n",
    "u12",
    '"a"',
  ];
  const json = fc.json();
  const broken = fc.tuple(json, fc.nat(), fc.constantFrom(...pieces)).map(([text, at, piece]) => {
    const place = at % (text.length + 1);
    return `${text.slice(0, place)}${piece}${text.slice(place + (at % 2))}`;
  });
  const texts = fc.oneof(
    json,
    broken,
    fc.array(fc.constantFrom(...pieces)).map((all) => all.join("")),
  );
  fc.assert(
    fc.property(texts, (text) => assert.equal(findSyntaxFault(text) === undefined, parses(text), text)),
    { seed: 7, numRuns: 2000 },
  );
});

test("what is no text at all is one line", async () => {
  const module = Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...Buffer.from("x".repeat(5000))]);
  for (const name of ["tickgate.wasm", "tickgate.yaml"]) {
    const path = join(folder.path, name);
    await writeFile(path, module);
    const { findings } = await checkFiles([path]);
    assert.deepEqual(findings.map(brief), ["- error document: is no JSON or YAML: it is not a text"]);
  }
  const [named] = await check("tickgate.json", module.toString("latin1"));
  assert.ok((named?.message.length ?? 0) < 100, named?.message);
});

test("a file that can't be read hides none of the others", async () => {
  const path = join(folder.path, "one.json");
  await writeFile(path, '{"mode":1}');
  const absent = join(folder.path, "absent.json");
  const { findings } = await checkFiles([absent, folder.path, path]);
  assert.deepEqual(
    findings.map(({ file, message }) => [file, message]),
    [
      [absent, "can't be read: no such file"],
      [folder.path, "can't be read: it is a directory"],
      [path, "1 is not one of enforce, observe"],
    ],
  );
});

test("findings are in the order of their lines; of a document that is no YAML only the first", async () => {
  const text = '{\n "quotas": [{ "name": "a", "limit": 0 }],\n "mode": 1\n}';
  assert.deepEqual(
    (await check("order.json", text)).map(({ line }) => line),
    [2, 3],
  );
  const tabbed = await check("tab.yaml", "kind: WasmPlugin\nspec:\n\turl: x\n\tphase: y\n");
  assert.equal(tabbed.length, 1);
  assert.match(tabbed.map(brief).join(), /^3 error document: line 3, column 1: Tabs/);
});

test("a plugin that is in a file twice is an error", async () => {
  const other = changed("namespace: trading", "namespace: staging");
  assert.deepEqual(await check("two.yaml", `${plugin}---\n${other}`), []);
  const [found, ...more] = await check("twice.yaml", `${plugin}---\n${plugin}`);
  assert.deepEqual(more, []);
  assert.match(
    brief(found ?? assert.fail()),
    /^35 error metadata\.name: trading\/tickgate is in this file twice, first at line 8: /,
  );
});

const plugin = `apiVersion: v1
kind: ConfigMap
metadata: { name: other }
---
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata:
  name: tickgate
  namespace: trading
spec:
  selector: { matchLabels: { app: orders } }
  url: oci://registry.example/tickgate@sha256:${"a".repeat(64)}
  pluginName: tickgate
  phase: AUTHZ
  failStrategy: FAIL_RELOAD
  match: [{ mode: SERVER }]
  vmConfig:
    env:
      - { name: TICKGATE_COLD_START, value: pass }
  pluginConfig:
    trustedPeers: [spiffe://mesh/ns/edge/sa/gateway]
    dimensions:
      - { label: venue, header: x-venue, values: [nyse, lse] }
    quotas:
      - name: orders
        limit: 5
`;

function changed(from: string, to: string): string {
  assert.ok(plugin.includes(from), from);
  return plugin.replace(from, to);
}

test("a good manifest has nothing to say, whatever else is in the file", async () => {
  assert.deepEqual(await check("good.yaml", plugin), []);
});

for (const [name, from, to, expected] of [
  [
    "a bad configuration",
    "limit: 5",
    "limit: -1",
    /^26 error spec\.pluginConfig\.quotas\[0\]\.limit: -1 is not in/,
  ],
  [
    "a word that Kubernetes reads as false",
    "lse]",
    "NO]",
    /^23 error .*values\[1\]: false is not a string: Kubernetes reads NO as false, write "NO"/,
  ],
  ["a key twice", "limit: 5", "limit: 5\n        limit: 6", /^27 error document: .*unique/],
  ["a phase that is none", "AUTHZ", "AUTHX", /^14 error spec\.phase: "AUTHX" is not one of/],
  ["no phase", "  phase: AUTHZ\n", "", /warning spec\.phase: missing/],
  ["in front of authentication", "AUTHZ", "AUTHN", /^14 warning spec\.phase: AUTHN/],
  ["a fail strategy that is none", "FAIL_RELOAD", "FAIL_SOON", /^15 error spec\.failStrategy/],
  ["fail open with quotas", "FAIL_RELOAD", "FAIL_OPEN", /^15 warning spec\.failStrategy: FAIL_OPEN/],
  ["fail close", "FAIL_RELOAD", "FAIL_CLOSE", /^15 warning spec\.failStrategy: FAIL_CLOSE: after a trap/],
  ["no match", "  match: [{ mode: SERVER }]\n", "", /warning spec\.match: missing/],
  ["outbound traffic", "SERVER", "CLIENT", /^16 warning spec\.match\[0\]\.mode: CLIENT takes in outbound/],
  ["no digest", /@sha256:a+/.exec(plugin)?.[0] ?? "", ":1.0", /^12 warning spec\.url: no digest/],
  ["a short digest", "a".repeat(64), "aa", /^12 error spec\.url: has no digest behind the @/],
  [
    "zeros for a digest",
    "a".repeat(64),
    "0".repeat(64),
    /^12 error spec\.url: a digest of zeros is a placeholder/,
  ],
  [
    "HTTPS with a digest that nobody looks at",
    /oci:\S+/.exec(plugin)?.[0] ?? "",
    `https://example.org/t@sha256:${"a".repeat(64)}\n  sha256: ${"b".repeat(64)}`,
    /^12 warning spec\.url: a URL takes no digest/,
  ],
  [
    "HTTPS without a hash",
    /oci:\S+/.exec(plugin)?.[0] ?? "",
    "https://example.org/t.wasm",
    /warning spec\.sha256: missing/,
  ],
  ["another scheme", "oci:", "ftp:", /^12 error spec\.url: "ftp:.*is not an image or/],
  [
    "a second digest",
    "  pluginName",
    `  sha256: ${"b".repeat(64)}\n  pluginName`,
    /^13 error spec\.sha256: .*is not the digest in url/,
  ],
  [
    "no cold start",
    "TICKGATE_COLD_START",
    "OTHER",
    /^18 warning spec\.vmConfig\.env: TICKGATE_COLD_START is missing/,
  ],
  ["a cold start that is none", "pass", "yes", /error spec\.vmConfig\.env\[0\]\.value: true is not a string/],
  [
    "another cold start that is none",
    "pass",
    "open",
    /error spec\.vmConfig\.env\[0\]\.value: "open" is not one of refuse, pass/,
  ],
  [
    "a key that is nowhere",
    "    dimensions:",
    "    identity: { logKeyEnv: LOG_KEY }\n    dimensions:",
    /warning spec\.vmConfig\.env: LOG_KEY is missing/,
  ],
  ["a typing error", "phase:", "phaze:", /^14 error spec\.phaze: unknown key/],
  [
    "two targets",
    "  url:",
    "  targetRefs: [{ kind: Gateway, name: g }]\n  url:",
    /error spec\.targetRefs: not allowed together with selector/,
  ],
  ["no selector", "  selector: { matchLabels: { app: orders } }\n", "", /warning spec\.selector: missing/],
  ["another version", "v1alpha1", "v1", /^5 error apiVersion: extensions\.istio\.io\/v1 is not/],
  ["no name", "name: tickgate\n", "labels: {}\n", /error metadata\.name: is required/],
] as const) {
  test(`WasmPlugin: ${name}`, async () => {
    const findings = (await check("changed.yaml", changed(from, to))).map(brief);
    assert.equal(findings.length, 1, findings.join("\n"));
    assert.match(findings[0] ?? "", expected);
  });
}

test("objects are found in lists, JSON included, and keep their place", async () => {
  const item = {
    apiVersion: "extensions.istio.io/v1alpha1",
    kind: "WasmPlugin",
    metadata: { name: "t" },
    spec: { pluginConfig: { mode: "enforced" } },
  };
  const list = { apiVersion: "v1", kind: "List", items: [{ kind: "Pod" }, item] };
  const findings = await check("list.json", JSON.stringify(list, undefined, 1));
  assert.deepEqual(
    findings.map(({ object, path }) => [object, path]),
    [
      ["WasmPlugin t", "items[1].spec.url"],
      ["WasmPlugin t", "items[1].spec.pluginConfig.mode"],
    ],
  );
  assert.ok((findings[1]?.line ?? 0) > 10);
});

test("a file without anything to judge is an error: a wrong path in a pipeline must not pass", async () => {
  const empty = await check("empty.yaml", "# nothing\n");
  assert.match(empty.map(brief).join(), /error document: is empty: no WasmPlugin/);
  const other = await check("other.yaml", "kind: Service\nmetadata: { name: x }\n");
  assert.match(other.map(brief).join(), /holds only Service/);
  const bare = await check("bare.yaml", "mode: observe\n");
  assert.match(bare.map(brief).join(), /a plugin configuration by itself is JSON/);
});

const good = JSON.stringify(quiet);
for (const [name, args, input, code, expected] of [
  ["good", ["-"], good, 0, /^1 configuration in 1 file: good, 0 warnings\n$/],
  ["warnings pass", ["-"], "{}", 0, /^stdin:1: warning: trustedPeers: "\*"[^]*: good, 1 warning\n$/],
  ["warnings fail when strict", ["--strict", "-"], "{}", 1, /good, 1 warning\n$/],
  ["errors fail", ["-"], '{"mode":1}', 1, /^stdin:1: error: mode: 1 is not one of enforce, observe\n/],
  ["a manifest on stdin", ["-"], plugin, 0, /good, 0 warnings/],
  ["no file", [], "", 2, /^$/],
  ["an unknown option", ["--srict", "-"], good, 2, /^$/],
  ["an unknown format", ["--output", "xml", "-"], good, 2, /^$/],
  [
    "a file that is not there",
    ["no-such-file.json"],
    "",
    1,
    /^no-such-file\.json: error: document: can't be read: no such file\n/,
  ],
  [
    "a pipe that failed",
    ["-"],
    "",
    1,
    /^stdin: error: document: is empty: \{\} is the configuration with all/,
  ],
  ["nothing but space", ["-"], " \n", 1, /^stdin: error: document: is empty/],
] as const) {
  test(`exit code: ${name} (${code})`, async () => {
    const ran = await tickgate(["config", "check", ...args], { input });
    assert.equal(ran.code, code, ran.stderr);
    assert.match(ran.stdout, expected);
    assert.equal(ran.stderr === "", expected.source !== "^$", ran.stderr);
  });
}

test("--output json is one document", async () => {
  const { stdout, code } = await tickgate(["config", "check", "--output", "json", "-"], {
    input: '{"mode":1}',
  });
  assert.equal(code, 1);
  assert.deepEqual(JSON.parse(stdout), {
    ok: false,
    files: 1,
    configurations: 1,
    findings: [
      {
        severity: "error",
        file: "stdin",
        path: "mode",
        line: 1,
        message: "1 is not one of enforce, observe",
      },
    ],
  });
});
