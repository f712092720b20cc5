import type { HttpFilter } from "../../../scripts/lib/envoy/types.ts";

/** Answers a request with the status in its `x-early`, before the filters behind it have seen it. */
export const earlyReply: HttpFilter = {
  name: "lua",
  typed_config: {
    "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
    default_source_code: {
      inline_string: `function envoy_on_request(handle)
        local status = handle:headers():get("x-early")
        if status ~= nil then handle:respond({[":status"] = status}, "early") end
      end`,
    },
  },
};
