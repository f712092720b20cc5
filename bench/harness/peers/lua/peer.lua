-- As much of the filter's work as a script can do in a request: the headers of three labels and of the user are read,
-- a bucket a user is kept in a table of this worker. A script can make no metrics.
local MILLIS_PER_REQUEST = 100
local BURST = 1000000
local full_at = {}

function envoy_on_request(handle)
  local headers = handle:headers()
  local symbol = headers:get("x-trading-symbol")
  local order_type = headers:get("x-order-type")
  local strategy = headers:get("x-strategy-id")
  local user = headers:get("x-user-id")
  if user == nil then
    return
  end
  local now = handle:timestamp()
  local charged = math.max(full_at[user] or 0, now) + MILLIS_PER_REQUEST
  if charged > now + BURST * MILLIS_PER_REQUEST then
    handle:respond({ [":status"] = "429", ["retry-after"] = "1" }, "")
    return
  end
  full_at[user] = charged
end
