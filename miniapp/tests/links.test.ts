import { expect, test } from 'vitest';
import { destination, modelLink, sharePath } from '../src/lib/links';

const ID = '0b1d9a52-6c9f-4f0e-8a3b-7d2f5a1c9e10';

test.each([
  ['', null, null],
  ['?', '', null],
  [`?training=${ID}`, null, { screen: 'training', id: ID }],
  [`?model=${ID}`, null, { screen: 'model', id: ID }],
  ['', `model_${ID}`, { screen: 'model', id: ID }],
  ['', `training_${ID}`, { screen: 'training', id: ID }],
  ['?tgWebAppStartParam=x&utm=y', `model_${ID}`, { screen: 'model', id: ID }],
  ['?anything=7', null, null],
  [`?training=${ID}`, `model_${ID}`, { screen: 'training', id: ID }],
  [`?generation=${ID}`, null, { screen: 'picture', id: ID }],
  [`?picture=${ID}`, null, { screen: 'picture', id: ID }],
  ['', `picture_${ID}`, { screen: 'picture', id: ID }],
  ['', `song_${ID}`, { screen: 'unknown' }],
  ['', 'model_1', { screen: 'unknown' }],
  ['', `model_${ID}/../x`, { screen: 'unknown' }],
  ['', 'model', { screen: 'unknown' }],
  ['', '_', null],
  ['?model=', null, { screen: 'unknown' }],
])('a launch with %j and %j', (search, startParam, route) => {
  expect(destination(search, startParam)).toEqual(route);
});

test('a model’s link is one that the app understands', () => {
  const link = new URL(modelLink('selfi_bot', ID));
  expect(link.origin + link.pathname).toBe('https://t.me/selfi_bot');
  expect(destination('', link.searchParams.get('startapp'))).toEqual({ screen: 'model', id: ID });
});

test('what is shared arrives as it was', () => {
  const path = new URL(sharePath('https://t.me/b?startapp=x&y', 'Ana & “co”'), 'https://t.me/');
  expect(path.pathname).toBe('/share/url');
  expect(Object.fromEntries(path.searchParams)).toEqual({
    url: 'https://t.me/b?startapp=x&y',
    text: 'Ana & “co”',
  });
});
