import * as fc from "fast-check";

/** What the rest of a configuration may refer to. */
interface Declared {
  readonly operations: readonly string[];
  readonly dimensions: readonly { readonly label: string; readonly values: string[] | undefined }[];
}

type Model = Readonly<Record<string, fc.Arbitrary<unknown>>>;

/** Labels none of which ends in another or in a built-in one. */
const labels = ["desk", "symbol", "order_type", "strategy_id", "venue", "region", "book", "algo"];

const name = fc.stringMatching(/^[a-z][a-z0-9_-]{0,12}$/);
const header = fc.stringMatching(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,20}$/);
const printable = fc.stringMatching(/^[ -~]{1,12}$/);
const segment = fc.stringMatching(/^[a-z0-9~_-]{1,8}$/);
const path = fc.array(segment, { maxLength: 4 }).map((segments) => `/${segments.join("/")}`);
const window = fc.constantFrom("1ms", "1000us", "250ms", "1s", "90s", "5m", "1h", "24h");
const upTo = (max: number, min = 1): fc.Arbitrary<number> => fc.integer({ min, max });

const declared: fc.Arbitrary<Declared> = fc.record({
  operations: fc.uniqueArray(name, { maxLength: 6 }),
  dimensions: fc.shuffledSubarray(labels).chain((chosen) => fc.tuple(...chosen.map(dimensionCore))),
});

function dimensionCore(label: string): fc.Arbitrary<Declared["dimensions"][number]> {
  const values = fc.uniqueArray(printable, { minLength: 1, maxLength: 6 });
  return fc.record({ label: fc.constant(label), values: fc.option(values, { nil: undefined }) });
}

/** An object of the required keys, and any of the others, in any order. */
function some(required: Model, optional: Model = {}): fc.Arbitrary<object> {
  const requiredKeys = Object.keys(required);
  return fc.record({ ...required, ...optional }, { requiredKeys }).chain(shuffled);
}

function shuffled(object: object): fc.Arbitrary<object> {
  const entries = Object.entries(object);
  return fc.shuffledSubarray(entries, { minLength: entries.length }).map((all) => Object.fromEntries(all));
}

function operation(ownName: string): fc.Arbitrary<object> {
  const own = { name: fc.constant(ownName) };
  const method = fc.constantFrom("GET", "POST");
  return fc.oneof(
    some(own, { method }),
    some({ ...own, path }, { method }),
    some({ ...own, pathPrefix: path }),
  );
}

function dimension({ label, values }: Declared["dimensions"][number]): fc.Arbitrary<object> {
  const own = { label: fc.constant(label), header };
  const letterCase = { case: fc.constantFrom("keep", "upper", "lower") };
  if (values !== undefined) return some({ ...own, values: fc.constant(values) }, letterCase);
  return some(own, { ...letterCase, maxValues: upTo(1000), newValuesPerMinute: upTo(60_000) });
}

function scope({ operations }: Declared): Model {
  if (operations.length === 0) return {};
  return { operations: fc.uniqueArray(fc.constantFrom(...operations), { minLength: 1 }) };
}

function quota(ownName: string, known: Declared): fc.Arbitrary<object> {
  const rate = { window, burst: upTo(1_000_000_000, 20) };
  const limit = upTo(1_000_000, 20);
  const parts = ["user", "peer", "operation", ...known.dimensions.map(({ label }) => label)];
  return some(
    { name: fc.constant(ownName), limit },
    {
      ...scope(known),
      ...rate,
      key: fc.uniqueArray(fc.constantFrom(...parts), { maxLength: 8 }),
      tiers: fc.dictionary(name, some({ limit }, rate), { maxKeys: 4 }),
      cost: some({ header, max: upTo(20) }),
      mode: fc.constantFrom("enforce", "shadow"),
      precision: fc.oneof(fc.constant("exact"), fc.record({ lease: upTo(20) })),
      announce: fc.boolean(),
    },
  );
}

function budget(ownName: string, known: Declared): fc.Arbitrary<object> {
  const filters = known.dimensions.map(({ label, values }) => {
    const value = values === undefined ? printable : fc.constantFrom(...values);
    return [label, fc.uniqueArray(value, { minLength: 1, maxLength: 4 })] as const;
  });
  return some(
    { name: fc.constant(ownName), limit: fc.constantFrom("1us", "800us", "3600000ms", "1s", "60m", "1h") },
    {
      ...scope(known),
      dimensions: some({}, Object.fromEntries(filters)),
      measure: fc.constant("first_byte"),
      mode: fc.constantFrom("flag", "shed"),
      announce: fc.boolean(),
      propagate: fc.boolean(),
    },
  );
}

/** A list of up to three things of different names. */
function named(of: (name: string) => fc.Arbitrary<object>): fc.Arbitrary<object> {
  return fc.uniqueArray(name, { maxLength: 3 }).chain((names) => fc.tuple(...names.map(of)));
}

function document(known: Declared): fc.Arbitrary<object> {
  const parts = ["operation", "result", ...known.dimensions.map(({ label }) => label)];
  const peers = fc.oneof(
    fc.constant("*"),
    path.map((rest) => `spiffe://mesh${rest}`),
  );
  const source = fc.oneof(fc.record({ header }), fc.constant({ peer: "spiffe" }));
  return some(
    {
      operations: fc.tuple(...known.operations.map(operation)),
      dimensions: fc.tuple(...known.dimensions.map(dimension)),
    },
    {
      mode: fc.constantFrom("enforce", "observe"),
      failureMode: fc.constantFrom("allow", "deny"),
      trustedPeers: fc.uniqueArray(peers, { maxLength: 4 }),
      headers: some({}, { operation: header, tier: header, latencyBudget: header, marketTimestamp: header }),
      identity: some(
        {},
        {
          sources: fc.array(source, { minLength: 1, maxLength: 8 }),
          anonymous: fc.constantFrom("shared", "exempt", "reject"),
          logKeyEnv: fc.constantFrom("", "KEY_1"),
        },
      ),
      stages: some({}, { values: fc.uniqueArray(header, { maxLength: 4 }) }),
      metrics: some(
        {},
        {
          maxSeries: upTo(3000),
          durationLabels: fc.uniqueArray(fc.constantFrom(...parts), { maxLength: 8 }),
          filterState: fc.boolean(),
        },
      ),
      store: some({}, { capacity: upTo(10_000, 1000) }),
      quotas: named((ownName) => quota(ownName, known)),
      budgets: named((ownName) => budget(ownName, known)),
      violationLog: some({}, { perSecond: upTo(1000, 0) }),
    },
  );
}

/** Configurations that are valid by construction. */
export const validDocuments: fc.Arbitrary<object> = declared.chain(document);

/** A value of any kind, most of them wrong wherever they are put. */
const stranger = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    false,
    [],
    {},
    "",
    "user",
    "operation",
    "exact",
    "1s",
    "0s",
    "25h",
    "le",
  ),
  fc.constantFrom<unknown>(
    0,
    -1,
    1.5,
    1e9,
    1e9 + 1,
    1e21,
    ["*"],
    { limit: 1 },
    { lease: 21 },
    "symbol",
    "ion",
  ),
  fc.string(),
  fc.integer(),
  fc.uniqueArray(name, { maxLength: 2 }),
);
const strangeKey = fc.oneof(
  name,
  fc.constantFrom("limit", "values", "path", "pathPrefix", "maxValues", "__proto__"),
);

/** The same document, with one value replaced, dropped, doubled or added. */
export const mutatedDocuments: fc.Arbitrary<unknown> = fc
  .tuple(validDocuments, fc.nat(), fc.constantFrom("replace", "drop", "double", "add"), stranger, strangeKey)
  .map(([root, pick, change, value, key]) => {
    const copy: object = structuredClone(root);
    const places = placesIn(copy);
    const place = places[pick % Math.max(1, places.length)];
    if (place !== undefined) mutate(place.holder, place.key, change, value, key);
    return copy;
  });

interface Place {
  readonly holder: object;
  readonly key: string;
}

function placesIn(holder: object): Place[] {
  return Object.entries(holder).flatMap(([key, value]: [string, unknown]) => {
    const below = typeof value === "object" && value !== null ? placesIn(value) : [];
    return below.concat({ holder, key });
  });
}

function mutate(holder: object, key: string, change: string, value: unknown, newKey: string): void {
  const old: unknown = Reflect.get(holder, key);
  if (change === "replace") Reflect.set(holder, key, value);
  else if (Array.isArray(holder)) {
    if (change === "drop") holder.splice(Number(key), 1);
    else holder.push(change === "double" ? structuredClone(old) : value);
  } else if (change === "drop") Reflect.deleteProperty(holder, key);
  else Object.defineProperty(holder, newKey, { value: change === "double" ? old : value, enumerable: true });
}

/** JSON texts with one slip of the keyboard. */
export const mutatedTexts: fc.Arbitrary<string> = fc
  .tuple(
    validDocuments.map((root) => JSON.stringify(root)),
    fc.nat(),
    fc.nat({ max: 3 }),
    fc.constantFrom(
      "",
      ",",
      "]",
      "}",
      '"',
      "\\",
      "0",
      "e5",
      ".",
      "-",
      ":",
      " ",
      "\u0000",
      "\ud800",
      "é",
      "\ufeff",
      "u",
    ),
  )
  .map(([text, at, cut, put]) => {
    const from = at % (text.length + 1);
    return text.slice(0, from) + put + text.slice(from + cut);
  });
