import { fileURLToPath } from "node:url";

/** The repository's root directory, without a trailing slash. */
export const root = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");

/** Where downloaded programs are kept; ignored by git. */
export const toolsDir = `${root}/.tools`;

/** The filter that `npm run build` makes. */
export const filterModule = `${root}/build/tickgate.wasm`;
