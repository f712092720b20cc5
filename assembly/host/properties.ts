import { Text, textLength } from "../text/literal";
import { proxy_get_property, proxy_set_property } from "./abi";
import { Status, toStatus } from "./status";
import { returned } from "./value";

/** Reads a property; the segments of its path are separated by NUL. */
export function readProperty(path: Text): Status {
  return toStatus(proxy_get_property(path, textLength(path), returned, returned + 4));
}

/** Writes filter state `wasm.<name>` of the stream. */
export function writeFilterState(name: usize, nameLength: u32, value: usize, valueLength: u32): Status {
  return toStatus(proxy_set_property(name, nameLength, value, valueLength));
}
