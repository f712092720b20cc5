import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Extension, HttpFilter } from "../../scripts/lib/envoy/types.ts";
import type { Copy } from "./arm.ts";
import { userRate } from "./tickgate-arms.ts";

const extensions = "type.googleapis.com/envoy.extensions";
const luaScript = fileURLToPath(new URL("peers/lua/peer.lua", import.meta.url));

/** Labels that every arm writes, and where their values come from. The duration has all but the result. */
const tags = [
  { name: "symbol", value_format: "%REQ(x-trading-symbol)%" },
  { name: "order_type", value_format: "%REQ(x-order-type)%" },
  { name: "strategy_id", value_format: "%REQ(x-strategy-id)%" },
  { name: "operation", value_format: "%REQ(x-trading-operation)%" },
] as const;
const result = { name: "result", value_format: "%RESPONSE_CODE%" } as const;

/** Envoy's own limiter with a bucket for each user and room for all of them, so that it never forgets one. */
export function nativeLimit(copy: Copy, rate: "ample" | "exhausted" = "ample"): HttpFilter {
  const always = { default_value: { numerator: 100 } };
  // For requests without a user; Envoy wants one, there are none.
  const unlimited = { max_tokens: userRate.burst, tokens_per_fill: userRate.burst, fill_interval: "1s" };
  const ample = { max_tokens: userRate.burst, tokens_per_fill: userRate.limit, fill_interval: "1s" };
  const one = { max_tokens: 1, tokens_per_fill: 1, fill_interval: "3600s" };
  return {
    name: `local_ratelimit_${copy.index}`,
    typed_config: {
      "@type": `${extensions}.filters.http.local_ratelimit.v3.LocalRateLimit`,
      stat_prefix: copy.lane,
      token_bucket: unlimited,
      filter_enabled: always,
      filter_enforced: always,
      descriptors: [{ entries: [{ key: "user" }], token_bucket: rate === "ample" ? ample : one }],
      rate_limits: [{ actions: [{ request_headers: { header_name: "x-user-id", descriptor_key: "user" } }] }],
      max_dynamic_descriptors: copy.users + 1,
    },
  };
}

/** Envoy's own logger of statistics: one counter with five labels, one histogram with four. */
export function statsLogger({ lane }: Copy): Extension {
  return {
    name: "envoy.access_loggers.stats",
    typed_config: {
      "@type": `${extensions}.access_loggers.stats.v3.Config`,
      stat_prefix: `${lane}_stats`,
      counters: [{ stat: { name: "requests_total", tags: [...tags, result] }, value_fixed: 1 }],
      histograms: [
        {
          stat: { name: "request_duration_us", tags: [...tags] },
          unit: "Microseconds",
          value_format: "%COMMON_DURATION(DS_RX_BEG:DS_TX_END:us)%",
        },
      ],
    },
  };
}

/** The script of peers/lua. */
export function luaFilter({ index }: Copy): HttpFilter {
  return {
    name: `lua_${index}`,
    typed_config: {
      "@type": `${extensions}.filters.http.lua.v3.Lua`,
      default_source_code: { inline_string: readFileSync(luaScript, "utf8") },
    },
  };
}
