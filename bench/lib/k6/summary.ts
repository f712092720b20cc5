/** k6's end: thresholds and aggregates as JSON into the file that the environment variable SUMMARY names. */
export function handleSummary(data: object): Record<string, string> {
  return { [__ENV.SUMMARY ?? "summary.json"]: JSON.stringify(data) };
}
