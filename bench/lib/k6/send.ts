import { request, type RefinedResponse, type ResponseType } from "k6/http";
import { Rate, Trend } from "k6/metrics";
import type { TradingRequest } from "../../../scripts/sample/traffic-mix.ts";

export type Answer = RefinedResponse<ResponseType>;

/** How an answer is counted. */
export interface Counting {
  /** The population it belongs to; one whose name begins with "warm-up" is left out of the figures. */
  readonly population: string;
  /** Slice of time, paired with the same slice of another population. */
  readonly round?: number;
  /** What is wrong with the answer, in few distinct words; "": nothing. */
  readonly fault: (answer: Answer) => string;
}

const waiting = new Trend("waiting_us");
const unexpected = new Rate("unexpected");

/** Sends one request, records its latency (`http_req_waiting` in microseconds) and whether the answer was as it must be. */
export function send(
  base: string,
  { method, path, headers, body }: TradingRequest,
  counting: Counting,
): Answer {
  const answer = request(method, `${base}${path}`, body ?? null, { headers });
  const fault = answer.status === 0 ? `no answer (error ${answer.error_code})` : counting.fault(answer);
  const { population, round = 0 } = counting;
  waiting.add(answer.timings.waiting * 1000, {
    population,
    round: String(round),
    status: String(answer.status),
    ...(fault !== "" && { fault }),
  });
  unexpected.add(fault !== "", { population });
  return answer;
}

/** A judge that takes these statuses for right. */
export function statusIn(...statuses: readonly number[]): (answer: Answer) => string {
  return ({ status }) => (statuses.includes(status) ? "" : `status ${status}`);
}
