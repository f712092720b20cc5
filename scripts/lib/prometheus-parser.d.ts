declare module "parse-prometheus-text-format" {
  interface ParsedSample {
    readonly labels?: Readonly<Record<string, string>>;
    readonly value: string;
  }
  interface ParsedFamily {
    readonly name: string;
    readonly metrics: readonly ParsedSample[];
  }
  function parse(text: string): ParsedFamily[];
  export = parse;
}
