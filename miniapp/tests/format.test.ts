// @vitest-environment happy-dom
import { expect, test } from 'vitest';
import { withoutSeparators } from '../src/lib/format';
import { setLanguage } from '../src/lib/i18n/i18n.svelte';

test.each([
  ['en', '1000', '1000'],
  ['en', '1,000', '1000'],
  ['en', '1,000,000', '1000000'],
  ['en', '1.000', '1.000'],
  ['en', '10,00', '10,00'],
  ['en', '1000,000', '1000,000'],
  ['es', '1.000', '1000'],
  ['es', '10.000', '10000'],
  ['es', '10,000', '10,000'],
  ['es', '', ''],
] as const)('in %s “%s” is read as %s', async (language, written, plain) => {
  await setLanguage(language);
  expect(withoutSeparators(written)).toBe(plain);
});
