import { languageOf, type Language } from './i18n/catalogues';

type Color = `#${string}`;
export type Theme = Partial<Record<string, Color>>;

/** What Telegram's client says of itself, of the person, and of where to go. */
export interface Launch {
  /** The proof of identity, as Telegram signed it. */
  initData: string;
  language: Language;
  /** What follows `startapp=` in the link that led here. */
  startParam: string | null;
  /** Mini Apps version of the client. */
  version: string | null;
  theme: Theme;
  isFullscreen: boolean;
  /** Whether the bot may write to the person. */
  canWrite: boolean;
}

const REMEMBERED = 'selfi.launch';

/** The launch by the page's address; some clients reload a page without what follows its `#`. */
export function currentLaunch(): Launch | null {
  const launch = readLaunch(location.hash);
  try {
    if (launch) sessionStorage.setItem(REMEMBERED, location.hash);
    return launch ?? readLaunch(sessionStorage.getItem(REMEMBERED) ?? '');
  } catch {
    return launch; // storage may be switched off
  }
}

/**
 * The launch parameters (https://docs.telegram-mini-apps.com/platform/launch-parameters); null outside Telegram. The
 * SDK's own reader refuses them all for one that it doesn't expect: old clients have no `signature` in their init
 * data, and their people would be locked out. Here whatever can't be read is left out.
 */
export function readLaunch(fragment: string): Launch | null {
  const parameters = new URLSearchParams(fragment.replace(/^#/, ''));
  const initData = parameters.get('tgWebAppData');
  if (!initData) return null;
  const fields = new URLSearchParams(initData);
  const person = parsed(fields.get('user'));
  const code = person.language_code;
  return {
    initData,
    language: languageOf(typeof code === 'string' ? code : navigator.language),
    startParam: parameters.get('tgWebAppStartParam') ?? fields.get('start_param'),
    version: parameters.get('tgWebAppVersion'),
    theme: themeOf(parsed(parameters.get('tgWebAppThemeParams'))),
    isFullscreen: ['1', 'true'].includes(parameters.get('tgWebAppFullscreen') ?? ''),
    canWrite: person.allows_write_to_pm === true,
  };
}

function themeOf(colors: Record<string, unknown>): Theme {
  return Object.fromEntries(
    Object.entries(colors).filter((pair): pair is [string, Color] => isColor(pair[1])),
  );
}

const isColor = (value: unknown): boolean => typeof value === 'string' && /^#[0-9a-f]{3,8}$/i.test(value);

function parsed(json: string | null): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(json ?? '');
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
