import { connect, type ClientHttp2Session } from "node:http2";
import type { HttpFilter } from "../../scripts/lib/envoy/types.ts";
import { CliError } from "../../scripts/lib/cli.ts";
import { waitFor } from "../../scripts/lib/process.ts";
import type { TestBed } from "./bed.ts";
import type { Lane } from "./envoy-config.ts";
import { sentHeaders } from "./load.ts";

const streamsPerSession = 100;
const heldMillis = 3_600_000;

/** Behind every arm: holds a request that asks for it, so that its stream stays live in the filters in front. */
export const holdFilter: HttpFilter = {
  name: "envoy.filters.http.fault",
  typed_config: {
    "@type": "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault",
    delay: { header_delay: {}, percentage: { numerator: 100 } },
    max_active_faults: 1_000_000,
  },
};

/** Streams that are held open until `release`. */
export interface HeldStreams {
  release(): void;
}

/** Opens streams that no answer comes for and waits until Envoy has them all. */
export async function holdStreams(bed: TestBed, lane: Lane, count: number): Promise<HeldStreams> {
  const sessions: ClientHttp2Session[] = [];
  const failures: string[] = [];
  const release = (): void => sessions.forEach((session) => session.destroy());
  const headers = {
    ":path": "/api/v1/orders?u=held",
    ...Object.fromEntries(sentHeaders),
    // Not the lane's: these requests are not among those that prove that the arm ran.
    "x-trading-operation": "held",
    "x-envoy-fault-delay-request": String(heldMillis),
  };
  for (let opened = 0; opened < count; opened += streamsPerSession) {
    const session = connect(bed.envoy.url(lane.name));
    session.on("error", (error) => failures.push(error.message));
    sessions.push(session);
    for (let stream = opened; stream < Math.min(count, opened + streamsPerSession); stream += 1) {
      session.request(headers).on("error", () => {});
    }
  }
  const labels = { envoy_http_conn_manager_prefix: lane.name };
  const held = async (): Promise<true | undefined> => {
    const [failure] = failures;
    if (failure !== undefined) throw new CliError(`a connection that holds streams failed: ${failure}`);
    const metrics = await bed.envoy.admin.metrics("downstream_rq_active");
    return metrics.sum("envoy_http_downstream_rq_active", labels) === count ? true : undefined;
  };
  try {
    await waitFor(`${count} streams were live in ${lane.name}`, held, {
      timeoutMillis: 120_000,
      intervalMillis: 100,
    });
  } catch (error) {
    release();
    throw error;
  }
  return { release };
}
