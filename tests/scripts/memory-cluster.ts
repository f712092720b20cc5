import { KubeConfig } from "@kubernetes/client-node";
import type { Cluster } from "../../deploy/tool/cluster/connect.ts";
import { ApiError } from "../../deploy/tool/cluster/failures.ts";
import type { ApiCall } from "../../deploy/tool/cluster/resources.ts";
import { parseJson } from "../../deploy/tool/json.ts";

interface StoredObject {
  readonly metadata: {
    readonly name: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly resourceVersion?: string;
  };
}

/** Objects in memory behind the tool's own interface to an API server; what a patch names replaces what was there. */
export function memoryCluster(namespace: string): Cluster {
  const store = new ObjectStore();
  return {
    kubeConfig: new KubeConfig(),
    server: "memory",
    namespace,
    request: <T>(call: ApiCall) => Promise.resolve(copy<T>(store.answer(call))),
  };
}

class ObjectStore {
  private readonly objects = new Map<string, StoredObject>();
  private version = 0;

  answer(call: ApiCall): unknown {
    switch (call.verb) {
      case "list":
        return { items: this.list(call) };
      case "create":
        return this.create(call);
      case "patch":
        return this.patch(call);
      case "delete": {
        const object = this.get(call);
        const { preconditions } = copy<{ preconditions?: { resourceVersion?: string } }>(call.body ?? {});
        assertVersion(call, object, preconditions?.resourceVersion);
        this.objects.delete(keyOf(call));
        return object;
      }
      default:
        return this.get(call);
    }
  }

  private create(call: ApiCall): unknown {
    const object = copy<Partial<StoredObject>>(call.body);
    // A review: an answer, nothing to keep.
    if (object.metadata === undefined) return object;
    const { metadata } = object;
    const key = `${call.resource.plural}/${metadata.name}`;
    if (this.objects.has(key)) {
      const details = { name: metadata.name };
      throw new ApiError(call, 409, { reason: "AlreadyExists", message: "already exists", details });
    }
    return this.store(key, { ...object, metadata });
  }

  private get(call: ApiCall): StoredObject {
    const found = this.objects.get(keyOf(call));
    if (found !== undefined) return found;
    const details = { name: call.name ?? "" };
    throw new ApiError(call, 404, { reason: "NotFound", message: "not found", details });
  }

  private list({ resource, query }: ApiCall): StoredObject[] {
    const wanted = (query?.["labelSelector"] ?? "").split(",").filter((pair) => pair !== "");
    return [...this.objects]
      .filter(([key]) => key.startsWith(`${resource.plural}/`))
      .map(([, object]) => object)
      .filter(({ metadata }) =>
        wanted.every((pair) => {
          const [label = "", value] = pair.split("=");
          return metadata.labels?.[label] === value;
        }),
      );
  }

  private patch(call: ApiCall): StoredObject {
    const creates = call.contentType === "application/apply-patch+yaml" && !this.objects.has(keyOf(call));
    const before: StoredObject = creates ? { metadata: { name: call.name ?? "" } } : this.get(call);
    const body = copy<Partial<StoredObject>>(call.body);
    assertVersion(call, before, body.metadata?.resourceVersion);
    const metadata = {
      ...before.metadata,
      ...body.metadata,
      labels: { ...before.metadata.labels, ...body.metadata?.labels },
      annotations: { ...before.metadata.annotations, ...body.metadata?.annotations },
    };
    const object = { ...before, ...body, metadata };
    return call.query?.["dryRun"] === "All" ? object : this.store(keyOf(call), object);
  }

  private store(key: string, object: StoredObject): StoredObject {
    this.version += 1;
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(this.version) } };
    this.objects.set(key, stored);
    return stored;
  }
}

function assertVersion(call: ApiCall, { metadata }: StoredObject, wanted: string | undefined): void {
  if (wanted !== undefined && wanted !== metadata.resourceVersion)
    throw new ApiError(call, 409, { reason: "Conflict", message: "the object has been modified" });
}

function keyOf(call: ApiCall): string {
  return `${call.resource.plural}/${call.name ?? ""}`;
}

/** As over the wire: nobody shares an object with the store. The caller names the type, as with an API server. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters
function copy<T>(value: unknown): T {
  return parseJson<T>(JSON.stringify(value));
}
