import { hostCalls } from "../../micro/print.ts";
import type { BenchReport, Section } from "../model.ts";
import { fixed, whole } from "../numbers.ts";

/** What a request costs when nothing is timed. */
export function countsSection({ micro }: BenchReport): Section | undefined {
  if (micro === undefined) return undefined;
  const paths = Object.entries(micro.paths);
  return {
    id: "counts",
    word: "Counts",
    title: "Counted, not timed",
    text: [
      `The module has ${whole(micro.moduleBytes)} bytes. Its code, compiled to native by wasm2c, is run under callgrind; ` +
        "calls to the host are counted in the emulator. The same on every machine and every run: CI fails when a figure moves by more than 2%.",
      ...(micro.toolchain === undefined ? [] : [`Counted by ${micro.toolchain}.`]),
    ],
    figures: [],
    tables: [
      {
        head: [
          "path",
          "instructions",
          "host calls",
          "that return bytes",
          "mallocs",
          "bytes copied in",
          "memory",
          "grown by 1,000,000 requests",
        ],
        rows: paths.map(([name, cost]) => [
          name,
          whole(cost.instructions),
          fixed(hostCalls(cost, "all"), 1),
          fixed(hostCalls(cost, "returning"), 1),
          fixed(cost.mallocs, 1),
          whole(cost.bytesCopied),
          cost.pages === undefined ? "-" : `${whole(cost.pages * 64)} KiB`,
          cost.pagesGrown === undefined ? "-" : `${whole(cost.pagesGrown * 64)} KiB`,
        ]),
      },
    ],
  };
}
