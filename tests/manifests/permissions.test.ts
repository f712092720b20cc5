import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { permissions } from "../../deploy/tool/cluster/permissions.ts";
import { at, deploy, only, render, texts } from "./lib/render.ts";

/** `get /pods`, `patch extensions.istio.io/wasmplugins` for every right of these rules. */
function rights(rules: unknown): string[] {
  return Object.values(Object(rules)).flatMap((rule) =>
    texts(at(rule, "apiGroups")).flatMap((group) =>
      texts(at(rule, "resources")).flatMap((resource) =>
        texts(at(rule, "verbs")).map((verb) => `${verb} ${group}/${resource}`),
      ),
    ),
  );
}

test("the Role grants what the tool asks for in the namespace, and nothing more", async () => {
  const role = only(await render(join(deploy, "base")), "Role");
  const asked = permissions
    .filter(({ scope }) => scope === "namespace")
    .map(({ group, resource, verbs }) => ({ apiGroups: [group], resources: [resource], verbs }));
  assert.deepEqual(rights(role.rules).toSorted(), rights(asked).toSorted());
});

test("every required right is in the namespace: the Role is enough to deploy", () => {
  const outside = permissions.filter(({ scope, required }) => required && scope !== "namespace");
  assert.deepEqual(outside, []);
});

test("the account is bound to the Role", async () => {
  const manifests = await render(join(deploy, "base"));
  const binding = only(manifests, "RoleBinding");
  assert.deepEqual(at(binding, "roleRef", "name"), only(manifests, "Role").metadata.name);
  assert.deepEqual(at(binding, "subjects", 0, "name"), only(manifests, "ServiceAccount").metadata.name);
});
