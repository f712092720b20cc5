// The filter's work on the published SDK's Context classes: five labels, a counter, a histogram, an exact quota a user
// in shared data. One root context a VM is all this SDK supports: every copy needs a VM of its own.
export * from "@gcoredev/proxy-wasm-sdk-as/assembly/proxy";
import {
  Context,
  Counter,
  FilterHeadersStatusValues,
  get_current_time_nanoseconds,
  get_shared_data,
  GrpcStatusValues,
  Histogram,
  makeHeaderPair,
  registerRootContext,
  RootContext,
  send_local_response,
  set_shared_data,
  stream_context,
  WasmResultValues,
} from "@gcoredev/proxy-wasm-sdk-as/assembly";

const NANOS_PER_REQUEST: u64 = 100000000;
const BURST: u64 = 1000000;
const TRIES = 16;

const counters = new Map<string, Counter>();
const histograms = new Map<string, Histogram>();

class PeerRoot extends RootContext {
  createContext(id: u32): Context {
    return new Request(id, this);
  }
}

class Request extends Context {
  private labels: string = "";
  private begun: u64 = 0;
  private denied: bool = false;

  constructor(id: u32, root: PeerRoot) {
    super(id, root);
  }

  onRequestHeaders(_count: u32, _end: bool): FilterHeadersStatusValues {
    this.begun = get_current_time_nanoseconds();
    const headers = stream_context.headers.request;
    const symbol = headers.get("x-trading-symbol");
    const orderType = headers.get("x-order-type");
    const strategy = headers.get("x-strategy-id");
    const operation = headers.get("x-trading-operation");
    this.labels = `symbol=.=${symbol};.;order_type=.=${orderType};.;strategy_id=.=${strategy};.;operation=.=${operation};.;`;
    if (admits(headers.get("x-user-id"), this.begun)) return FilterHeadersStatusValues.Continue;
    this.denied = true;
    send_local_response(
      429,
      "peer_quota_denied",
      new ArrayBuffer(0),
      [makeHeaderPair("retry-after", "1")],
      GrpcStatusValues.InvalidCode,
    );
    return FilterHeadersStatusValues.StopIteration;
  }

  onLog(): void {
    const result = this.denied ? "quota_denied" : resultOf(stream_context.headers.response.get(":status"));
    const micros = (get_current_time_nanoseconds() - this.begun) / 1000;
    counterOf(`sdk_requests_total.${this.labels}result=.=${result};.;`).increment(1);
    const histogram = histogramOf(`sdk_request_duration_us.${this.labels}`);
    histogram.record(histogram.metric_id, micros);
  }
}

/** GCRA: the bucket is the time at which it is full again. A request for which the store fails passes. */
function admits(user: string, now: u64): bool {
  for (let tries = 0; tries < TRIES; tries++) {
    const found = get_shared_data(user);
    const bucket = found.value;
    const known = found.result == WasmResultValues.Ok && bucket != null;
    const fullAt: u64 = known ? load<u64>(changetype<usize>(bucket)) : 0;
    const charged = max(fullAt, now) + NANOS_PER_REQUEST;
    if (charged > now + BURST * NANOS_PER_REQUEST) return false;
    const value = new ArrayBuffer(8);
    store<u64>(changetype<usize>(value), charged);
    if (set_shared_data(user, value, known ? found.cas : 0) != WasmResultValues.CasMismatch) return true;
  }
  return true;
}

function resultOf(status: string): string {
  const first = status.length > 0 ? status.charCodeAt(0) : 0;
  if (first == 0x34) return "client_error";
  if (first == 0x35) return "server_error";
  return first == 0 ? "aborted" : "ok";
}

function counterOf(name: string): Counter {
  if (counters.has(name)) return counters.get(name);
  const counter = new Counter(name);
  counters.set(name, counter);
  return counter;
}

function histogramOf(name: string): Histogram {
  if (histograms.has(name)) return histograms.get(name);
  const histogram = new Histogram(name);
  histograms.set(name, histogram);
  return histogram;
}

registerRootContext((_id: u32) => new PeerRoot(0), "peer");
