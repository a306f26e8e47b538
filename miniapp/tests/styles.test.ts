import { expect, test } from 'vitest';
import { has, toggled } from '../src/lib/styles';

const film = { id: 'film', name: 'Film', prompt: 'film still, grain', preview: null };
const comic = { id: 'comic', name: 'Comic', prompt: 'ink, flat colours', preview: null };
const styles = [film, comic];

test.each([
  ['', film, 'film still, grain'],
  ['Ana', film, 'Ana, film still, grain'],
  ['Ana, ', film, 'Ana, film still, grain'],
  ['Ana, film still, grain', film, 'Ana'],
  ['film still, grain', film, ''],
  ['Ana, film still, grain', comic, 'Ana, ink, flat colours'],
  ['film still, grain', comic, 'ink, flat colours'],
  ['film still, grain, Ana', film, 'film still, grain, Ana, film still, grain'],
])('%j and a tap on a style make %j', (prompt, style, then) => {
  expect(toggled(prompt, style, styles)).toBe(then);
});

test('a style is worn at the end of the prompt', () => {
  expect(
    ['Ana, film still, grain', 'film still, grain', 'Anafilm still, grain', 'Ana'].map((one) =>
      has(one, film),
    ),
  ).toEqual([true, true, false, false]);
});
