import { parseArgs } from "node:util";
import { CliError, progress, runCommand } from "../scripts/lib/cli.ts";
import { ensureFilter } from "../scripts/lib/filter-build.ts";
import { table } from "../scripts/lib/table.ts";
import { measureExactness, type Exactness } from "./lib/quota-run.ts";

const help = `How exactly users are held to their rate: real Envoy with 1, 2 and 4 workers, an open-loop load at ten times the
limit over many users; beside it Envoy's own local_ratelimit under the same load in the same run.

  npm run bench:quota
  npm run bench:quota -- --seconds 2

  --seconds N   of load per case, default 10 (1..60)
  --users N     default 30 (1..1000)
  --limit N     requests a second and user, default 20 (1..1000); the burst is the same
`;

const workerCounts = [1, 2, 4];
const overload = 10;
const leastExact = 0.98;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seconds: { type: "string", default: "10" },
      users: { type: "string", default: "30" },
      limit: { type: "string", default: "20" },
      help: { type: "boolean" },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    return 0;
  }
  const seconds = whole("--seconds", values.seconds, 60);
  const users = whole("--users", values.users, 1000);
  const limitPerSecond = whole("--limit", values.limit, 1000);
  await ensureFilter();
  const results: Exactness[] = [];
  for (const workers of workerCounts) {
    progress(`${workers} ${workers === 1 ? "worker" : "workers"} ...`);
    const arms = ["exact", "lease", "native", "native, 20 descriptors"] as const;
    const load = { workers, seconds, users, limitPerSecond, burst: limitPerSecond, overload };
    results.push(...(await measureExactness({ ...load, arms })));
  }
  const head = ["limiter", "workers", "sent/s", "admitted", "bound", "admitted/bound", "worst user/bound"];
  console.log(table([head, ...results.map(rowOf)]));
  const ours = results.filter(({ arm }) => arm === "exact" || arm === "lease");
  const wrong = ours.filter(({ arm, worst, ratio }) => worst > 1 || (arm === "exact" && ratio < leastExact));
  for (const { arm, workers } of wrong) console.log(`out of bounds: ${arm} with ${workers} workers`);
  return wrong.length === 0 ? 0 : 1;
}

function rowOf({ arm, workers, perSecond, admitted, bound, ratio, worst }: Exactness): string[] {
  const counts = [workers, Math.round(perSecond), admitted, Math.floor(bound)].map(String);
  return [arm, ...counts, ratio.toFixed(4), worst.toFixed(4)];
}

function whole(flag: string, text: string, most: number): number {
  const value = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (value < 1 || value > most) throw new CliError(`${flag} ${text} is not a whole number in 1..${most}`);
  return value;
}

await runCommand(main);
