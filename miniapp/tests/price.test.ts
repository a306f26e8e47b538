import { expect, test } from 'vitest';
import { expectedSeconds, packFor, picturesPrice, priceOf, starsMissing } from '../src/lib/price';

const prices = { starsPer1000Steps: 150, minimumStars: 30, starsPerPicture: 3 };

test.each([
  [1000, 1, 150],
  [2000, 1, 300],
  [1001, 1, 151],
  [1000, 1.6, 240],
  [1000, 1.1, 165],
  [1, 1, 30],
  [200, 1, 30],
  [207, 1, 32],
  [3000, 1.1, 495],
])('%i steps at factor %d cost %i stars', (steps, priceFactor, stars) => {
  expect(priceOf(steps, { priceFactor }, prices)).toBe(stars);
});

test.each([
  [1, 1, 3],
  [4, 1, 12],
  [4, 1.5, 20],
  [3, 1.1, 12],
])('%i pictures at factor %d cost %i stars', (count, priceFactor, stars) => {
  expect(picturesPrice(count, { priceFactor }, prices)).toBe(stars);
});

test.each([
  [0, 0, 150],
  [100, 0, 50],
  [0, 60, 210],
  [150, 60, 0],
])('with %i stars and a debt of %i, a price of 150 is %i short', (balance, debt, missing) => {
  expect(starsMissing(150, { balance, debt })).toBe(missing);
});

test('time is linear in the steps', () => {
  expect(expectedSeconds(2500, { secondsPer1000Steps: 120 })).toBe(300);
});

test.each([
  [1, 50],
  [50, 50],
  [51, 200],
  [550, 500],
  [551, undefined],
])('%i stars come with the pack of %s', (stars, price) => {
  const packs = [
    { price: 50, stars: 50 },
    { price: 200, stars: 200 },
    { price: 500, stars: 550 },
  ];
  expect(packFor(stars, packs)?.price).toBe(price);
});
