import type { BenchReport, Section } from "./model.ts";
import { countsSection } from "./sections/counts.ts";
import { cpuSection } from "./sections/cpu.ts";
import { growthSection } from "./sections/growth.ts";
import { latencySection } from "./sections/latency.ts";
import { partsSection } from "./sections/parts.ts";
import { methodSection } from "./sections/method.ts";
import { memorySection, throughputSection } from "./sections/resources.ts";
import { scenariosSection } from "./sections/scenarios.ts";
import { shortSection } from "./sections/short.ts";
import { targetsSection } from "./sections/targets.ts";

/** The report as sections, in reading order. A new subject is a new entry; one that was not measured has no section. */
export function sectionsOf(report: BenchReport): Section[] {
  return [
    shortSection,
    targetsSection,
    partsSection,
    cpuSection,
    latencySection,
    growthSection,
    throughputSection,
    memorySection,
    countsSection,
    scenariosSection,
    methodSection,
  ].flatMap((section) => section(report) ?? []);
}
