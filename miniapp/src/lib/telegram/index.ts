/**
 * The one place that speaks to Telegram, by the SDK's typed methods and events. (Its ready-made components for
 * buttons, theme and viewport would weigh as much again as the rest of the app's libraries.)
 */
import { type EventPayload, type MethodParams, on } from '@tma.js/bridge';
import type { Launch } from '../launch';
import { backButton, drawBottomButtons, mainButton, secondaryButton, settingsButton } from './buttons';
import { can, isHosted, meet, tell } from './client';
import { fullscreen } from './fullscreen.svelte';
import { followSystemTheme, setInsets, wear } from './theme';

export {
  type ButtonLook,
  coverBottomButtons,
  hasBackButton,
  mainButton,
  onBack,
  onSettings,
  secondaryButton,
} from './buttons';
export { isHosted } from './client';
export { darkenFrame } from './theme';
export { fullscreen } from './fullscreen.svelte';

/** `paid`, `cancelled`, `failed` or `pending`, or one that came later. */
type InvoiceStatus = EventPayload<'invoice_closed'>['status'];

/** Whether the bot may write to the person, as far as we know. */
let canWrite = true;

/** Meets the client that opened this page, if there is one. */
export function connect(launch: Launch | null): void {
  followSystemTheme();
  if (!launch) return;
  const isHosted = launch.version !== null && meet(launch.version);
  wear(launch.theme);
  if (isHosted) settleIn(launch);
}

function settleIn(launch: Launch): void {
  on('reload_iframe', () => {
    tell('iframe_will_reload');
    location.reload();
  });
  on('theme_changed', ({ theme_params }) => {
    wear(theme_params);
    drawBottomButtons();
  });
  on('main_button_pressed', () => mainButton.press());
  on('secondary_button_pressed', () => secondaryButton.press());
  on('back_button_pressed', () => backButton.press());
  on('settings_button_pressed', () => settingsButton.press());
  on('safe_area_changed', (insets) => setInsets('safe-area', insets));
  on('content_safe_area_changed', (insets) => setInsets('content-safe-area', insets));
  on('write_access_requested', ({ status }) => (canWrite = status === 'allowed'));
  canWrite = launch.canWrite;
  tell('web_app_request_safe_area');
  tell('web_app_request_content_safe_area');
  tell('web_app_expand');
  // The page scrolls, and a swipe too far would close it in the middle of an upload.
  tell('web_app_setup_swipe_behavior', { allow_vertical_swipe: false });
  fullscreen.begin(launch.isFullscreen);
}

/** Takes Telegram's loading screen away. */
export function ready(): void {
  tell('web_app_ready');
}

export function close(): void {
  tell('web_app_close');
}

/** Offers the file of one of our addresses to be saved; clients that can't do that open it outside of them. */
export function download(path: string, fileName: string): void {
  const url = new URL(path, location.href).href;
  if (can('web_app_request_file_download'))
    tell('web_app_request_file_download', { url, file_name: fileName });
  else if (isHosted()) tell('web_app_open_link', { url });
  else window.open(url, '_blank', 'noopener');
}

export function confirmClosing(needed: boolean): void {
  if (isHosted()) tell('web_app_setup_closing_behavior', { need_confirmation: needed });
  else window.onbeforeunload = needed ? (event) => event.preventDefault() : null;
}

/** So that the bot can tell how a training ended, and send pictures. Asks nobody who has allowed it already. */
export function askToWrite(): void {
  if (!canWrite) tell('web_app_request_write_access');
}

/** The same, and answers whether it may, as far as the client lets us know. */
export function mayWrite(): Promise<boolean> {
  if (canWrite || !can('web_app_request_write_access')) return Promise.resolve(true);
  return new Promise((resolve) => {
    const off = on('write_access_requested', ({ status }) => {
      off();
      resolve(status === 'allowed');
    });
    askToWrite();
  });
}

/** Opens `https://t.me/…`: a chat, a bot, or a place to share something. */
export function openTelegramLink(path: string): void {
  if (can('web_app_open_tg_link')) tell('web_app_open_tg_link', { path_full: `/${path}` });
  else window.open(`https://t.me/${path}`, '_blank', 'noopener');
}

/** Whether the client has a payment sheet to lay over the app. */
export const hasPayments = (): boolean => can('web_app_open_invoice');

/** Opens `https://t.me/…`, an invoice, in the client's payment sheet, and answers how that was closed. */
export function openInvoice(path: string): Promise<InvoiceStatus> {
  const slug = path.replace(/^(\$|invoice\/)/, '');
  return new Promise((resolve) => {
    const off = on('invoice_closed', (closed) => {
      if (closed.slug !== slug) return;
      off();
      resolve(closed.status);
    });
    tell('web_app_open_invoice', { slug });
  });
}

/** Of a client that hides the app without hiding the page, and shows it again. Answers what ends it. */
export const onShown = (listener: () => void): (() => void) =>
  on('visibility_changed', ({ is_visible }) => {
    if (is_visible) listener();
  });

function haptic(feedback: MethodParams<'web_app_trigger_haptic_feedback'>): () => void {
  return () => tell('web_app_trigger_haptic_feedback', feedback);
}

export const haptics = {
  tap: haptic({ type: 'impact', impact_style: 'light' }),
  select: haptic({ type: 'selection_change' }),
  success: haptic({ type: 'notification', notification_type: 'success' }),
  warning: haptic({ type: 'notification', notification_type: 'warning' }),
  error: haptic({ type: 'notification', notification_type: 'error' }),
};
