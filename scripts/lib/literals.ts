import * as compiler from "assemblyscript";

type Parser = import("assemblyscript").Parser;
type Source = import("assemblyscript").Source;
type Range = import("assemblyscript").Range;

const ownSource = /^(?:\.\.\/)*assembly\//;
const maxBytes = 65_535;
/** Fields of a node that hold text of the language, not of the program, and those that lead out of the tree. */
const notProgram = new Set(["range", "decorators", "path", "internalPath", "parent", "source"]);

/**
 * Makes every string literal of `assembly/` the address of its ASCII bytes in static data, with the length in the
 * two bytes before them (the type `Text`): a literal of the language takes two bytes a character, a header of twenty, and
 * has to be converted wherever it is used.
 */
class Literals {
  /** Called by asc when everything is parsed and nothing is compiled yet. */
  afterParse(parser: Parser): void {
    for (const source of parser.sources) {
      if (ownSource.test(source.normalizedPath)) replaceIn(source, parser);
    }
  }
}

function replaceIn(node: object, parser: Parser): void {
  if (isOffset(node)) return;
  for (const [name, value] of Object.entries(node)) {
    if (notProgram.has(name) || typeof value !== "object" || value === null) continue;
    if (!isLiteral(value)) replaceIn(value, parser);
    else if (isOperation(node))
      throw new Error(`${place(value.range)}: a literal can't be added or compared`);
    else Object.assign(node, { [name]: textOf(value.value, value.range, parser) });
  }
}

function isLiteral(node: object): node is compiler.StringLiteralExpression {
  return node instanceof compiler.StringLiteralExpression;
}

/** `offsetof<C>("field")`: the literal is a name. */
function isOffset(node: object): boolean {
  if (!(node instanceof compiler.CallExpression)) return false;
  return node.expression instanceof compiler.IdentifierExpression && node.expression.text === "offsetof";
}

function isOperation(node: object): boolean {
  return node instanceof compiler.BinaryExpression;
}

function textOf(text: string, range: Range, parser: Parser): object {
  const bytes = [...Buffer.from(text)];
  if (bytes.length > maxBytes || bytes.some((byte) => byte > 127))
    throw new Error(`${place(range)}: a literal has at most ${maxBytes} characters, all ASCII`);
  const code = `(memory.data<u8>([${[bytes.length & 255, bytes.length >> 8, ...bytes].join()}]) + 2)`;
  const source = new compiler.Source(compiler.SourceKind.User, range.source.normalizedPath, code);
  const expression = parser.parseExpression(new compiler.Tokenizer(source));
  if (expression === null) throw new Error(`${place(range)}: ${code} is no expression`);
  moveTo(expression, range);
  return expression;
}

/** Diagnostics and debug information speak of the literal's place. */
function moveTo(node: object, range: Range): void {
  for (const [name, value] of Object.entries(node)) {
    if (name === "range") Object.assign(node, { range });
    else if (typeof value === "object" && value !== null && !(value instanceof compiler.Source))
      moveTo(value, range);
  }
}

function place(range: Range): string {
  const source: Source = range.source;
  return `${source.normalizedPath}:${source.lineAt(range.start)}`;
}

// asc takes a transform as the default export only.
// oxlint-disable-next-line import/no-default-export
export default Literals;
