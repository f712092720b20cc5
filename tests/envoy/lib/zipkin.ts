import { createServer } from "node:http";
import type { TestContext } from "node:test";
import { loopbackCluster } from "../../../scripts/lib/envoy/config.ts";
import type { Cluster } from "../../../scripts/lib/envoy/types.ts";
import { waitFor } from "../../../scripts/lib/process.ts";
import { portOf } from "./upstream.ts";

/** Tags of a span, by name. */
export type SpanTags = Readonly<Record<string, string>>;

/** A Zipkin collector on loopback, and what makes an Envoy send its spans there at once. */
export interface Collector {
  readonly cluster: Cluster;
  readonly bootstrap: Readonly<Record<string, unknown>>;
  /** `tracing` of a connection manager; the custom tags are access-log formats by tag. */
  tracing(customTags: Readonly<Record<string, string>>): Readonly<Record<string, unknown>>;
  /** Waits for this many spans; gives the tags of each. */
  spans(count: number): Promise<readonly SpanTags[]>;
}

/** Starts a collector of the Zipkin v2 API; it ends with the test. */
export async function startCollector(t: TestContext): Promise<Collector> {
  const collected: SpanTags[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8");
    request.on("data", (chunk: string) => (body += chunk));
    request.once("end", () => {
      collected.push(...tagsOf(JSON.parse(body)));
      response.writeHead(202).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    cluster: loopbackCluster("zipkin", portOf(server)),
    bootstrap: {
      layered_runtime: {
        layers: [
          {
            name: "spans at once",
            static_layer: { tracing: { zipkin: { min_flush_spans: 1, flush_interval_ms: 100 } } },
          },
        ],
      },
    },
    tracing,
    spans: (count) =>
      waitFor(`${count} spans came`, () => (collected.length >= count ? collected : undefined)),
  };
}

function tracing(customTags: Readonly<Record<string, string>>): Readonly<Record<string, unknown>> {
  return {
    provider: {
      name: "envoy.tracers.zipkin",
      typed_config: {
        "@type": "type.googleapis.com/envoy.config.trace.v3.ZipkinConfig",
        collector_cluster: "zipkin",
        collector_endpoint: "/api/v2/spans",
        collector_endpoint_version: "HTTP_JSON",
      },
    },
    random_sampling: { value: 100 },
    custom_tags: Object.entries(customTags).map(([tag, value]) => ({ tag, value })),
  };
}

function tagsOf(body: unknown): SpanTags[] {
  if (!Array.isArray(body)) throw new Error("Zipkin's API takes a list of spans");
  return body.map((span: { tags?: SpanTags }) => span.tags ?? {});
}
