import { request, type IncomingHttpHeaders } from "node:http";
import { CliError } from "../../../scripts/lib/cli.ts";

/** What is asked: by default GET / without further headers. */
export interface Asked {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An answer. */
export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

const timeoutMillis = 10_000;

/** One HTTP/1.1 request on a connection of its own, so that it meets the listener as it is now. */
export function fetchOnce(
  place: { readonly host: string; readonly port: number },
  { method = "GET", path = "/", headers = {} }: Asked,
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const sent = request({ ...place, method, path, headers, agent: false }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => (body += chunk));
      response.once("error", reject);
      response.once("end", () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
      );
    });
    sent.setTimeout(timeoutMillis, () => {
      sent.destroy(
        new CliError(`${place.host}:${place.port}${path}: no answer within ${timeoutMillis / 1000} s`),
      );
    });
    sent.once("error", reject);
    sent.end();
  });
}
