/** Where a text stops being JSON, and why. */
export interface SyntaxFault {
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 units. */
  readonly column: number;
  /** `expected a key`, in the filter's words. */
  readonly message: string;
}

type Closer = "}" | "]";
type Expected = "a value" | "a first value" | "a key" | "a first key" | ":" | "more" | "the end";

interface Stop {
  readonly at: number;
  readonly message: string;
}

/** The first place at which a text is not JSON (RFC 8259); undefined for JSON. */
export function findSyntaxFault(text: string): SyntaxFault | undefined {
  const stop = new Scanner(text).run();
  if (stop === undefined) return undefined;
  const before = text.slice(0, stop.at).split("\n");
  return {
    line: before.length,
    column: (before.at(-1) ?? "").length + 1,
    message: `${stop.message}${aside(text, stop.at)}`,
  };
}

const space = /[ \t\n\r]*/y;
const scalar = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
// All but control characters, the quote and the backslash.
const plainCharacters = /[ !#-[\]-\uffff]*/y;
const escape = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;

class Scanner {
  private readonly text: string;
  private at = 0;
  private expected: Expected = "a value";
  private readonly open: Closer[] = [];

  constructor(text: string) {
    this.text = text;
  }

  run(): Stop | undefined {
    for (;;) {
      this.pass(space);
      if (this.expected === "the end" && this.at === this.text.length) return undefined;
      const stop = this.step();
      if (stop !== undefined) return stop;
    }
  }

  private step(): Stop | undefined {
    const character = this.text[this.at];
    const closer = this.open.at(-1);
    switch (this.expected) {
      case "a first value":
      case "a first key":
        if (character === closer) return this.close();
        return this.expected === "a first key" ? this.key() : this.value();
      case "a key":
        return this.key();
      case "a value":
        return this.value();
      case ":":
        return character === ":" ? this.take("a value") : this.stop("expected :");
      case "more":
        if (character === closer) return this.close();
        if (character !== ",") return this.stop(`expected , or ${closer ?? ""}`);
        return this.take(closer === "}" ? "a key" : "a value");
      default:
        return this.stop("expected the end");
    }
  }

  private key(): Stop | undefined {
    if (this.text[this.at] !== '"') return this.stop("expected a key");
    return this.string() ?? this.next(":");
  }

  private value(): Stop | undefined {
    switch (this.text[this.at]) {
      case "{":
        this.open.push("}");
        return this.take("a first key");
      case "[":
        this.open.push("]");
        return this.take("a first value");
      case '"':
        return this.string() ?? this.afterValue();
      default:
        return this.pass(scalar) ? this.afterValue() : this.stop("expected a value");
    }
  }

  private string(): Stop | undefined {
    const start = this.at;
    this.at += 1;
    for (;;) {
      this.pass(plainCharacters);
      const character = this.text[this.at];
      if (character === undefined) return { at: start, message: "the text has no end" };
      if (character === '"') break;
      if (character !== "\\") return this.stop("control character in a text");
      if (!this.pass(escape)) return this.stop("bad escape");
    }
    this.at += 1;
    return undefined;
  }

  private close(): undefined {
    this.open.pop();
    this.at += 1;
    return this.afterValue();
  }

  private afterValue(): undefined {
    return this.next(this.open.length === 0 ? "the end" : "more");
  }

  private take(expected: Expected): undefined {
    this.at += 1;
    return this.next(expected);
  }

  private next(expected: Expected): undefined {
    this.expected = expected;
  }

  private stop(message: string): Stop {
    return { at: this.at, message };
  }

  /** Goes on behind what a sticky pattern matches here; whether it does. */
  private pass(pattern: RegExp): boolean {
    pattern.lastIndex = this.at;
    if (!pattern.test(this.text)) return false;
    this.at = pattern.lastIndex;
    return true;
  }
}

/** What people most often mean by the character that is in the way. */
function aside(text: string, at: number): string {
  const character = text[at];
  if (character === undefined) return ", and the document ends";
  if (character === "/" || character === "#") return ": JSON has no comments";
  if (character === "'") return ": texts are in double quotes";
  const before = text.slice(0, at).trimEnd();
  if ((character === "}" || character === "]") && before.endsWith(",")) {
    return `: no comma in front of ${character}`;
  }
  return "";
}
