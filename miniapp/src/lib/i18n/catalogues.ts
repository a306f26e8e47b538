import { part } from '../parts';
import type { en } from './en';
import type { en as enLater } from './later/en';

export const LANGUAGES = ['en', 'es'] as const;
export type Language = (typeof LANGUAGES)[number];
/** A sentence, or one for one and one for any other `count`. */
export type Message = string | { readonly one: string; readonly other: string };
export type English = typeof en & typeof enLater;
export type Key = keyof English;
export type Catalogue = Record<keyof typeof en, Message>;
export type LaterCatalogue = Record<keyof typeof enLater, Message>;

const files = {
  en: part('lib/i18n/en.ts', () => import('./en')),
  es: part('lib/i18n/es.ts', () => import('./es')),
  enLater: part('lib/i18n/later/en.ts', () => import('./later/en')),
  esLater: part('lib/i18n/later/es.ts', () => import('./later/es')),
};

/** Each is a file of its own, and only the person's own language travels: here what the first screen says. */
export const catalogues: Record<Language, () => Promise<Catalogue>> = {
  en: async () => (await files.en()).en,
  es: async () => (await files.es()).es,
};

/** What all other screens say. */
export const laterCatalogues: Record<Language, () => Promise<LaterCatalogue>> = {
  en: async () => (await files.enLater()).en,
  es: async () => (await files.esLater()).es,
};

/** The language that we speak with somebody of this IETF tag; what we don't speak becomes English. */
export function languageOf(tag: string): Language {
  const [primary] = tag.toLowerCase().split('-');
  return LANGUAGES.find((known) => known === primary) ?? 'en';
}
