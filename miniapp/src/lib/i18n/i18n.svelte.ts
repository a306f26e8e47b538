import { en } from './en';
import { es } from './es';

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

export const catalogues: Record<Language, Catalogue> = { en, es };

let language = $state<Language>('en');

export function currentLanguage(): Language {
  return language;
}

/** Takes an IETF tag; what we don't speak becomes English. */
export function setLanguage(tag: string): void {
  const [primary] = tag.toLowerCase().split('-');
  language = LANGUAGES.find((known) => known === primary) ?? 'en';
  document.documentElement.lang = language;
}

export function t<K extends Key>(key: K, ...[values]: Values<K>): string {
  return render(language, catalogues[language][key], values ?? {});
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
