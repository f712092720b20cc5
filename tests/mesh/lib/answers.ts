import { request as plainRequest } from "node:http";
import { request as secureRequest } from "node:https";

const timeoutMillis = 2000;

/** True when a GET is answered with 2xx, else undefined: a probe for `waitFor`. Certificates of test servers are their own. */
export function answers(url: string, token?: string): Promise<true | undefined> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const options = { timeout: timeoutMillis, agent: false, headers, rejectUnauthorized: false } as const;
  return new Promise((resolve) => {
    const send = url.startsWith("https:") ? secureRequest : plainRequest;
    const request = send(url, options, (response) => {
      const { statusCode = 0 } = response.resume();
      resolve(statusCode >= 200 && statusCode < 300 ? true : undefined);
    });
    request.on("timeout", () => request.destroy());
    request.on("error", () => resolve(undefined));
    request.end();
  });
}
