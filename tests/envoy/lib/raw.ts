import { connect, type Socket } from "node:net";

/** A response as it came over the wire; header names in lower case, the last copy of each. */
export interface RawResponse {
  /** 0: the connection ended without a response. */
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A header list in wire order: names keep their case, values are bytes, one character each. */
export type RawHeaders = readonly (readonly [string, string])[];

const timeoutMillis = 10_000;

/** Sends one HTTP/1.1 request byte for byte and reads the response, or until the connection closes. */
export async function rawRequest(
  port: number,
  headers: RawHeaders,
  { method = "GET", path = "/", body = "" } = {},
): Promise<RawResponse> {
  const fixed: RawHeaders = [
    ["Host", "trading.test"],
    ["Connection", "close"],
    ...(body === "" ? [] : [["Content-Length", String(body.length)] as const]),
  ];
  const lines = [...fixed, ...headers].map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const socket = await openSocket(port);
  socket.write(`${method} ${path} HTTP/1.1\r\n${lines}\r\n${body}`, "latin1");
  return parse(await readToEnd(socket));
}

/** A TCP connection to a loopback port. */
export function openSocket(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.removeListener("error", reject);
      // Whoever waits for data learns of a broken connection by its end.
      socket.on("error", () => undefined);
      resolve(socket);
    });
  });
}

function readToEnd(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(`no whole response within ${timeoutMillis / 1000} s, only: ${text.slice(0, 200)}`));
    }, timeoutMillis);
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString("latin1");
      // After a reply of its own Envoy keeps the connection open for a second.
      if (isWhole(text)) socket.destroy();
    });
    socket.once("close", () => {
      clearTimeout(timer);
      resolve(text);
    });
  });
}

function isWhole(text: string): boolean {
  const { status, headers, body } = parse(text);
  if (status === 0) return false;
  if (status === 204 || status === 304) return true;
  if (headers["transfer-encoding"] === "chunked") return body.endsWith("0\r\n\r\n");
  const length = headers["content-length"];
  return length !== undefined && body.length >= Number(length);
}

function parse(text: string): RawResponse {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return { status: 0, headers: {}, body: "" };
  const [first = "", ...lines] = text.slice(0, end).split("\r\n");
  const pairs = lines.map((line) => {
    const at = line.indexOf(":");
    return [line.slice(0, at).toLowerCase(), line.slice(at + 1).trim()] as const;
  });
  return {
    status: Number(/^HTTP\/1\.1 (\d+)/.exec(first)?.[1] ?? 0),
    headers: Object.fromEntries(pairs),
    body: text.slice(end + 4),
  };
}
