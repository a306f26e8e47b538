/**
 * The one place that speaks to Telegram, by the SDK's typed methods and events. (Its ready-made components for
 * buttons, theme and viewport would weigh as much again as the rest of the app's libraries.) What a client is too
 * old for is left out, and nothing else with it.
 */
import {
  isColorDark,
  type MethodParams,
  on,
  postEvent,
  type RGB,
  retrieveLaunchParams,
  retrieveRawInitData,
  setTargetOrigin,
  supports,
  type Version,
} from '@tma.js/sdk-svelte';

export interface Launch {
  /** The proof of identity, as Telegram signed it. */
  initData: string;
  /** What the link that opened the app carries (`?startapp=`). */
  startParam: string | null;
  /** IETF tag of the person's Telegram language. */
  language: string;
}

type Versioned = Parameters<typeof supports>[0];
type LaunchParams = ReturnType<typeof retrieveLaunchParams>;
type Theme = Partial<Record<string, RGB>>;

/** Mini Apps version of the client; null where there is none: a plain browser has launch parameters at most. */
let version: Version | null = null;

const can = (method: Versioned): boolean => version !== null && supports(method, version);
const systemDark = matchMedia('(prefers-color-scheme: dark)');
const root = document.documentElement;

/** Null outside Telegram. */
export function connect(): Launch | null {
  followSystemTheme();
  // Who may frame this page is for the Content-Security-Policy to say, and nothing we post is secret.
  setTargetOrigin('*');
  try {
    const params = retrieveLaunchParams();
    meetHost(params);
    const initData = retrieveRawInitData();
    if (!initData) return null;
    return {
      initData,
      startParam: params.tgWebAppStartParam ?? null,
      language: params.tgWebAppData?.user?.language_code ?? navigator.language,
    };
  } catch {
    return null;
  }
}

function meetHost(params: LaunchParams): void {
  wear(params.tgWebAppThemeParams);
  try {
    postEvent('iframe_ready', { reload_supported: true });
  } catch {
    return;
  }
  version = params.tgWebAppVersion;
  on('reload_iframe', () => {
    postEvent('iframe_will_reload');
    location.reload();
  });
  on('theme_changed', ({ theme_params }) => wear(theme_params));
  on('back_button_pressed', () => backListeners.at(-1)?.());
  on('main_button_pressed', () => mainListener?.());
  on('safe_area_changed', (insets) => setInsets('safe-area', insets));
  on('content_safe_area_changed', (insets) => setInsets('content-safe-area', insets));
  if (can('web_app_request_safe_area')) postEvent('web_app_request_safe_area');
  if (can('web_app_request_content_safe_area')) postEvent('web_app_request_content_safe_area');
  postEvent('web_app_expand');
  wear(params.tgWebAppThemeParams);
}

/** The theme as CSS variables with Telegram's own names, and the client's frame in the page's colour. */
function wear(theme: Theme): void {
  for (const [name, color] of Object.entries(theme)) {
    if (color) root.style.setProperty(`--tg-theme-${name.replaceAll('_', '-')}`, color);
  }
  const { bg_color: background, secondary_bg_color: page } = theme;
  if (background) setTheme(isColorDark(background));
  if (page) paintFrame(page);
}

function paintFrame(color: RGB): void {
  if (can('web_app_set_header_color'))
    postEvent('web_app_set_header_color', { color_key: 'secondary_bg_color' });
  if (can('web_app_set_background_color')) postEvent('web_app_set_background_color', { color });
  if (can('web_app_set_bottom_bar_color')) postEvent('web_app_set_bottom_bar_color', { color });
}

function followSystemTheme(): void {
  const follow = () => setTheme(systemDark.matches);
  follow();
  systemDark.addEventListener('change', () => {
    if (version === null) follow();
  });
}

function setTheme(dark: boolean): void {
  root.dataset.theme = dark ? 'dark' : 'light';
}

function setInsets(kind: string, insets: Record<'top' | 'bottom', number>): void {
  root.style.setProperty(`--tg-${kind}-inset-top`, `${insets.top}px`);
  root.style.setProperty(`--tg-${kind}-inset-bottom`, `${insets.bottom}px`);
}

/** Takes Telegram's loading screen away. */
export function ready(): void {
  if (version !== null) postEvent('web_app_ready');
}

export function close(): void {
  if (version !== null) postEvent('web_app_close');
}

/** Opens what is behind t.me in Telegram itself. */
export function openTelegramLink(path: string): void {
  if (version !== null) postEvent('web_app_open_tg_link', { path_full: path });
  else open(`https://t.me${path}`, '_blank', 'noopener');
}

export interface MainButtonLook {
  text: string;
  enabled: boolean;
  loading: boolean;
}

let mainListener: (() => void) | null = null;
let mainLook: MainButtonLook | null = null;
let covers = 0;

export const hasMainButton = (): boolean => version !== null;

export function showMainButton(look: MainButtonLook): void {
  mainLook = look;
  updateMainButton();
}

/** One screen at a time has the MainButton; it goes with its listener. */
export function onMainButton(listener: () => void): () => void {
  mainListener = listener;
  return () => {
    if (mainListener !== listener) return;
    mainListener = mainLook = null;
    updateMainButton();
  };
}

/** Hides the MainButton while something lies over the screen that it belongs to. */
export function coverMainButton(): () => void {
  covers += 1;
  updateMainButton();
  return () => {
    covers -= 1;
    updateMainButton();
  };
}

function updateMainButton(): void {
  if (version === null) return;
  if (!mainLook || covers > 0) {
    postEvent('web_app_setup_main_button', { is_visible: false });
    return;
  }
  const { text, enabled, loading } = mainLook;
  postEvent('web_app_setup_main_button', {
    is_visible: true,
    is_active: enabled,
    is_progress_visible: loading,
    text,
  });
}

const backListeners: (() => void)[] = [];

/** The newest listener alone hears the BackButton, which is there while anybody listens. */
export function onBack(listener: () => void): () => void {
  backListeners.push(listener);
  updateBackButton();
  return () => {
    backListeners.splice(backListeners.lastIndexOf(listener), 1);
    updateBackButton();
  };
}

function updateBackButton(): void {
  if (!can('web_app_setup_back_button')) return;
  postEvent('web_app_setup_back_button', { is_visible: backListeners.length > 0 });
}

export function confirmClosing(needed: boolean): void {
  if (!can('web_app_setup_closing_behavior')) return;
  postEvent('web_app_setup_closing_behavior', { need_confirmation: needed });
}

function haptic(feedback: MethodParams<'web_app_trigger_haptic_feedback'>): () => void {
  return () => {
    if (can('web_app_trigger_haptic_feedback')) postEvent('web_app_trigger_haptic_feedback', feedback);
  };
}

export const haptics = {
  tap: haptic({ type: 'impact', impact_style: 'light' }),
  select: haptic({ type: 'selection_change' }),
  success: haptic({ type: 'notification', notification_type: 'success' }),
  warning: haptic({ type: 'notification', notification_type: 'warning' }),
  error: haptic({ type: 'notification', notification_type: 'error' }),
};
