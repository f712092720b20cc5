import { CliError } from "../cli.ts";
import { parseMetrics, type Metrics } from "../prometheus.ts";

/** Envoy's admin interface. */
export class EnvoyAdmin {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;

  constructor(url: string) {
    this.url = url;
  }

  /** Whether Envoy is serving; false while it starts, drains or cannot be reached. */
  async isReady(): Promise<boolean> {
    try {
      const response = await fetch(`${this.url}/ready`);
      await response.text();
      return response.ok;
    } catch {
      return false;
    }
  }

  /** The text of `/stats/prometheus`; with `filter`, only stats whose Envoy name matches that regular expression. */
  prometheusText(filter?: string): Promise<string> {
    return this.get(
      filter === undefined ? "/stats/prometheus" : `/stats/prometheus?filter=${encode(filter)}`,
    );
  }

  /** One scrape. Histograms show what the last flush has merged, up to `stats_flush_interval` ago. */
  async metrics(filter?: string): Promise<Metrics> {
    return parseMetrics(await this.prometheusText(filter));
  }

  /** Counters and gauges by their Envoy names. */
  async stats(filter = ""): Promise<Map<string, number>> {
    const stats = new Map<string, number>();
    for (const line of (await this.get(`/stats?filter=${encode(filter)}`)).split("\n")) {
      const at = line.lastIndexOf(": ");
      if (at > 0 && /^\d+$/.test(line.slice(at + 2)))
        stats.set(line.slice(0, at), Number(line.slice(at + 2)));
    }
    return stats;
  }

  /** Ports of the listeners that are up, by listener name. */
  async listenerPorts(): Promise<Map<string, number>> {
    const ports = new Map<string, number>();
    for (const line of (await this.get("/listeners")).split("\n")) {
      const [, name, port] = /^(.+)::.*:(\d+)$/.exec(line) ?? [];
      if (name !== undefined) ports.set(name, Number(port));
    }
    return ports;
  }

  /** The whole of `/config_dump`. */
  async configDump(): Promise<unknown> {
    return JSON.parse(await this.get("/config_dump"));
  }

  /** Closes listeners; with `graceful`, after the drain time. */
  async drain({ graceful = false } = {}): Promise<void> {
    await this.post(graceful ? "/drain_listeners?graceful" : "/drain_listeners");
  }

  /** Sets the level of one logger (`wasm`), or of all. */
  async setLogLevel(level: string, logger = "level"): Promise<void> {
    await this.post(`/logging?${encode(logger)}=${encode(level)}`);
  }

  /** Asks Envoy to exit. */
  async quit(): Promise<void> {
    await this.post("/quitquitquit");
  }

  /** Body of any other admin page. */
  get(path: string): Promise<string> {
    return this.request(path, "GET");
  }

  /** Any other admin action. */
  post(path: string): Promise<string> {
    return this.request(path, "POST");
  }

  private async request(path: string, method: "GET" | "POST"): Promise<string> {
    const response = await fetch(`${this.url}${path}`, { method }).catch((error: unknown) => {
      const cause =
        error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
      throw new CliError(`Envoy's admin at ${this.url} does not answer: ${cause}`);
    });
    const body = await response.text();
    if (!response.ok)
      throw new CliError(`Envoy's admin answers ${response.status} to ${path}: ${body.trim()}`);
    return body;
  }
}

function encode(text: string): string {
  return encodeURIComponent(text);
}
