/** Telegram's colours and the edges of the screen, as CSS variables. */
import type { MethodParams } from '@tma.js/bridge';
import type { Theme } from '../launch';
import { isHosted, tell } from './client';
import { makeReadable } from './contrast';

type HeaderColor = MethodParams<'web_app_set_header_color'>;
type Insets = Record<'top' | 'right' | 'bottom' | 'left', number>;

const root = document.documentElement;
const systemDark = matchMedia('(prefers-color-scheme: dark)');
let worn: Theme = {};
let isDarkened = false;

export const themeColor = (name: string): Theme[string] => worn[name];

/** The theme under Telegram's own names, and the client's frame in the page's colour. */
export function wear(theme: Theme): void {
  for (const name of Object.keys(worn)) root.style.removeProperty(variable(name));
  for (const [name, color] of Object.entries(theme)) root.style.setProperty(variable(name), color ?? null);
  worn = theme;
  setDark(isDarkTheme(theme) ?? systemDark.matches);
  const { secondary_bg_color: page } = theme;
  if (page && !isDarkened) paintFrame(page, { color_key: 'secondary_bg_color' });
}

/** Until a client says otherwise. */
export function followSystemTheme(): void {
  setDark(systemDark.matches);
  systemDark.addEventListener('change', () => {
    if (!isHosted()) setDark(systemDark.matches);
  });
}

export function setInsets(kind: 'safe-area' | 'content-safe-area', insets: Insets): void {
  for (const side of ['top', 'right', 'bottom', 'left'] as const) {
    root.style.setProperty(`--tg-${kind}-inset-${side}`, `${insets[side]}px`);
  }
}

/** Black for as long as pictures are looked at; what is returned ends that. */
export function darkenFrame(): () => void {
  paintFrame('#000000');
  isDarkened = true;
  return () => {
    isDarkened = false;
    wear(worn);
  };
}

const variable = (name: string): string => `--tg-theme-${name.replaceAll('_', '-')}`;

function paintFrame(color: NonNullable<Theme[string]>, header: HeaderColor = { color }): void {
  tell('web_app_set_header_color', header);
  tell('web_app_set_background_color', { color });
  tell('web_app_set_bottom_bar_color', { color });
}

function setDark(dark: boolean): void {
  root.dataset.theme = dark ? 'dark' : 'light';
  makeReadable();
}

/** By whatever the client told of it: old ones leave much of a theme out. Null where that says nothing. */
function isDarkTheme(theme: Theme): boolean | null {
  const back = theme.bg_color ?? theme.secondary_bg_color ?? theme.section_bg_color;
  if (back) return isDark(back);
  return theme.text_color ? !isDark(theme.text_color) : null;
}

/** Whether white reads better on it (ITU-R BT.601); `#rgb` and `#rrggbb`, with or without transparency. */
function isDark(color: string): boolean {
  const digits = color.length < 7 ? 1 : 2;
  const [red = 0, green = 0, blue = 0] = [0, 1, 2].map((at) => {
    const part = color.slice(1 + at * digits, 1 + (at + 1) * digits);
    return Number.parseInt(digits === 1 ? part + part : part, 16);
  });
  return 0.299 * red + 0.587 * green + 0.114 * blue < 140;
}
