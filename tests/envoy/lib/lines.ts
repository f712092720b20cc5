import { accessLog } from "../../../scripts/lib/envoy/config.ts";
import type { RunningEnvoy } from "../../../scripts/lib/envoy/run.ts";
import type { Extension } from "../../../scripts/lib/envoy/types.ts";
import { waitFor } from "../../../scripts/lib/process.ts";

/** Fields of one access log line; a field that Envoy has no value for is absent. */
export type AccessLine = Readonly<Record<string, string>>;

/** An access log of these fields to Envoy's stdout, one JSON object a request, with the request's `x-request-id` as `id`. */
export function jsonLog(fields: Readonly<Record<string, string>>): Extension {
  return accessLog({ id: "%REQ(x-request-id)%", ...fields });
}

/** What Envoy has logged so far. */
export function accessLines(envoy: RunningEnvoy): AccessLine[] {
  return envoy
    .logs()
    .filter((line) => line.startsWith("{"))
    .map((line) => {
      const parsed: unknown = JSON.parse(line);
      const entries = typeof parsed === "object" && parsed !== null ? Object.entries(parsed) : [];
      return Object.fromEntries(
        entries
          .filter(([, value]) => value !== null && value !== "-")
          .map(([name, value]) => [name, String(value)]),
      );
    });
}

/** Waits for the access log line of a request. */
export function accessLine(envoy: RunningEnvoy, id: string): Promise<AccessLine> {
  return waitFor(
    `the access log line of request ${id}`,
    () => accessLines(envoy).find((line) => line.id === id),
    { child: envoy.process },
  );
}

/** Waits until this many requests are in the access log. */
export function waitForLines(envoy: RunningEnvoy, count: number): Promise<AccessLine[]> {
  return waitFor(
    `${count} access log lines`,
    () => {
      const lines = accessLines(envoy);
      return lines.length >= count ? lines : undefined;
    },
    { child: envoy.process, intervalMillis: 100, timeoutMillis: 30_000 },
  );
}
