import { expect, test } from 'vitest';
import { rowsInSight } from '../src/lib/grid';

const grid = { rows: 1000, height: 100, above: 0, screen: 800 };

test.each([
  ['at the top', {}, { first: 0, end: 20 }],
  ['below other things', { above: -300 }, { first: 0, end: 17 }],
  ['in the middle', { above: 50_000 }, { first: 488, end: 520 }],
  ['at the end', { above: 99_200 }, { first: 980, end: 1000 }],
  ['with few', { rows: 3 }, { first: 0, end: 3 }],
  ['before anything is measured', { height: 0 }, { first: 0, end: 0 }],
])('%s', (_, changes, sight) => {
  expect(rowsInSight({ ...grid, ...changes })).toEqual(sight);
});

test('however many there are, few are in the page', () => {
  for (let above = -500; above < 110_000; above += 777) {
    const { first, end } = rowsInSight({ ...grid, above });
    expect(end - first).toBeLessThanOrEqual(33);
  }
});
