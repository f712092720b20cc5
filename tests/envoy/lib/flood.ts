import { connect, type ClientHttp2Session } from "node:http2";

/** Headers of one request, pseudo-headers aside. */
export type FloodHeaders = Readonly<Record<string, string>>;

const timeoutMillis = 30_000;

/** Sends requests over a few HTTP/2 connections, many at once on each, and waits for all answers. Gives their statuses. */
export async function flood(
  port: number,
  requests: Iterable<FloodHeaders>,
  { connections = 6, concurrency = 20 } = {},
): Promise<Map<number, number>> {
  const statuses = new Map<number, number>();
  const source = requests[Symbol.iterator]();
  const sessions = Array.from({ length: connections }, () => connect(`http://127.0.0.1:${port}`));
  const failed = new Promise<never>((_resolve, reject) => {
    for (const session of sessions) session.once("error", reject);
    setTimeout(
      () => reject(new Error(`the flood was not over within ${timeoutMillis / 1000} s`)),
      timeoutMillis,
    ).unref();
  });
  const lanes = sessions.flatMap((session) => Array.from({ length: concurrency }, () => session));
  try {
    await Promise.race([failed, Promise.all(lanes.map((session) => drive(session, source, statuses)))]);
  } finally {
    for (const session of sessions) session.destroy();
  }
  return statuses;
}

async function drive(
  session: ClientHttp2Session,
  source: Iterator<FloodHeaders>,
  statuses: Map<number, number>,
): Promise<void> {
  for (let next = source.next(); next.done !== true; next = source.next()) {
    const status = await send(session, next.value);
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
  }
}

function send(session: ClientHttp2Session, headers: FloodHeaders): Promise<number> {
  return new Promise((resolve) => {
    let status = 0;
    const stream = session.request({ ":path": "/", ":authority": "trading.test", ...headers });
    stream.once("response", (response) => (status = response[":status"] ?? 0));
    stream.on("error", () => undefined);
    stream.once("close", () => resolve(status));
    stream.resume();
  });
}
