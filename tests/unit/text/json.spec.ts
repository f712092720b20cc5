import { Decimal } from "../../../assembly/text/decimal";
import { JsonReader, TEXT_BYTES, Token } from "../../../assembly/text/json";
import { decoded, room, size, textOf, utf8 } from "../sample";

function reader(text: string): JsonReader {
  const json = changetype<JsonReader>(room(offsetof<JsonReader>()));
  json.text = room(TEXT_BYTES);
  json.number = changetype<Decimal>(room(offsetof<Decimal>()));
  json.open(utf8(text), size(text));
  return json;
}

function token(text: string): Token {
  return reader(text).next();
}

function text(document: string): string {
  const json = reader(document);
  expect(json.next()).toBe(Token.text, document);
  return decoded(json.text, json.textLength);
}

function error(document: string): string {
  const json = reader(document);
  while (json.next() != Token.none);
  return (json.at - json.start).toString() + " " + textOf(json.error);
}

describe("JSON tokens", () => {
  test("are of eight kinds", () => {
    expect(token('"a"')).toBe(Token.text);
    expect(token(" \t\r\n-1.5e3")).toBe(Token.number);
    expect(token("true")).toBe(Token.yes);
    expect(token("false")).toBe(Token.no);
    expect(token("null")).toBe(Token.nil);
    expect(token("{}")).toBe(Token.object);
    expect(token("[]")).toBe(Token.array);
    expect(token("")).toBe(Token.none);
  });

  test("tell how they stand in the document", () => {
    const json = reader('  "a\\u0062" ');
    json.next();
    expect(decoded(json.raw, json.rawLength)).toBe('"a\\u0062"');
    expect(json.finish()).toBe(true);
  });

  test("are texts with their escapes resolved", () => {
    expect(text('"\\"\\\\\\/\\b\\f\\n\\r\\t"')).toBe('"\\/\b\f\n\r\t');
    expect(text('"\\u0041\\u00e9\\u20AC\\ud83d\\uDE00"')).toBe("A\u00e9\u20ac\u{1f600}");
    expect(text('"é€😀"')).toBe("é€😀");
    expect(text('"a\\u0000b"').length).toBe(3);
  });

  test("keep the length of a text that is too long to keep", () => {
    const json = reader('"' + "x".repeat(5000) + '"');
    expect(json.next()).toBe(Token.text);
    expect(json.textLength).toBe(5000);
    expect(json.rawLength).toBe(5002);
  });

  test("are refused where they are wrong", () => {
    expect(error("")).toBe("0 expected a value");
    expect(error(" x")).toBe("1 expected a value");
    expect(error("tru")).toBe("0 expected a value");
    expect(error("nulL")).toBe("0 expected a value");
    expect(error('"ab')).toBe("3 the text has no end");
    expect(error('"a\n"')).toBe("2 control character in a text");
    expect(error('"\\q"')).toBe("1 bad escape");
    expect(error('"\\u00g0"')).toBe("1 bad escape");
    expect(error('"\\ud800"')).toBe("1 lone surrogate");
    expect(error('"\\ud800\\u0041"')).toBe("1 lone surrogate");
    expect(error('"\\udc00\\ud800"')).toBe("1 lone surrogate");
    expect(error("-")).toBe("1 expected a digit");
    expect(error("1.e3")).toBe("2 expected a digit");
    expect(error("01")).toBe("1 bad number");
    expect(error("1.2.3")).toBe("3 bad number");
    expect(error("1-2")).toBe("1 bad number");
  });

  test("may touch what ends them", () => {
    const json = reader("1,2]");
    expect(json.next()).toBe(Token.number);
    expect(json.accept(0x2c)).toBe(true);
    expect(json.next()).toBe(Token.number);
    expect(json.accept(0x7d)).toBe(false);
    expect(json.accept(0x5d)).toBe(true);
    expect(json.finish()).toBe(true);
  });

  test("are none after an error", () => {
    const json = reader("x 1");
    json.next();
    json.at += 1;
    expect(json.next()).toBe(Token.none);
    expect(json.accept(0x31)).toBe(false);
    expect(json.finish()).toBe(false);
  });

  test("must not be followed by others", () => {
    const json = reader("1 2");
    json.next();
    expect(json.finish()).toBe(false);
    expect(textOf(json.error)).toBe("expected the end");
  });
});
