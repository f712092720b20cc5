import type { ByteString } from "./bytes.ts";
import type { HeaderMap } from "./headers.ts";

/** The downstream connection a stream came on. */
export interface Connection {
  /** Whether the peer showed a certificate: `connection.mtls`. Default: true when a peer URI is given. */
  readonly mtls?: boolean;
  /** `connection.uri_san_peer_certificate`, e.g. `spiffe://cluster.local/ns/a/sa/b`. Absent: NotFound. */
  readonly uriSanPeerCertificate?: string;
  readonly id?: bigint;
}

/** Where and when a stream began. All times are of the monotonic clock, in ns, but for `startWall`. */
export interface StreamOrigin {
  readonly connection: Connection;
  readonly protocol: string;
  readonly startMonotonic: bigint;
  readonly startWall: bigint;
  /** Values of the plugin and the process, by dotted path: `plugin_name`, `xds.node.id`, ... */
  readonly pluginProperties: ReadonlyMap<ByteString, ByteString>;
}

/** What Envoy knows about a stream, as far as properties show it. */
export class StreamInfo {
  readonly origin: StreamOrigin;
  /** Values a test supplies, by dotted path; they win over what the emulator derives. */
  readonly properties = new Map<ByteString, ByteString>();
  /** By full key, `wasm.` included. */
  readonly filterState = new Map<ByteString, ByteString>();
  /** The maps that outlive the callbacks: what `proxy_on_log` reads. */
  requestHeaders: HeaderMap | undefined;
  responseHeaders: HeaderMap | undefined;
  responseTrailers: HeaderMap | undefined;
  responseCode: number | undefined;
  codeDetails: ByteString | undefined;
  responseFlags = 0n;
  bytesReceived = 0;
  bytesSent = 0;
  /** When the request left the filters: the router has it. */
  routedAt: bigint | undefined;
  /** When a connection to the upstream was ready for this stream. */
  upstreamReadyAt: bigint | undefined;
  /** When the upstream's last byte arrived. */
  upstreamEndAt: bigint | undefined;
  /** When the stream was over; set before `proxy_on_log`. */
  completeAt: bigint | undefined;

  constructor(origin: StreamOrigin) {
    this.origin = origin;
  }
}
