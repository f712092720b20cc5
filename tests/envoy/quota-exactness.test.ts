import assert from "node:assert/strict";
import { test } from "node:test";
import { measureExactness } from "../../bench/lib/quota-run.ts";

// A short flood of real Envoy; `npm run bench:quota` is the long one.

const load = { seconds: 2, users: 10, limitPerSecond: 50, burst: 50, overload: 10 };

for (const workers of [1, 2]) {
  test(`ten times the limit over ${workers} worker(s): never more than the bound, and nearly all of it`, async (t) => {
    const arms = ["exact", "lease", "native"] as const;
    for (const { arm, ratio, worst, perSecond } of await measureExactness({ ...load, workers, arms })) {
      t.diagnostic(
        `${arm}: admitted/bound ${ratio.toFixed(4)}, worst user ${worst.toFixed(4)}, ${Math.round(perSecond)}/s`,
      );
      if (arm === "native") continue;
      assert.ok(worst <= 1, `${arm}: a user got ${worst} of its bound`);
      if (arm === "exact") assert.ok(ratio >= 0.98, `exact: only ${ratio} of the bound was admitted`);
    }
  });
}
