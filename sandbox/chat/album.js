/** The mosaic of an album: rows of photos whose heights fit their proportions, as Telegram lays them out. */

const MOST_IN_A_ROW = 4;
/** Proportions (width ÷ height) beyond these are cropped, so that no photo becomes a ribbon. */
const NARROWEST = 0.6;
const WIDEST = 1.8;
/** A photo by itself is shown whole, unless it is this narrow or wide. */
const NARROWEST_ALONE = 0.4;
const WIDEST_ALONE = 3;
/** A row as high as this part of the mosaic's width looks best. */
const IDEAL_HEIGHT = 0.52;
/** An album taller than this part of its width pushes the talk off the screen. */
const TALLEST = 1.2;

/**
 * @param {number[]} ratios each photo's width ÷ height
 * @returns {{ratio: number, index: number}[][]} the rows, with each photo's cropped proportion
 */
export function mosaic(ratios) {
  const [narrowest, widest] = ratios.length === 1 ? [NARROWEST_ALONE, WIDEST_ALONE] : [NARROWEST, WIDEST];
  const photos = ratios.map((ratio, index) => ({
    ratio: Math.min(widest, Math.max(narrowest, ratio)),
    index,
  }));
  const best = { cost: Infinity, sizes: /** @type {number[]} */ ([]) };
  for (const sizes of divisions(photos.length)) {
    let at = 0;
    let cost = 0;
    let height = 0;
    for (const size of sizes) {
      const width = photos.slice(at, at + size).reduce((sum, { ratio }) => sum + ratio, 0);
      cost += Math.abs(Math.log(1 / width / IDEAL_HEIGHT));
      height += 1 / width;
      at += size;
    }
    // Rows that look alike are calmer than the last few percent of a perfect fit.
    cost =
      cost / sizes.length + 0.15 * (Math.max(...sizes) - Math.min(...sizes)) + Math.max(0, height - TALLEST);
    if (cost < best.cost) Object.assign(best, { cost, sizes });
  }
  let at = 0;
  return best.sizes.map((size) => photos.slice(at, (at += size)));
}

/** Every way to divide `count` photos into rows, in order. @param {number} count @returns {Generator<number[]>} */
function* divisions(count) {
  if (count === 0) yield [];
  for (let first = 1; first <= Math.min(MOST_IN_A_ROW, count); first += 1) {
    for (const rest of divisions(count - first)) yield [first, ...rest];
  }
}
