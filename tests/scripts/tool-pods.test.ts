import assert from "node:assert/strict";
import { test } from "node:test";
import type { Cluster } from "../../deploy/tool/cluster/connect.ts";
import { ApiError } from "../../deploy/tool/cluster/failures.ts";
import { listPodObjects } from "../../deploy/tool/cluster/pods.ts";
import type { ApiCall } from "../../deploy/tool/cluster/resources.ts";
import { parseJson } from "../../deploy/tool/json.ts";
import { memoryCluster } from "./memory-cluster.ts";

const names = ["engine-3", "engine-1", "engine-2", "engine-0", "engine-4"];

interface Paged {
  readonly cluster: Cluster;
  /** Queries of the requests so far. */
  readonly asked: ApiCall["query"][];
}

/** An API server that answers in pages; the requests with these numbers (from 0) find their list expired. */
function paged(...expired: readonly number[]): Paged {
  const asked: ApiCall["query"][] = [];
  const answer = (call: ApiCall): string => {
    const number = asked.push(call.query) - 1;
    if (expired.includes(number))
      throw new ApiError(call, 410, {
        reason: "Expired",
        message: "The provided continue parameter is too old",
      });
    const begin = Number(call.query?.["continue"] ?? 0);
    const end = begin + Number(call.query?.["limit"]);
    const items = names.slice(begin, end).map((name) => ({ metadata: { name, namespace: "trading" } }));
    return JSON.stringify({ items, metadata: { continue: end < names.length ? String(end) : "" } });
  };
  const request = async <T>(call: ApiCall): Promise<T> => parseJson<T>(answer(call));
  return { cluster: { ...memoryCluster("trading"), request }, asked };
}

test("pods are listed page by page, each with the same selector, and are in order", async () => {
  const { cluster, asked } = paged();
  const pods = await listPodObjects(cluster, { app: "engine" }, 2);
  assert.deepEqual(
    pods.map(({ metadata }) => metadata.name),
    names.toSorted(),
  );
  const selector = { limit: "2", labelSelector: "app=engine" };
  assert.deepEqual(asked, [selector, { ...selector, continue: "2" }, { ...selector, continue: "4" }]);
});

test("a list that expires between two pages is begun anew, once", async () => {
  const { cluster, asked } = paged(1);
  assert.equal((await listPodObjects(cluster, {}, 2)).length, names.length);
  assert.deepEqual(
    asked.map((query) => query?.["continue"]),
    [undefined, "2", undefined, "2", "4"],
  );
  const always = paged(1, 3);
  await assert.rejects(
    listPodObjects(always.cluster, {}, 2),
    (error: unknown) => error instanceof ApiError && error.status === 410,
  );
  assert.equal(always.asked.length, 4);
});
