import { currentLanguage } from './i18n/i18n.svelte';

/** “5 min”, “1 h 20 min”, “40 s”: rounded as a person would, never to zero. */
export function duration(seconds: number): string {
  const rounded = Math.max(1, Math.round(seconds));
  if (rounded < 60) return unit(rounded, 'second');
  const minutes = Math.round(rounded / 60);
  if (minutes < 60) return unit(minutes, 'minute');
  const hours = unit(Math.floor(minutes / 60), 'hour');
  return minutes % 60 === 0 ? hours : `${hours} ${unit(minutes % 60, 'minute')}`;
}

export function percent(value: number): string {
  return new Intl.NumberFormat(currentLanguage(), { style: 'percent' }).format(value / 100);
}

export function count(value: number): string {
  return new Intl.NumberFormat(currentLanguage()).format(value);
}

/** What somebody has written, perhaps as `count` writes it, with its separators of thousands. */
export function withoutSeparators(number: string): string {
  const parts = new Intl.NumberFormat(currentLanguage()).formatToParts(1e6);
  const separator = parts.find(({ type }) => type === 'group')?.value ?? '';
  const groups = number.split(separator);
  const isGrouped = groups.every((digits, index) => (index ? /^\d{3}$/ : /^\d{1,3}$/).test(digits));
  return isGrouped ? groups.join('') : number;
}

export function dateTime(iso: string): string {
  return new Intl.DateTimeFormat(currentLanguage(), { dateStyle: 'medium', timeStyle: 'short' }).format(
    new Date(iso),
  );
}

function unit(value: number, name: 'second' | 'minute' | 'hour'): string {
  return new Intl.NumberFormat(currentLanguage(), { style: 'unit', unit: name, unitDisplay: 'short' }).format(
    value,
  );
}
