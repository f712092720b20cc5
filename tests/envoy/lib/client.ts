import { Agent, request, type IncomingHttpHeaders } from "node:http";
import type { TestContext } from "node:test";

/** A whole response. */
export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** What to send beside the headers. */
export interface SendOptions {
  readonly method?: string;
  readonly path?: string;
  readonly body?: string;
}

/** A client that keeps its connections, `connections` at most; with 0 every request has a connection of its own. */
export class Client {
  private readonly port: number;
  private readonly agent: Agent;

  constructor(t: TestContext, port: number, connections = 1) {
    this.port = port;
    this.agent = connections === 0 ? new Agent() : new Agent({ keepAlive: true, maxSockets: connections });
    t.after(() => this.agent.destroy());
  }

  /** Sends one request and reads the response to its end. */
  send(headers: Readonly<Record<string, string | string[]>>, options: SendOptions = {}): Promise<Reply> {
    const { method = "GET", path = "/", body } = options;
    return new Promise((resolve, reject) => {
      const sent = request({ host: "127.0.0.1", port: this.port, agent: this.agent, method, path, headers });
      sent.once("error", reject);
      sent.once("response", (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => (text += chunk));
        response.once("error", reject);
        response.once("end", () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
        );
      });
      sent.end(body);
    });
  }
}
