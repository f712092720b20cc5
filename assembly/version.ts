/** Version of the filter; the build refuses one that is not package.json's. */
export const VERSION = "0.1.0";
