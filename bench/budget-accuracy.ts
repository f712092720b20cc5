import { parseArgs } from "node:util";
import { CliError, progress, runCommand } from "../scripts/lib/cli.ts";
import { ensureFilter } from "../scripts/lib/filter-build.ts";
import { describe, judge } from "./lib/budget-judge.ts";
import { runAroundLimit } from "./lib/budget-run.ts";

const help = `How exactly the filter flags requests that broke their budget: real Envoy, an upstream of random latency
around the limit, compared with Envoy's access log and the upstream's own clock.

  npm run bench:budget
  npm run bench:budget -- --requests 2000

  --requests N   default 10000 (1..100000)
  --limit N      microseconds, default 3500
`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      requests: { type: "string", default: "10000" },
      limit: { type: "string", default: "3500" },
      help: { type: "boolean" },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    return 0;
  }
  const requests = Number(values.requests);
  const limitMicros = Number(values.limit);
  if (!(requests >= 1 && requests <= 100_000)) throw new CliError("--requests is not in 1..100000");
  if (!(limitMicros >= 1000 && limitMicros <= 100_000)) throw new CliError("--limit is not in 1000..100000");
  await ensureFilter();
  progress(`Sending ${requests} requests ...`);
  const middle = Math.floor(limitMicros / 1000);
  const result = await runAroundLimit({
    requests,
    limitMicros,
    waits: [Math.max(middle - 2, 0), middle + 1],
    concurrency: 4,
  });
  const accuracy = judge(result.judged, limitMicros);
  console.log(describe(accuracy, limitMicros));
  console.log(
    `counters: ${result.countedRequests} requests, ${result.countedViolations} violations; log: ${result.loggedViolations} lines`,
  );
  return accuracy.missed === 0 && result.countedViolations === accuracy.flagged ? 0 : 1;
}

await runCommand(main);
