import nodeTest from "node:test";

/** node's `test` for top-level cases: the runner awaits them, so nobody else has to. */
export function test(name: string, body: () => void | Promise<void>): void {
  void nodeTest(name, body);
}
