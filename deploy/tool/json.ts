/**
 * Reads JSON whose shape another program's API promises (the API server, Envoy, istiod). The shape is not checked: name
 * only fields in T that may be missing, or whose absence is that program's bug. Throws on what is not JSON.
 */
// The caller names the type, as with the client libraries of these APIs.
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters
export function parseJson<T>(text: string): T {
  const value: T = JSON.parse(text);
  return value;
}
