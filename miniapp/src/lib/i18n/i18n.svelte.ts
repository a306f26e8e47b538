import { ApiError } from '../api';
import { persist } from '../retry';
import type { en } from './en';

export const LANGUAGES = ['en', 'es'] as const;
export type Language = (typeof LANGUAGES)[number];
/** A sentence, or one for one and one for any other `count`. */
export type Message = string | { readonly one: string; readonly other: string };
export type Key = keyof typeof en;
export type Catalogue = Record<Key, Message>;

type Placeholders<Text> = Text extends `${string}{${infer Name}}${infer Rest}`
  ? Name | Placeholders<Rest>
  : never;
type Names<K extends Key> = Placeholders<
  (typeof en)[K] extends { other: infer Other } ? Other : (typeof en)[K]
>;
/** The values that a message needs, by its own placeholders. */
export type Values<K extends Key> = [Names<K>] extends [never] ? [] : [Record<Names<K>, string | number>];

/** Each is a file of its own, and only the person's own language travels. */
const loaders: Record<Language, () => Promise<Catalogue>> = {
  en: async () => (await import('./en')).en,
  es: async () => (await import('./es')).es,
};

let wanted: Language = 'en';
let spoken = $state.raw<{ language: Language; catalogue: Catalogue } | null>(null);

export function currentLanguage(): Language {
  return spoken?.language ?? wanted;
}

/**
 * Takes an IETF tag; what we don't speak becomes English. Rejects where the language can't be loaded: then the
 * one spoken so far stays. Of several at once the last one counts.
 */
export async function setLanguage(tag: string): Promise<void> {
  const [primary] = tag.toLowerCase().split('-');
  const language = LANGUAGES.find((known) => known === primary) ?? 'en';
  wanted = language;
  if (spoken?.language === language) return;
  const catalogue = await persist(() => loaders[language]().catch(unreachable));
  if (spoken && wanted !== language) return;
  spoken = { language, catalogue };
  document.documentElement.lang = language;
}

function unreachable(): never {
  throw new ApiError(0, 'network');
}

/** Nothing as long as no language is there. */
export function t<K extends Key>(key: K, ...[values]: Values<K>): string {
  return spoken ? render(spoken.language, spoken.catalogue[key], values ?? {}) : '';
}

export function render(to: Language, message: Message, values: Record<string, string | number>): string {
  const text = typeof message === 'string' ? message : message[pluralForm(to, Number(values.count))];
  return text.replace(/\{(\w+)\}/g, (placeholder, name: string) => {
    const value = values[name];
    if (value === undefined) return placeholder;
    return typeof value === 'number' ? new Intl.NumberFormat(to).format(value) : value;
  });
}

function pluralForm(to: Language, count: number): 'one' | 'other' {
  return new Intl.PluralRules(to).select(count) === 'one' ? 'one' : 'other';
}
