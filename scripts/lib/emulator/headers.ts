import { lowerCase, toByteString, type ByteString } from "./bytes.ts";

export type HeaderValue = string | Uint8Array;

/** What a test may give as headers: an ordered list, an object, or a finished map (copied). */
export type HeadersInit = HeaderMap | HeaderList | HeaderObject;

const FORBIDDEN = /[\0\r\n]/;

/**
 * Headers Envoy holds in a fixed place ("inline", envoy/http/header_map.h): a second copy is appended to the
 * first with a comma. The list is the part of Envoy's that a filter is likely to meet.
 */
const JOINED = new Set([
  ":authority",
  ":method",
  ":path",
  ":protocol",
  ":scheme",
  ":status",
  "connection",
  "content-length",
  "content-type",
  "date",
  "expect",
  "grpc-message",
  "grpc-status",
  "grpc-timeout",
  "keep-alive",
  "proxy-connection",
  "server",
  "te",
  "transfer-encoding",
  "upgrade",
  "user-agent",
  "via",
  "x-envoy-attempt-count",
  "x-envoy-decorator-operation",
  "x-envoy-expected-rq-timeout-ms",
  "x-envoy-external-address",
  "x-envoy-internal",
  "x-envoy-ratelimited",
  "x-envoy-upstream-rq-timeout-ms",
  "x-envoy-upstream-service-time",
  "x-forwarded-client-cert",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-port",
  "x-forwarded-proto",
  "x-request-id",
]);

type HeaderList = readonly (readonly [string, HeaderValue])[];
type HeaderObject = Readonly<Record<string, HeaderValue | readonly string[]>>;

function isList(init: HeaderList | HeaderObject): init is HeaderList {
  return Array.isArray(init);
}

function entries(init: HeaderList | HeaderObject): HeaderList {
  if (isList(init)) return init;
  return Object.entries(init).flatMap(([name, value]) => {
    if (typeof value === "string" || value instanceof Uint8Array) return [[name, value] as const];
    return value.map((one) => [name, one] as const);
  });
}

/** An ordered header map: names in lower case, several copies of a name allowed, everything byte strings. */
export class HeaderMap {
  readonly #names: ByteString[] = [];
  readonly #values: ByteString[] = [];

  /** Throws RangeError for a name or value with NUL, CR or LF: Envoy's codecs refuse such a message. */
  static from(init: HeadersInit): HeaderMap {
    if (init instanceof HeaderMap) return init.copy();
    const map = new HeaderMap();
    for (const [name, value] of entries(init)) {
      const bytes = toByteString(value);
      if (FORBIDDEN.test(name) || FORBIDDEN.test(bytes)) {
        throw new RangeError(
          `header ${JSON.stringify(name)} holds NUL, CR or LF: Envoy refuses it before a filter`,
        );
      }
      map.add(lowerCase(toByteString(name)), bytes);
    }
    return map;
  }

  copy(): HeaderMap {
    const copy = new HeaderMap();
    for (let i = 0; i < this.#names.length; i++) copy.#push(this.name(i), this.value(i));
    return copy;
  }

  /** The number of entries. */
  get length(): number {
    return this.#names.length;
  }

  name(index: number): ByteString {
    return this.#names[index] ?? "";
  }

  value(index: number): ByteString {
    return this.#values[index] ?? "";
  }

  /** The first value of a lower-case name, or undefined. */
  get(name: ByteString): ByteString | undefined {
    const index = this.#names.indexOf(name);
    return index < 0 ? undefined : this.#values[index];
  }

  /** All values of a name, in order. */
  getAll(name: ByteString): ByteString[] {
    return this.#values.filter((_, index) => this.#names[index] === name);
  }

  add(name: ByteString, value: ByteString): void {
    const index = JOINED.has(name) ? this.#names.indexOf(name) : -1;
    if (index >= 0) this.#values[index] = `${this.value(index)},${value}`;
    else this.#push(name, value);
  }

  /** Removes every copy and adds one at the end. */
  replace(name: ByteString, value: ByteString): void {
    this.remove(name);
    this.#push(name, value);
  }

  remove(name: ByteString): void {
    for (let i = this.#names.length - 1; i >= 0; i--) {
      if (this.#names[i] !== name) continue;
      this.#names.splice(i, 1);
      this.#values.splice(i, 1);
    }
  }

  clear(): void {
    this.#names.length = 0;
    this.#values.length = 0;
  }

  /** Bytes of all names and values: Envoy's `byteSize`. */
  get byteSize(): number {
    let size = 0;
    for (let i = 0; i < this.#names.length; i++) size += this.name(i).length + this.value(i).length;
    return size;
  }

  toArray(): [ByteString, ByteString][] {
    return this.#names.map((name, index) => [name, this.value(index)]);
  }

  // Pseudo-headers come first, as on the wire.
  #push(name: ByteString, value: ByteString): void {
    const last = this.#names.length;
    if (last === 0 || !name.startsWith(":") || this.name(last - 1).startsWith(":")) {
      this.#names.push(name);
      this.#values.push(value);
      return;
    }
    const place = this.#names.findIndex((other) => !other.startsWith(":"));
    this.#names.splice(place, 0, name);
    this.#values.splice(place, 0, value);
  }
}
