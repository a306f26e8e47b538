import { expect, test } from 'vitest';
import { fit } from '../src/lib/image';

test.each([
  ['a phone’s photo is reduced', { width: 3024, height: 4032 }, { width: 1536, height: 2048 }],
  ['what fits is left alone', { width: 2048, height: 1536 }, null],
  ['a panorama isn’t made too narrow to be taken', { width: 9000, height: 2000 }, null],
  ['one that stays wide enough is reduced', { width: 4096, height: 1024 }, { width: 2048, height: 512 }],
])('%s', (_, size, expected) => {
  expect(fit(size, 512)).toEqual(expected);
});
