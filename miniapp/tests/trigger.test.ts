import { expect, test } from 'vitest';
import { checkTrigger } from '../src/lib/trigger';
// The server's tests ask it the same.
import words from './trigger_words.json';

test.each(words.taken)('%j is a trigger word', (word) => {
  expect(checkTrigger(word, 64)).toBeNull();
});

test.each(Object.entries(words.refused))('%j is none: %s', (word, problem) => {
  expect(checkTrigger(word, 64)).toBe(problem);
});
