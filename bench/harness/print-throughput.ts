import { table } from "../../scripts/lib/table.ts";
import { environmentLine } from "./command.ts";
import { range } from "./print-cpu.ts";
import type { ThroughputReport } from "./types.ts";

/** The report as lines for a terminal. */
export function printThroughput(report: ThroughputReport): void {
  const { arms, options, pods } = report;
  console.log(`${environmentLine(report.environment)}\n`);
  console.log("One worker, one copy of the filter, loopback upstream");
  const head = [
    "arm",
    "requests/s, full",
    "95 % CI",
    "core busy",
    "µs a request",
    "µs at steady",
    "millicores",
  ];
  const rows = arms.map((arm) => [
    arm.label,
    arm.requestsPerSecond.value.toFixed(0),
    range(arm.requestsPerSecond, 0),
    `${(arm.busy.value * 100).toFixed(0)} %`,
    arm.saturatedMicrosPerRequest.value.toFixed(1),
    arm.steadyMicrosPerRequest.value.toFixed(1),
    arm.steadyMillicores.value.toFixed(0),
  ]);
  console.log(table([head, ...rows]));
  console.log(
    `\n  steady: ${options.steadyPerSecond} requests/s, open loop, ${options.steadySeconds} s a round`,
  );
  const podHead = ["sidecar", "requests/s without", "with", "pods without", "with"];
  const podRows = pods.map((pod) => [
    `${pod.sidecarMillicores}m`,
    pod.perPodWithout.toFixed(0),
    pod.perPodWith.toFixed(0),
    String(pod.podsWithout),
    String(pod.podsWith),
  ]);
  console.log(`\n${report.podsRequestsPerSecond} requests/s, sidecars being the limit, ${report.podsArm}`);
  console.log(table([podHead, ...podRows]));
}
