// @vitest-environment happy-dom
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { en } from '../src/lib/i18n/en';
import { es } from '../src/lib/i18n/es';
import { en as enLater } from '../src/lib/i18n/later/en';
import { es as esLater } from '../src/lib/i18n/later/es';
import {
  type Catalogue,
  type Key,
  type Language,
  type LaterCatalogue,
  languageOf,
  LANGUAGES,
  type Message,
} from '../src/lib/i18n/catalogues';
import { currentLanguage, render, setLanguage, speakOfAll, t } from '../src/lib/i18n/i18n.svelte';

const catalogues: Record<Language, Catalogue & LaterCatalogue> = {
  en: { ...en, ...enLater },
  es: { ...es, ...esLater },
};

const keys = Object.keys(catalogues.en) as Key[];
const forms = (message: Message): string[] =>
  typeof message === 'string' ? [message] : [message.one, message.other];
const placeholders = (message: Message): string[][] =>
  forms(message).map((text) => [...new Set(text.match(/\{\w+\}/g))].sort());

describe.each(LANGUAGES)('%s', (language) => {
  test('has every message and no other', () => {
    expect(Object.keys(catalogues[language])).toEqual(keys);
  });

  test('says as much as the others, and leaves nothing empty', () => {
    for (const key of keys) {
      expect(placeholders(catalogues[language][key]), key).toEqual(placeholders(catalogues.en[key]));
      for (const text of forms(catalogues[language][key])) expect(text.trim(), key).not.toBe('');
    }
  });
});

test('plurals and numbers follow the language', () => {
  const message = { one: '{count} star', other: '{count} stars' };
  expect(render('en', message, { count: 1 })).toBe('1 star');
  expect(render('en', message, { count: 0 })).toBe('0 stars');
  expect(render('en', message, { count: 12_500 })).toBe('12,500 stars');
  expect(render('es', message, { count: 12_500 })).toBe('12.500 stars');
});

test('what a person wrote is put in as it is', () => {
  expect(render('en', '{word}', { word: '$& {count}' })).toBe('$& {count}');
});

test('every message is used somewhere', () => {
  const sources = readdirSync('src', { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(ts|svelte)$/.test(name) && !name.includes('i18n'))
    .map((name) => readFileSync(join('src', name), 'utf8'))
    .join('\n');
  expect(keys.filter((key) => !sources.includes(`'${key}'`))).toEqual([]);
});

/** A file, and all of ours that it imports at once. */
function filesOf(path: string, found = new Set<string>()): Set<string> {
  if (found.has(path)) return found;
  found.add(path);
  for (const [, name = ''] of readFileSync(path, 'utf8').matchAll(/from '(\.[^']+)'/g)) {
    const wanted = join(path, '..', name);
    const file = [wanted, `${wanted}.ts`, join(wanted, 'index.ts')].find(
      (one) => /\.\w+$/.test(one) && existsSync(one),
    );
    if (file && !file.includes('i18n/')) filesOf(file, found);
  }
  return found;
}

test('the first screen says nothing that comes later', () => {
  const sources = [...filesOf('src/start.ts')].map((path) => readFileSync(path, 'utf8')).join('\n');
  expect(sources).toContain("'train.start'");
  expect(Object.keys(enLater).filter((key) => sources.includes(`'${key}'`))).toEqual([]);
});

test('what comes later is there once it has been asked for, in any language', async () => {
  await setLanguage('en');
  expect(t('gallery.empty')).toBe('');
  await Promise.all([speakOfAll(), setLanguage('es')]);
  expect(t('gallery.empty')).toBe('Aún no hay imágenes');
  await setLanguage('en');
  expect([t('gallery.empty'), t('app.retry')]).toEqual(['No pictures yet', 'Try again']);
});

test('what we don’t speak is English', () => {
  expect(['es', 'es-MX', 'ES', 'en-GB', 'fr', ''].map(languageOf)).toEqual([
    'es',
    'es',
    'es',
    'en',
    'en',
    'en',
  ]);
});

test('a language is there when it has been set', async () => {
  await setLanguage('es');
  expect([currentLanguage(), document.documentElement.lang, t('app.retry')]).toEqual([
    'es',
    'es',
    'Reintentar',
  ]);
  await setLanguage('en');
  expect([currentLanguage(), t('app.retry')]).toEqual(['en', 'Try again']);
});

test('of several languages at once the last one counts', async () => {
  await Promise.all([setLanguage('es'), setLanguage('en')]);
  expect(currentLanguage()).toBe('en');
  await Promise.all([setLanguage('en'), setLanguage('es')]);
  expect(currentLanguage()).toBe('es');
});
