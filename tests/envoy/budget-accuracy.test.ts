import assert from "node:assert/strict";
import { test } from "node:test";
import { describe, judge } from "../../bench/lib/budget-judge.ts";
import { runAroundLimit } from "../../bench/lib/budget-run.ts";

// `npm run bench:budget` is the long one.

test("the flagged requests are those that the other clocks call broken", async (t) => {
  const limitMicros = 3500;
  const run = await runAroundLimit({ requests: 2000, limitMicros, waits: [1, 4], concurrency: 4 });
  const accuracy = judge(run.judged, limitMicros);
  t.diagnostic(describe(accuracy, limitMicros));
  assert.equal(accuracy.missed, 0);
  assert.ok(accuracy.flagged > 200 && accuracy.flagged < 1800, "the waits are not around the limit");
  // A worker that the machine holds up between Envoy's clock and ours is no fault of either.
  assert.ok(accuracy.beyondGoal <= 4, `${accuracy.beyondGoal} verdicts lie beyond 100 us of the limit`);
  assert.deepEqual([run.countedRequests, run.countedViolations], [2000, accuracy.flagged]);
  assert.equal(run.loggedViolations, accuracy.flagged);
});
