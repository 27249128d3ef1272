/** In which stretch of time a fact (or a quarter of an hour, alias `f`) lies; `:slices` are their starts and the end of the last. */
export const SLICE = 'width_bucket(f.at, :slices::timestamptz[])';
export const SLICE_START = `(:slices::timestamptz[])[${SLICE}]`;
export const SLICE_END = `(:slices::timestamptz[])[${SLICE} + 1]`;
