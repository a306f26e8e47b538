import { persist } from '../retry';
import {
  catalogues,
  type English,
  type Key,
  type Language,
  laterCatalogues,
  type Message,
} from './catalogues';

export type { Key, Language } from './catalogues';

type Placeholders<Text> = Text extends `${string}{${infer Name}}${infer Rest}`
  ? Name | Placeholders<Rest>
  : never;
type Names<K extends Key> = Placeholders<English[K] extends { other: infer Other } ? Other : English[K]>;
/** The values that a message needs, by its own placeholders. */
export type Values<K extends Key> = [Names<K>] extends [never] ? [] : [Record<Names<K>, string | number>];

interface Spoken {
  language: Language;
  catalogue: Partial<Record<Key, Message>>;
  /** With what the first screen doesn't say. */
  isWhole: boolean;
}

let wanted: Language = 'en';
let wantsWhole = false;
let spoken = $state.raw<Spoken | null>(null);

export function currentLanguage(): Language {
  return spoken?.language ?? wanted;
}

/**
 * Rejects where the language can't be loaded: then the one spoken so far stays. Of several at once the last one
 * counts.
 */
export async function setLanguage(language: Language): Promise<void> {
  wanted = language;
  await learn(language);
}

/** Brings the words of all screens after the first one, in whichever language is spoken then. */
export async function speakOfAll(): Promise<void> {
  wantsWhole = true;
  await learn(wanted);
}

async function learn(language: Language): Promise<void> {
  const isWhole = wantsWhole;
  if (spoken?.language === language && spoken.isWhole === isWhole) return;
  const catalogue = await persist(() => read(language, isWhole));
  if (spoken && wanted !== language) return;
  if (isWhole === wantsWhole) spoken = { language, catalogue, isWhole };
  else await learn(language);
  document.documentElement.lang = language;
}

async function read(language: Language, isWhole: boolean): Promise<Spoken['catalogue']> {
  const parts = [catalogues[language](), ...(isWhole ? [laterCatalogues[language]()] : [])];
  return Object.assign({}, ...(await Promise.all<Spoken['catalogue']>(parts))) as Spoken['catalogue'];
}

/** Nothing as long as its words aren't there. */
export function t<K extends Key>(key: K, ...[values]: Values<K>): string {
  const message = spoken?.catalogue[key];
  return spoken && message ? render(spoken.language, message, values ?? {}) : '';
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
