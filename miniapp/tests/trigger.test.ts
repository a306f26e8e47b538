import { expect, test } from 'vitest';
import { checkTrigger } from '../src/lib/trigger';

test.each([
  ['TOK', null],
  ['  ANNA26 ', null],
  ['Zoë & Ñandú', null],
  ['', 'empty'],
  [' \t ', 'empty'],
  ['x'.repeat(64), null],
  ['x'.repeat(65), 'long'],
  // 64 people, each of two UTF-16 units: the server counts characters.
  ['🙂'.repeat(64), null],
  ['two\u2028lines', 'control'],
  ['nul\u0000', 'control'],
])('%j', (word, problem) => {
  expect(checkTrigger(word, 64)).toBe(problem);
});
