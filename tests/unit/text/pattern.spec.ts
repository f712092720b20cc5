import { Text } from "../../../assembly/text/literal";
import { ENVIRONMENT_NAME, HEADER_NAME, NAME, SPIFFE_ID } from "../../../assembly/config/values";
import { matches } from "../../../assembly/text/pattern";
import { size, utf8 } from "../sample";

function match(text: string, pattern: Text): bool {
  return matches(utf8(text), size(text), pattern);
}

describe("a pattern", () => {
  test("of classes and counts matches the whole text", () => {
    expect(match("orders-per_user9", NAME)).toBe(true);
    expect(match("a", NAME)).toBe(true);
    expect(match("a".repeat(64), NAME)).toBe(true);
    expect(match("a".repeat(65), NAME)).toBe(false);
    expect(match("", NAME)).toBe(false);
    expect(match("9a", NAME)).toBe(false);
    expect(match("aB", NAME)).toBe(false);
    expect(match("a.", NAME)).toBe(false);
  });

  test("has ranges, single bytes and a dash at the end", () => {
    expect(match("!#$%&'*+.^_`|~09azAZ-", HEADER_NAME)).toBe(true);
    expect(match(",", HEADER_NAME)).toBe(false);
    expect(match(":path", HEADER_NAME)).toBe(false);
    expect(match("a]", HEADER_NAME)).toBe(false);
    expect(match("é", HEADER_NAME)).toBe(false);
  });

  test("has literal bytes", () => {
    expect(match("spiffe://a", SPIFFE_ID)).toBe(true);
    expect(match("spiffe://", SPIFFE_ID)).toBe(false);
    expect(match("spiffe:/a", SPIFFE_ID)).toBe(false);
    expect(match("spiffe://" + "a".repeat(2039), SPIFFE_ID)).toBe(true);
    expect(match("spiffe://" + "a".repeat(2040), SPIFFE_ID)).toBe(false);
  });

  test("may begin with another class than it goes on with", () => {
    expect(match("_KEY_1", ENVIRONMENT_NAME)).toBe(true);
    expect(match("1KEY", ENVIRONMENT_NAME)).toBe(false);
  });
});
