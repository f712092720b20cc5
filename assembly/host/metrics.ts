import { proxy_define_metric, proxy_increment_metric, proxy_record_metric } from "./abi";
import { Status, toStatus } from "./status";

const out = memory.data(8);

/** Stands for "no metric". Envoy's ids count up from 4 in steps of 4, the kind in the low bits. */
export const NO_METRIC: u32 = 0xffffffff;

/** Makes a metric, or finds the one of that name. Returns its id in this VM, or `NO_METRIC` when the host refuses. */
export function defineMetric(kind: i32, name: usize, nameLength: u32): u32 {
  return proxy_define_metric(kind, name, nameLength, out) == 0 ? load<u32>(out) : NO_METRIC;
}

/** Adds to a counter. Envoy refuses 0. */
export function addToCounter(metric: u32, amount: u64): Status {
  return toStatus(proxy_increment_metric(metric, <i64>amount));
}

/** Sets a gauge, or adds one value to a histogram. */
export function recordValue(metric: u32, value: u64): Status {
  return toStatus(proxy_record_metric(metric, value));
}
