/** Ids of every set of label values: the value is missing, has no place, or is value `id - FIRST_VALUE`. */
export const NONE: u32 = 0;
export const OTHER: u32 = 1;
export const FIRST_VALUE: u32 = 2;
