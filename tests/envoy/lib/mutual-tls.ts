import type { TestContext } from "node:test";
import { bootstrap, httpListener, loopbackCluster } from "../../../scripts/lib/envoy/config.ts";
import { startEnvoy, type RunningEnvoy } from "../../../scripts/lib/envoy/run.ts";
import type { Extension } from "../../../scripts/lib/envoy/types.ts";
import { makeAuthority, type Authority, type Certificate } from "./certificates.ts";
import { startGateway, type Gateway, type GatewayOptions } from "./gateway.ts";
import { rawRequest, type RawHeaders, type RawResponse } from "./raw.ts";

const tls = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3";

/** Tickgate behind mutual TLS, and an Envoy in front that speaks to it as each of the peers. */
export class Mesh {
  readonly server: Gateway;
  private readonly front: RunningEnvoy;

  constructor(server: Gateway, front: RunningEnvoy) {
    this.server = server;
    this.front = front;
  }

  /** Sends one request through the front Envoy, which presents the certificate of this peer. */
  as(peer: string, headers: RawHeaders, options?: Parameters<typeof rawRequest>[2]): Promise<RawResponse> {
    return rawRequest(this.front.port(peer), headers, options);
  }
}

/** Starts both Envoys. `peers`: SPIFFE ids by name; the peer `nobody` presents no certificate. */
export async function startMesh(
  t: TestContext,
  peers: Readonly<Record<string, string>>,
  options: GatewayOptions,
): Promise<Mesh> {
  const authority = await makeAuthority(t);
  const server = await startGateway(t, {
    ...options,
    listener: {
      ...options.listener,
      transportSocket: downstreamTls(
        authority,
        await authority.issue("spiffe://mesh.test/ns/trading/sa/orders"),
      ),
    },
  });
  const sockets: Record<string, Extension> = { nobody: upstreamTls(authority) };
  for (const [name, id] of Object.entries(peers))
    sockets[name] = upstreamTls(authority, await authority.issue(id));
  const names = Object.keys(sockets);
  const front = await startEnvoy({
    concurrency: 1,
    config: bootstrap({
      listeners: names.map((name) => httpListener({ name, target: { cluster: name } })),
      clusters: names.map((name) =>
        loopbackCluster(name, server.port, { http2: true, fields: { transport_socket: sockets[name] } }),
      ),
    }),
  });
  t.after(() => front.stop());
  return new Mesh(server, front);
}

function downstreamTls(authority: Authority, own: Certificate): Extension {
  return {
    name: "envoy.transport_sockets.tls",
    typed_config: { "@type": `${tls}.DownstreamTlsContext`, common_tls_context: context(authority, own) },
  };
}

function upstreamTls(authority: Authority, own?: Certificate): Extension {
  const common = { ...context(authority, own), alpn_protocols: ["h2"] };
  return {
    name: "envoy.transport_sockets.tls",
    typed_config: { "@type": `${tls}.UpstreamTlsContext`, common_tls_context: common },
  };
}

function context(authority: Authority, own?: Certificate): Record<string, unknown> {
  return {
    alpn_protocols: ["h2"],
    ...(own && {
      tls_certificates: [
        { certificate_chain: { filename: own.certificate }, private_key: { filename: own.key } },
      ],
    }),
    validation_context: { trusted_ca: { filename: authority.root } },
  };
}
