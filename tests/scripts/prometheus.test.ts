import assert from "node:assert/strict";
import { test } from "node:test";
import { parseMetrics, quantile, type Histogram } from "../../scripts/lib/prometheus.ts";

const scrape = parseMetrics(`# TYPE trading_requests_total counter
trading_requests_total{symbol="BTC-USD",operation="quote",result="ok"} 5
trading_requests_total{symbol="BTC-USD",operation="place_order",result="ok"} 2
trading_requests_total{symbol="ETH-USD",operation="quote",result="client_error"} 10

# TYPE tickgate_series gauge
tickgate_series{} 3

# TYPE trading_request_duration_us histogram
trading_request_duration_us_bucket{operation="a",le="100"} 1
trading_request_duration_us_bucket{operation="a",le="1000"} 3
trading_request_duration_us_bucket{operation="a",le="+Inf"} 4
trading_request_duration_us_sum{operation="a"} 3000.5
trading_request_duration_us_count{operation="a"} 4
trading_request_duration_us_bucket{operation="b",le="100"} 10
trading_request_duration_us_bucket{operation="b",le="1000"} 10
trading_request_duration_us_bucket{operation="b",le="+Inf"} 10
trading_request_duration_us_sum{operation="b"} 500
trading_request_duration_us_count{operation="b"} 10`);

test("series by labels", () => {
  assert.equal(scrape.sum("trading_requests_total"), 17);
  assert.equal(scrape.sum("trading_requests_total", { symbol: "BTC-USD" }), 7);
  assert.equal(scrape.sum("trading_requests_total", { symbol: "none" }), 0);
  assert.equal(scrape.value("tickgate_series"), 3);
  assert.equal(scrape.value("trading_requests_total"), undefined);
  assert.equal(scrape.value("absent"), undefined);
});

test("sums by one label, greatest first", () => {
  assert.deepEqual(
    [...scrape.sumBy("trading_requests_total", "symbol")],
    [
      ["ETH-USD", 10],
      ["BTC-USD", 7],
    ],
  );
});

test("histograms keep their series apart, and add up", () => {
  assert.deepEqual(scrape.histogram("trading_request_duration_us", { operation: "a" }), {
    buckets: [
      { le: 100, count: 1 },
      { le: 1000, count: 3 },
      { le: Infinity, count: 4 },
    ],
    sum: 3000.5,
    count: 4,
  });
  assert.deepEqual(
    scrape.histogram("trading_request_duration_us").buckets.map(({ count }) => count),
    [11, 13, 14],
  );
  assert.deepEqual(scrape.histogram("absent"), { buckets: [], sum: 0, count: 0 });
});

function histogramOf(...buckets: (readonly [number, number])[]): Histogram {
  return { buckets: buckets.map(([le, count]) => ({ le, count })), sum: 0, count: buckets.at(-1)?.[1] ?? 0 };
}

for (const [what, q, histogram, expected] of [
  ["linear from 0 in the first bucket", 0.5, histogramOf([100, 4], [Infinity, 4]), 50],
  ["linear between bounds", 0.75, histogramOf([100, 2], [200, 4], [Infinity, 4]), 150],
  ["at a bucket's edge", 0.5, histogramOf([100, 2], [200, 4], [Infinity, 4]), 100],
  ["empty buckets passed over", 0.9, histogramOf([100, 0], [200, 0], [300, 10], [Infinity, 10]), 290],
  ["beyond the last bound", 0.99, histogramOf([100, 1], [Infinity, 10]), 100],
  ["the minimum", 0, histogramOf([100, 0], [200, 10], [Infinity, 10]), 0],
  ["the maximum", 1, histogramOf([100, 5], [200, 10], [Infinity, 10]), 200],
  ["no observations", 0.5, histogramOf([100, 0], [Infinity, 0]), NaN],
  ["no buckets", 0.5, histogramOf(), NaN],
] as const) {
  test(`quantile: ${what}`, () => assert.equal(quantile(q, histogram), expected));
}
