import type { en } from './en';

export const LANGUAGES = ['en', 'es'] as const;
export type Language = (typeof LANGUAGES)[number];
/** A sentence, or one for one and one for any other `count`. */
export type Message = string | { readonly one: string; readonly other: string };
export type Key = keyof typeof en;
export type Catalogue = Record<Key, Message>;

/** Each is a file of its own, and only the person's own language travels. */
export const catalogues: Record<Language, () => Promise<Catalogue>> = {
  en: async () => (await import('./en')).en,
  es: async () => (await import('./es')).es,
};

/** The language that we speak with somebody of this IETF tag; what we don't speak becomes English. */
export function languageOf(tag: string): Language {
  const [primary] = tag.toLowerCase().split('-');
  return LANGUAGES.find((known) => known === primary) ?? 'en';
}
