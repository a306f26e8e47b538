/**
 * The Telegram client's side of the Mini App protocol, as its web clients speak it: names and payloads are those of
 * https://docs.telegram-mini-apps.com/platform/methods and …/platform/events. Methods not listed are ignored, as an
 * older client would.
 * @import {InvoiceSource, PaymentStatus, Person} from './types.js'
 */
import { ask, confirm, toast } from './dialogs.js';
import { h } from './dom.js';
import { invokeCloudStorage, useDeviceStorage } from './storage.js';
import { themeParams } from './theme.js';
/** @import {Choice} from './dialogs.js' */

/**
 * The window the app lives in.
 * @typedef {object} View
 * @property {(event: string, data?: unknown) => void} post
 * @property {() => void} reveal the app has something to show
 * @property {() => void} close without a question
 * @property {() => void} requestClose asks first where the app wants that
 * @property {(button: 'main' | 'secondary', state: object) => void} setButton
 * @property {(visible: boolean) => void} setBack
 * @property {(part: 'header' | 'background' | 'bottom', color: string) => void} setColor a `#rrggbb` or a theme key
 * @property {(on: boolean) => boolean} setFullscreen false where it already is so
 * @property {() => {width: number, height: number}} size
 * @property {() => number} overlap how far the client's own buttons reach into the app's top
 * @property {(strength: 'light' | 'strong') => void} pulse
 */

/**
 * What an open app may ask of the page around it.
 * @typedef {object} Surroundings
 * @property {() => Person} person
 * @property {number} botId
 * @property {(source: InvoiceSource) => Promise<PaymentStatus>} pay
 * @property {(url: string) => void} openLink
 */

const NO_INSETS = { top: 0, bottom: 0, left: 0, right: 0 };
const UNSUPPORTED = { error: 'UNSUPPORTED' };
const THIN_SCROLLBARS =
  '::-webkit-scrollbar{width:6px;height:6px}::-webkit-scrollbar-thumb{border-radius:6px;background:rgba(128,140,150,.4)}';

/** What this client has no hardware or counterpart for, and how the protocol says so. @type {Record<string, [string, object?]>} */
const REFUSALS = {
  web_app_biometry_get_info: ['biometry_info_received', { available: false }],
  web_app_biometry_request_access: ['biometry_info_received', { available: false }],
  web_app_biometry_request_auth: ['biometry_auth_requested', { status: 'failed' }],
  web_app_biometry_update_token: ['biometry_token_updated', { status: 'failed' }],
  web_app_check_location: ['location_checked', { available: false }],
  web_app_open_scan_qr_popup: ['scan_qr_popup_closed'],
  web_app_request_chat: ['requested_chat_failed', UNSUPPORTED],
  web_app_request_emoji_status_access: ['emoji_status_access_requested', { status: 'cancelled' }],
  web_app_request_location: ['location_requested', { available: false }],
  web_app_request_phone: ['phone_requested', { status: 'cancelled' }],
  web_app_set_emoji_status: ['emoji_status_failed', UNSUPPORTED],
  web_app_start_accelerometer: ['accelerometer_failed', UNSUPPORTED],
  web_app_start_device_orientation: ['device_orientation_failed', UNSUPPORTED],
  web_app_start_gyroscope: ['gyroscope_failed', UNSUPPORTED],
  web_app_stop_accelerometer: ['accelerometer_stopped'],
  web_app_stop_device_orientation: ['device_orientation_stopped'],
  web_app_stop_gyroscope: ['gyroscope_stopped'],
};

/** The words of a popup's buttons whose type brings its own. @type {Record<string, string>} */
const BUTTON_WORDS = { ok: 'OK', close: 'Close', cancel: 'Cancel' };

/** @type {Record<string, (host: Host, data: any) => void | Promise<void>>} */
const METHODS = {
  iframe_ready: (host, data) => {
    host.canReload = data?.reload_supported === true;
    host.view.post('set_custom_style', THIN_SCROLLBARS);
  },
  iframe_will_reload: (host) => host.stopWaitingForReload(),
  web_app_ready: (host) => host.view.reveal(),
  web_app_expand: (host) => host.tellViewport(),
  web_app_close: (host) => host.view.close(),
  web_app_request_theme: (host) => host.tellTheme(),
  web_app_request_viewport: (host) => host.tellViewport(),
  web_app_request_safe_area: (host) => host.view.post('safe_area_changed', NO_INSETS),
  web_app_request_content_safe_area: (host) => host.tellContentInsets(),

  web_app_setup_main_button: (host, data) => host.view.setButton('main', data ?? {}),
  web_app_setup_secondary_button: (host, data) => host.view.setButton('secondary', data ?? {}),
  web_app_setup_back_button: (host, data) => host.view.setBack(data?.is_visible === true),
  web_app_setup_settings_button: (host, data) => void (host.hasSettings = data?.is_visible === true),
  web_app_setup_closing_behavior: (host, data) =>
    void (host.asksBeforeClosing = data?.need_confirmation === true),
  web_app_set_header_color: (host, data) => host.view.setColor('header', data?.color ?? data?.color_key),
  web_app_set_background_color: (host, data) => host.view.setColor('background', data?.color),
  web_app_set_bottom_bar_color: (host, data) => host.view.setColor('bottom', data?.color),
  web_app_trigger_haptic_feedback: (host, data) => host.pulse(data),

  web_app_open_popup: (host, data) => host.openPopup(data),
  web_app_open_invoice: (host, data) => host.openInvoice(String(data?.slug ?? '')),
  web_app_open_link: (host, data) => host.around.openLink(String(data?.url ?? '')),
  web_app_open_tg_link: (host, data) =>
    host.around.openLink(`https://t.me/${String(data?.path_full ?? '').replace(/^\//, '')}`),
  web_app_switch_inline_query: (_host, data) =>
    toast(`The app wants to look up “${data?.query ?? ''}” in another chat.`),
  web_app_share_to_story: () =>
    toast('The app opened Telegram’s story editor, which the sandbox doesn’t have.'),
  web_app_data_send: (host) => {
    toast('Data from a reply keyboard’s app isn’t part of the sandbox.');
    host.view.close();
  },

  web_app_request_write_access: (host) => host.answerWriteAccess(),
  web_app_request_file_download: (host, data) => host.download(data),
  web_app_send_prepared_message: (host) => host.sharePrepared(),
  web_app_read_text_from_clipboard: (host, data) => host.readClipboard(data?.req_id),
  web_app_invoke_custom_method: (host, data) => host.invoke(data),
  web_app_device_storage_save_key: (host, data) =>
    host.storeOnDevice('web_app_device_storage_save_key', data),
  web_app_device_storage_get_key: (host, data) => host.storeOnDevice('web_app_device_storage_get_key', data),
  web_app_device_storage_clear: (host, data) => host.storeOnDevice('web_app_device_storage_clear', data),
  web_app_secure_storage_save_key: (host, data) => host.refuseSecurely(data),
  web_app_secure_storage_get_key: (host, data) => host.refuseSecurely(data),
  web_app_secure_storage_restore_key: (host, data) => host.refuseSecurely(data),
  web_app_secure_storage_clear: (host, data) => host.refuseSecurely(data),

  web_app_request_fullscreen: (host) => host.setFullscreen(true),
  web_app_exit_fullscreen: (host) => host.setFullscreen(false),
  web_app_check_home_screen: (host) =>
    host.view.post('home_screen_checked', {
      status: localStorage.getItem(host.homeKey) ? 'added' : 'missed',
    }),
  web_app_add_to_home_screen: (host) => host.addToHomeScreen(),
};

export class Host {
  asksBeforeClosing = false;
  canReload = false;
  hasSettings = false;
  #popupOpen = false;
  #reloadTimer = 0;

  /** @param {View} view @param {Surroundings} around */
  constructor(view, around) {
    this.view = view;
    this.around = around;
  }

  get owner() {
    return `${this.around.botId}:${this.around.person().id}`;
  }

  get homeKey() {
    return `home-screen:${this.owner}`;
  }

  /** A message of the app's, already known to be from its own window. @param {unknown} message */
  receive(message) {
    if (typeof message !== 'string') return;
    let parsed;
    try {
      parsed = JSON.parse(message);
    } catch {
      return;
    }
    const { eventType, eventData } = parsed ?? {};
    if (Object.hasOwn(REFUSALS, eventType)) this.view.post(...REFUSALS[eventType]);
    else if (Object.hasOwn(METHODS, eventType)) void METHODS[eventType](this, eventData);
  }

  tellTheme() {
    this.view.post('theme_changed', { theme_params: themeParams() });
  }

  tellViewport() {
    this.view.post('viewport_changed', { ...this.view.size(), is_expanded: true, is_state_stable: true });
  }

  tellContentInsets() {
    this.view.post('content_safe_area_changed', { ...NO_INSETS, top: this.view.overlap() });
  }

  /** @param {boolean} on */
  setFullscreen(on) {
    if (this.view.setFullscreen(on)) {
      this.view.post('fullscreen_changed', { is_fullscreen: on });
      this.view.post('safe_area_changed', NO_INSETS);
      this.tellContentInsets();
      this.tellViewport();
    } else if (on) {
      this.view.post('fullscreen_failed', { error: 'ALREADY_FULLSCREEN' });
    }
  }

  /** Asks the app to load itself anew, and does it for one that can't. @param {() => void} force */
  reload(force) {
    if (!this.canReload) {
      force();
      return;
    }
    this.view.post('reload_iframe');
    this.#reloadTimer = setTimeout(force, 500);
  }

  stopWaitingForReload() {
    clearTimeout(this.#reloadTimer);
  }

  /** @param {{type?: string, impact_style?: string, notification_type?: string} | undefined} data */
  pulse(data) {
    const strong = data?.type === 'notification' || ['heavy', 'rigid'].includes(data?.impact_style ?? '');
    this.view.pulse(strong ? 'strong' : 'light');
    // Browsers refuse, loudly, before the first tap on the page.
    if (navigator.userActivation?.hasBeenActive) navigator.vibrate?.(strong ? 30 : 10);
  }

  /** @param {any} data */
  async openPopup(data) {
    if (this.#popupOpen) return;
    this.#popupOpen = true;
    /** @type {Choice[]} */
    const choices = (Array.isArray(data?.buttons) ? data.buttons : [])
      .slice(0, 3)
      .map((/** @type {any} */ button) => ({
        id: String(button?.id ?? ''),
        text: BUTTON_WORDS[button?.type] ?? String(button?.text ?? ''),
        kind: button?.type === 'destructive' ? 'destructive' : 'default',
      }));
    if (choices.length === 0) choices.push({ id: '', text: 'Close' });
    const chosen = await ask({
      title: String(data?.title ?? ''),
      message: String(data?.message ?? ''),
      choices,
    });
    this.#popupOpen = false;
    this.view.post('popup_closed', chosen === null ? {} : { button_id: chosen });
  }

  /** @param {string} slug */
  async openInvoice(slug) {
    const status = await this.around.pay({ slug });
    this.view.post('invoice_closed', { slug, status });
  }

  /** A person who has started the bot has allowed it to write; nobody else can from here. */
  answerWriteAccess() {
    const { started, blocked } = this.around.person();
    this.view.post('write_access_requested', { status: started && !blocked ? 'allowed' : 'cancelled' });
  }

  /** @param {any} data */
  async download(data) {
    const url = String(data?.url ?? '');
    const name = String(data?.file_name ?? 'file');
    const agreed = /^https?:/i.test(url) && (await confirm(`Download “${name}”?`, 'Download'));
    if (agreed) h('a', { href: url, download: name, target: '_blank', rel: 'noopener' }).click();
    this.view.post('file_download_requested', { status: agreed ? 'downloading' : 'cancelled' });
  }

  async sharePrepared() {
    const sent = await confirm(
      'The app wants to share a message in another chat. Say that it was sent?',
      'Say so',
    );
    if (sent) this.view.post('prepared_message_sent');
    else this.view.post('prepared_message_failed', { error: 'USER_DECLINED' });
  }

  /** @param {unknown} id */
  async readClipboard(id) {
    const data = await navigator.clipboard.readText().catch(() => null);
    this.view.post('clipboard_text_received', { req_id: id, data });
  }

  /** @param {any} data */
  invoke(data) {
    const id = { req_id: data?.req_id };
    try {
      const result = invokeCloudStorage(this.owner, data?.method, data?.params);
      this.view.post('custom_method_invoked', { ...id, result });
    } catch (error) {
      this.view.post('custom_method_invoked', {
        ...id,
        error: error instanceof Error ? error.message : 'UNKNOWN_ERROR',
      });
    }
  }

  /** @param {string} method @param {any} data */
  storeOnDevice(method, data) {
    this.view.post(...useDeviceStorage(this.owner, method, data));
  }

  /** @param {any} data */
  refuseSecurely(data) {
    this.view.post('secure_storage_failed', { req_id: data?.req_id, ...UNSUPPORTED });
  }

  async addToHomeScreen() {
    if (await confirm('Add the app to the home screen?', 'Add')) {
      localStorage.setItem(this.homeKey, 'added');
      this.view.post('home_screen_added');
    } else {
      this.view.post('home_screen_failed');
    }
  }
}
