import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import type { HeaderValue, HeadersInit, Stream } from "../../../scripts/lib/emulator/index.ts";
import { waitFor } from "../../../scripts/lib/process.ts";
import { earlyReply } from "./filters.ts";
import { answerGrpc, callGrpc, message, startGrpcUpstream } from "./grpc.ts";
import { openSocket, type RawHeaders } from "./raw.ts";
import type { Scenario } from "./parity.ts";
import { startUpstream } from "./upstream.ts";

/** Request headers as Envoy's connection manager gives them to filters, for what the probe looks at. */
export function requestHeaders(
  headers: readonly (readonly [string, HeaderValue])[] = [],
  { method = "GET", path = "/" } = {},
): HeadersInit {
  return [
    [":authority", "trading.test"],
    [":path", path],
    [":method", method],
    [":scheme", "http"],
    ...headers,
    ["x-forwarded-proto", "http"],
    ["x-request-id", "00000000-0000-0000-0000-000000000000"],
  ];
}

const twice: RawHeaders = [
  ["X-P-Twice", "1"],
  ["x-p-twice", "2"],
  ["X-P-Empty", ""],
];

/** The upstream's answer to a request as Envoy hands it to filters: body and end apart. */
function answer(stream: Stream, body: string): void {
  stream.responseHeaders({ "content-type": "text/plain" }, false);
  stream.responseBody(body, false);
  stream.upstreamEnd();
  stream.responseBody("", true);
  stream.end();
}

function exchange(stream: Stream): void {
  stream.requestHeaders(requestHeaders());
  answer(stream, "/\n");
}

/** A request that is answered by the upstream, with headers in several copies. */
export function plain(flags: string): Scenario {
  return {
    name: `a plain request, ${flags}`,
    flags,
    streams: 1,
    async real({ gateway }) {
      await gateway.send(twice, { path: "/a?b=c" });
    },
    emulated({ stream }) {
      const one = stream();
      one.requestHeaders(requestHeaders(twice, { path: "/a?b=c" }));
      answer(one, "/a?b=c\n");
    },
  };
}

/** A request with a body over HTTP/1.1. */
export function withBody(flags: string): Scenario {
  return {
    name: `a request with a body, ${flags}`,
    flags,
    streams: 1,
    async real({ gateway }) {
      await gateway.send([], { method: "POST", body: "12345" });
    },
    emulated({ stream }) {
      const one = stream();
      one.requestHeaders(requestHeaders([["content-length", "5"]], { method: "POST" }), false);
      one.requestBody("12345", false);
      one.requestBody("", true);
      answer(one, "/\n");
    },
  };
}

/** A gRPC call over HTTP/2, with trailers both ways. */
export function grpcCall(flags: string): Scenario {
  const call = [
    ["content-type", "application/grpc"],
    ["te", "trailers"],
  ] as const;
  const arrival = new EventEmitter();
  const after = once(arrival, "headers");
  return {
    name: `a gRPC call with trailers, ${flags}`,
    flags,
    streams: 1,
    async gateway(t) {
      const port = await startGrpcUpstream(t, (stream) => {
        arrival.emit("headers");
        stream.resume().once("end", () => answerGrpc(stream, 5, { "x-p-trailer": "t" }));
      });
      return { upstream: { ...(await startUpstream(t)), port }, http2Upstream: true };
    },
    async real({ gateway }) {
      const { status } = await callGrpc(
        gateway.port,
        "/s/m",
        {},
        { trailers: { "x-p-trailer": "r" }, after },
      );
      assert.equal(status, 5);
    },
    emulated({ stream }) {
      const one = stream("HTTP/2");
      one.requestHeaders(requestHeaders(call, { method: "POST", path: "/s/m" }), false);
      one.upstreamReady();
      one.requestBody(message, false);
      one.requestTrailers({ "x-p-trailer": "r" });
      one.responseHeaders({ "content-type": "application/grpc" }, false);
      one.responseBody(message, false);
      one.upstreamEnd();
      one.responseTrailers({ "grpc-status": "5", "x-p-trailer": "t" });
      one.end();
    },
  };
}

/** The probe's first callbacks are those of the stream's end. */
export function answeredEarlier(flags: string): Scenario {
  return {
    name: `an earlier filter's reply, ${flags}`,
    flags,
    streams: 1,
    gateway: async () => ({ before: [earlyReply] }),
    async real({ gateway }) {
      assert.equal((await gateway.send([["x-early", "403"]])).status, 403);
    },
    emulated({ stream }) {
      const one = stream();
      one.answeredEarlier(requestHeaders([["x-early", "403"]]), {
        status: 403,
        body: "early",
        details: "lua_response",
      });
      one.end();
    },
  };
}

/** The probe answers itself: plainly, or to a gRPC call. */
export function ownReply(flags: string, grpc: boolean): Scenario {
  const headers: RawHeaders = grpc
    ? [
        ["x-act", "grpc"],
        ["content-type", "application/grpc"],
      ]
    : [["x-act", "reply"]];
  return {
    name: `the probe's own reply${grpc ? " to a gRPC call" : ""}, ${flags}`,
    flags,
    streams: 1,
    async real({ gateway }) {
      const { status, headers: seen, body } = await gateway.send(headers);
      assert.equal(status, grpc ? 200 : 429);
      assert.equal(seen["x-p-reply"], "r");
      assert.equal(body, grpc ? "" : "no!");
      if (grpc) assert.deepEqual([seen["grpc-status"], seen["grpc-message"]], ["8", "no!"]);
    },
    emulated({ stream }) {
      const one = stream();
      one.requestHeaders(requestHeaders(headers));
      const { response } = one.end();
      assert.equal(response.status, grpc ? 200 : 429);
      assert.equal(response.headers?.get("x-p-reply"), "r");
      assert.equal(response.body, grpc ? "" : "no!");
      if (!grpc) return;
      assert.equal(response.headers?.get("grpc-status"), "8");
      assert.equal(response.headers?.get("grpc-message"), "no!");
    },
  };
}

/** The upstream breaks the connection: the router answers. */
export function upstreamReset(flags: string): Scenario {
  return {
    name: `an upstream that resets, ${flags}`,
    flags,
    streams: 1,
    async real({ gateway }) {
      gateway.upstream.server.prependListener("request", (request) => request.socket.destroy());
      assert.equal((await gateway.send()).status, 503);
    },
    emulated({ plugin, streamOptions }) {
      plugin.worker().request({ ...streamOptions, headers: requestHeaders(), upstream: { kind: "reset" } });
    },
  };
}

/** Nobody listens: the router answers without ever having had a connection. */
export function upstreamAbsent(flags: string): Scenario {
  return {
    name: `no upstream, ${flags}`,
    flags,
    streams: 1,
    async real({ gateway }) {
      gateway.upstream.server.close();
      assert.equal((await gateway.send()).status, 503);
    },
    emulated({ plugin, streamOptions }) {
      plugin
        .worker()
        .request({ ...streamOptions, headers: requestHeaders(), upstream: { kind: "unreachable" } });
    },
  };
}

/** The caller leaves before there is a response. */
export function callerGone(flags: string): Scenario {
  return {
    name: `a caller that goes away, ${flags}`,
    flags,
    streams: 1,
    async real({ gateway }) {
      gateway.upstream.server.removeAllListeners("request");
      const held = new Promise((resolve) => gateway.upstream.server.once("request", resolve));
      const socket = await openSocket(gateway.port);
      socket.write("GET / HTTP/1.1\r\nhost: trading.test\r\n\r\n");
      await held;
      socket.destroy();
    },
    emulated({ plugin, streamOptions }) {
      plugin
        .worker()
        .request({ ...streamOptions, headers: requestHeaders(), upstream: { kind: "disconnect" } });
    },
  };
}

/** A trap kills the VM, FAIL_RELOAD brings a new one. */
export function trapAndReload(flags: string): Scenario {
  return {
    name: `a trap and the reload, ${flags}`,
    flags,
    streams: 2,
    gateway: async () => ({ filter: { failurePolicy: "FAIL_RELOAD" } }),
    load: { failurePolicy: "FAIL_RELOAD" },
    async real({ gateway }) {
      assert.equal((await gateway.send()).status, 200);
      assert.equal((await gateway.send([["x-act", "trap"]])).status, 503);
      await waitFor("the VM was made anew", async () => (await gateway.send()).status === 200 || undefined);
    },
    emulated({ proxy, stream }) {
      exchange(stream());
      const trapped = stream();
      trapped.requestHeaders(requestHeaders([["x-act", "trap"]]));
      assert.equal(trapped.end().status, 503);
      proxy.advance(2000);
      exchange(stream());
    },
  };
}

/** Updates: one that is taken, one that is refused, and the end of old roots. */
export function updates(): Scenario {
  return {
    name: "updates, one of them refused",
    flags: "s",
    streams: 3,
    async real({ gateway, update }) {
      await gateway.send();
      assert.equal(await update("C"), "accepted");
      // The worker lets go of the old root some time after it has begun to use the new one.
      await gateway.logged(/vm3 delete 1:/);
      await gateway.send();
      assert.equal(await update("X"), "rejected");
      await gateway.send();
      assert.equal(await update("s"), "accepted");
      await gateway.logged(/vm3 delete 3:/);
      await gateway.logged(/vm2 delete 2:/);
    },
    emulated({ plugin, stream }) {
      exchange(stream());
      plugin.update({ configuration: "C" });
      exchange(stream());
      assert.throws(() => plugin.update({ configuration: "X" }));
      exchange(stream());
      plugin.update({ configuration: "s" });
    },
  };
}
