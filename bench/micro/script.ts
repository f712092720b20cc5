import { HeaderMap, toBytes, toText, type PropertyValue } from "../../scripts/lib/emulator/index.ts";
import { encodePairs } from "../../scripts/lib/emulator/pairs.ts";
import { encodeProperties } from "../../scripts/lib/emulator/properties.ts";
import { PLACEHOLDERS, type Scenario } from "./scenarios.ts";

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

/** A length, the bytes, and zeros up to the next word. */
function block(bytes: Uint8Array): Buffer {
  const padding = Buffer.alloc((4 - (bytes.length % 4)) % 4);
  return Buffer.concat([word(bytes.length), bytes, padding]);
}

function pairs(headers: Scenario["headers"]): Buffer {
  return Buffer.from(toBytes(encodePairs(HeaderMap.from(headers))));
}

function propertyBlocks(properties: Readonly<Record<string, PropertyValue>>): Buffer[] {
  return encodeProperties(properties).flatMap(([path, value]) => {
    return [block(toBytes(path.replaceAll(".", "\0"))), block(toBytes(value))];
  });
}

/** Where in the request's bytes which digits of its number are written: a count, then offset, digits, divisor. */
function marks(request: Buffer): Buffer[] {
  const found = PLACEHOLDERS.flatMap(({ text, divisor }) => {
    const at = request.indexOf(text);
    return at === -1 ? [] : [Buffer.concat([word(at), word(text.length), word(divisor)])];
  });
  return [word(found.length), ...found];
}

/** What of a scenario `host.c` plays. */
export type Played = Pick<
  Scenario,
  "name" | "configuration" | "headers" | "warmHeaders" | "response" | "early" | "properties"
>;

/** A scenario in the form that `host.c` plays. */
export function encodeScript(scenario: Played): Buffer {
  const request = pairs(scenario.headers);
  const properties = scenario.properties ?? {};
  return Buffer.concat([
    block(Buffer.from(toText(JSON.stringify(scenario.configuration)))),
    block(pairs(scenario.warmHeaders ?? scenario.headers)),
    block(request),
    ...marks(request),
    block(pairs(scenario.response)),
    word(scenario.early === true ? 1 : 0),
    word(Object.keys(properties).length),
    ...propertyBlocks(properties),
  ]);
}
