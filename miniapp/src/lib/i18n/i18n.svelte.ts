import { ApiError } from '../api';
import { persist } from '../retry';
import { type Catalogue, catalogues, type Key, type Language, type Message } from './catalogues';
import type { en } from './en';

export type { Key, Language } from './catalogues';

type Placeholders<Text> = Text extends `${string}{${infer Name}}${infer Rest}`
  ? Name | Placeholders<Rest>
  : never;
type Names<K extends Key> = Placeholders<
  (typeof en)[K] extends { other: infer Other } ? Other : (typeof en)[K]
>;
/** The values that a message needs, by its own placeholders. */
export type Values<K extends Key> = [Names<K>] extends [never] ? [] : [Record<Names<K>, string | number>];

let wanted: Language = 'en';
let spoken = $state.raw<{ language: Language; catalogue: Catalogue } | null>(null);

export function currentLanguage(): Language {
  return spoken?.language ?? wanted;
}

/**
 * Rejects where the language can't be loaded: then the one spoken so far stays. Of several at once the last one
 * counts.
 */
export async function setLanguage(language: Language): Promise<void> {
  wanted = language;
  if (spoken?.language === language) return;
  const catalogue = await persist(() => catalogues[language]().catch(unreachable));
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
