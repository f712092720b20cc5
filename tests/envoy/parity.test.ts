import assert from "node:assert/strict";
import { test } from "node:test";
import { differences, runBoth, type Scenario } from "./lib/parity.ts";
import {
  answeredEarlier,
  callerGone,
  grpcCall,
  ownReply,
  plain,
  trapAndReload,
  updates,
  upstreamAbsent,
  upstreamReset,
  withBody,
} from "./lib/scenarios.ts";

// The observer probe tells what it sees of the host. Where the emulator's story is another than Envoy's, the
// emulator is wrong.

const reads = "mbps";
const scenarios: readonly Scenario[] = [
  plain(reads),
  plain("w"),
  plain("oMC"),
  withBody(reads),
  withBody("w"),
  grpcCall(reads),
  grpcCall("w"),
  answeredEarlier(reads),
  answeredEarlier("w"),
  ownReply(reads, false),
  ownReply(reads, true),
  ownReply("w", false),
  upstreamReset(reads),
  upstreamAbsent(reads),
  callerGone(reads),
  updates(),
  trapAndReload("s"),
];

for (const scenario of scenarios) {
  test(scenario.name, async (t) => {
    const { real, emulated } = await runBoth(t, scenario);
    assert.deepEqual(differences(real, emulated), []);
  });
}
