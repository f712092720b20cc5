/** What a driver tells its scenario; scenarios with more to know extend it. */
export interface Parameters {
  /** Base URLs by the names of the listeners. */
  readonly targets: Readonly<Record<string, string>>;
  /** Of the main load. */
  readonly ratePerSecond: number;
  /** Before the measured time; its requests are sent, checked and left out of the figures. */
  readonly warmUpSeconds: number;
  readonly durationSeconds: number;
  readonly seed: number;
}

/** The parameters of this run as JSON, by the environment variable of that name. Only for the side that k6 runs. */
export function parametersText(): string {
  const text = __ENV.PARAMETERS;
  if (text === undefined) throw new Error("no PARAMETERS: run scenarios through bench/k6.ts");
  return text;
}

/** The base URL of a listener; an Error that lists them when there is none of that name. */
export function target({ targets }: Parameters, name: string): string {
  const url = targets[name];
  if (url === undefined) throw new Error(`no target ${name}: there are ${Object.keys(targets).join(", ")}`);
  return url;
}
