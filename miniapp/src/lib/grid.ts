interface Grid {
  rows: number;
  /** Of a row with its gap, in pixels. */
  height: number;
  /** How much of the grid lies above the screen; negative where it begins further down. */
  above: number;
  /** Height of the screen. */
  screen: number;
}

/** So many screens are kept ready on either side. */
const AHEAD = 1.5;

/** The rows that are to be in the page: `first` and those up to but without `end`. */
export function rowsInSight({ rows, height, above, screen }: Grid): { first: number; end: number } {
  if (height <= 0) return { first: 0, end: 0 };
  const at = (pixels: number) => Math.min(rows, Math.max(0, pixels / height));
  return {
    first: Math.floor(at(above - AHEAD * screen)),
    end: Math.ceil(at(above + screen + AHEAD * screen)),
  };
}
