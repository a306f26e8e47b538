/** Light and dark: the page's own, and the colours that a Mini App is told. */

const KEY = 'selfi-sandbox-theme';
const dark = matchMedia('(prefers-color-scheme: dark)');
/** @type {Set<() => void>} */
const listeners = new Set();

/**
 * A Mini App's theme parameters (https://core.telegram.org/bots/webapps#themeparams); the page's stylesheet
 * uses the same colours.
 */
const PARAMS = {
  light: {
    accent_text_color: '#1c7cc4',
    bg_color: '#ffffff',
    bottom_bar_bg_color: '#ffffff',
    button_color: '#2481cc',
    button_text_color: '#ffffff',
    destructive_text_color: '#cf3034',
    header_bg_color: '#ffffff',
    hint_color: '#707579',
    link_color: '#1c7cc4',
    secondary_bg_color: '#f1f3f5',
    section_bg_color: '#ffffff',
    section_header_text_color: '#1c7cc4',
    section_separator_color: '#e4e7ea',
    subtitle_text_color: '#707579',
    text_color: '#0f1720',
  },
  dark: {
    accent_text_color: '#6ab3f3',
    bg_color: '#17212b',
    bottom_bar_bg_color: '#17212b',
    button_color: '#2f7dc4',
    button_text_color: '#ffffff',
    destructive_text_color: '#ff7a7a',
    header_bg_color: '#17212b',
    hint_color: '#8d9cab',
    link_color: '#6ab3f3',
    secondary_bg_color: '#0e1621',
    section_bg_color: '#17212b',
    section_header_text_color: '#6ab3f3',
    section_separator_color: '#0b121a',
    subtitle_text_color: '#8d9cab',
    text_color: '#f5f7f9',
  },
};

/** @returns {'light' | 'dark'} */
export function theme() {
  const chosen = localStorage.getItem(KEY);
  if (chosen === 'light' || chosen === 'dark') return chosen;
  return dark.matches ? 'dark' : 'light';
}

/** @returns {Record<string, string>} */
export const themeParams = () => PARAMS[theme()];

export function toggleTheme() {
  const next = theme() === 'dark' ? 'light' : 'dark';
  // Back at what the system says, the page follows the system again.
  if ((next === 'dark') === dark.matches) localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, next);
  apply();
}

/** @param {() => void} listener called whenever the theme has changed */
export const onThemeChange = (listener) => listeners.add(listener);

function apply() {
  document.documentElement.dataset.theme = theme();
  for (const listener of listeners) listener();
}

dark.addEventListener('change', apply);
apply();
