import { Text, textLength } from "../text/literal";
import {
  proxy_get_header_map_pairs,
  proxy_get_header_map_value,
  proxy_replace_header_map_value,
} from "./abi";
import { Status, toStatus } from "./status";
import { returned } from "./value";

/** Reads a whole header map as a pair blob (`trading/headers.ts` reads it). NotFound: there is no such map. */
export function readPairs(map: i32): Status {
  const status = toStatus(proxy_get_header_map_pairs(map, returned, returned + 4));
  // Envoy gives an empty map as zero bytes at address 0.
  return status == Status.Ok && load<u32>(returned, 4) == 0 ? Status.NotFound : status;
}

/** Reads the first copy of one header. */
export function readHeader(map: i32, name: Text): Status {
  return toStatus(proxy_get_header_map_value(map, name, textLength(name), returned, returned + 4));
}

/** Sets one header, all former copies replaced. */
export function writeHeader(map: i32, name: usize, nameLength: u32, value: usize, valueLength: u32): Status {
  return toStatus(proxy_replace_header_map_value(map, name, nameLength, value, valueLength));
}
