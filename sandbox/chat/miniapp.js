/** The phone-shaped window in which a Mini App runs: its frame, header, and the buttons at its foot. */
import { getWebApp } from './api.js';
import { complain, confirm, openMenu } from './dialogs.js';
import { byId, calm, h } from './dom.js';
import { Host } from './host.js';
import { onThemeChange, theme, themeParams } from './theme.js';
/** @import {Surroundings, View} from './host.js' */
/** @import {MenuItem} from './dialogs.js' */

/** As far as the client's floating buttons reach into a full-screen app. */
const FLOATING_BUTTONS_PX = 60;
const COLOR = /^#[0-9a-f]{6}$/i;
/** Where the app lies over the chat instead of beside it; the stylesheet's own breakpoint. */
const narrow = matchMedia('(max-width: 900px)');
/** Longest wait for the app's own word that it is ready. */
const REVEAL_MS = 4_000;
const SANDBOX =
  'allow-scripts allow-same-origin allow-forms allow-modals allow-downloads allow-popups allow-popups-to-escape-sandbox';

/** @typedef {{is_visible?: boolean, is_active?: boolean, is_progress_visible?: boolean, text?: string, color?: string,
 *   text_color?: string, has_shine_effect?: boolean, position?: string}} ButtonState */
/** @typedef {{url: string, startParam: string}} Launch */

/** @implements {View} */
export class MiniApp {
  #around;
  #element = byId('app');
  #phone = byId('app-phone');
  #stage = byId('app-stage');
  #bar = byId('app-buttons');
  #main = h('button', { type: 'button', class: 'app-button main', hidden: true });
  #secondary = h('button', { type: 'button', class: 'app-button secondary', hidden: true });
  #leave = byId('app-leave');
  #title = byId('app-title');
  /** @type {HTMLIFrameElement | null} */
  #frame = null;
  /** @type {Host | null} */
  #host = null;
  /** @type {Launch | null} */
  #launch = null;
  #origin = '';
  #heard = false;
  #revealTimer = 0;
  #hasBack = false;
  /** @type {{main: ButtonState, secondary: ButtonState}} */
  #buttons = { main: {}, secondary: {} };
  #colors = { header: '', background: '', bottom: '' };

  /** @param {Surroundings & {title: string}} around */
  constructor(around) {
    this.#around = around;
    this.#title.textContent = around.title;
    addEventListener('message', (event) => this.#received(event));
    onThemeChange(() => {
      this.#paint();
      this.#host?.tellTheme();
    });
    narrow.addEventListener('change', () => this.#cover());
    new ResizeObserver(() => this.#host?.tellViewport()).observe(this.#stage);
    this.#bar.append(this.#main, this.#secondary);
    this.#main.addEventListener('click', () => this.post('main_button_pressed'));
    this.#secondary.addEventListener('click', () => this.post('secondary_button_pressed'));
    this.#leave.addEventListener('click', () =>
      this.#hasBack ? this.post('back_button_pressed') : this.requestClose(),
    );
    byId('app-more').addEventListener('click', (event) =>
      this.#openMenu(/** @type {HTMLElement} */ (event.currentTarget)),
    );
    byId('app-shade').addEventListener('click', () => this.requestClose());
  }

  get isOpen() {
    return this.#frame !== null;
  }

  /** Opens an app, or brings forward the one that is open already. @param {string} url @param {string} [startParam] */
  async open(url, startParam = '') {
    if (this.#launch?.url === url && this.#launch.startParam === startParam) {
      this.#frame?.focus();
      this.pulse('light');
      return;
    }
    await this.#start({ url, startParam });
  }

  /** @param {Launch} launch */
  async #start(launch) {
    let signed;
    try {
      signed = await getWebApp(this.#around.person().id, { ...launch, theme: theme() });
    } catch (error) {
      complain(error);
      return;
    }
    this.close();
    const address = withOurTheme(signed.url);
    this.#launch = launch;
    this.#origin = address.origin;
    this.#host = new Host(this, this.#around);
    this.#frame = h('iframe', {
      class: 'app-frame',
      title: 'Mini App',
      sandbox: SANDBOX,
      allow: 'clipboard-read; clipboard-write; camera',
    });
    this.#frame.addEventListener('load', () => {
      this.#revealTimer = setTimeout(() => this.reveal(), REVEAL_MS);
    });
    this.#stage.append(this.#frame);
    this.#stage.classList.add('loading');
    this.#frame.src = address.href;
    this.#element.hidden = false;
    this.#cover();
    this.#paint();
    this.#frame.focus();
  }

  close() {
    clearTimeout(this.#revealTimer);
    this.#host?.stopWaitingForReload();
    this.#frame?.remove();
    this.#frame = null;
    this.#host = null;
    this.#launch = null;
    this.#heard = false;
    this.#buttons = { main: {}, secondary: {} };
    this.#colors = { header: '', background: '', bottom: '' };
    this.#element.hidden = true;
    this.#element.classList.remove('fullscreen');
    this.#cover();
    this.setBack(false);
    this.#drawButtons();
  }

  async requestClose() {
    const asks = this.#host?.asksBeforeClosing;
    if (!asks || (await confirm('Changes that you made may not be saved.', 'Close anyway', 'destructive')))
      this.close();
  }

  /** Sends the app an event. Until it has spoken there is nobody in the frame to hear one.
   * @param {string} eventType @param {unknown} [eventData] */
  post(eventType, eventData) {
    if (!this.#heard) return;
    this.#frame?.contentWindow?.postMessage(JSON.stringify({ eventType, eventData }), this.#origin);
  }

  /** @param {MessageEvent} event */
  #received(event) {
    if (!this.#frame || event.source !== this.#frame.contentWindow || event.origin !== this.#origin) return;
    this.#heard = true;
    this.#host?.receive(event.data);
  }

  reveal() {
    clearTimeout(this.#revealTimer);
    this.#stage.classList.remove('loading');
  }

  size() {
    return { width: this.#stage.clientWidth, height: this.#stage.clientHeight };
  }

  overlap() {
    return this.#element.classList.contains('fullscreen') ? FLOATING_BUTTONS_PX : 0;
  }

  /** @param {boolean} on */
  setFullscreen(on) {
    if (this.#element.classList.contains('fullscreen') === on) return false;
    this.#element.classList.toggle('fullscreen', on);
    this.#cover();
    return true;
  }

  /** What lies under the app is out of reach, for the keyboard too. */
  #cover() {
    const covered = this.isOpen && (narrow.matches || this.#element.classList.contains('fullscreen'));
    byId('chat').inert = covered;
    byId('drawer').inert = covered;
  }

  /** Makes room on a phone, where a link of the app's leads to the chat beneath. */
  stepAside() {
    if (narrow.matches) this.close();
  }

  /** @param {boolean} visible */
  setBack(visible) {
    this.#hasBack = visible;
    this.#leave.classList.toggle('is-back', visible);
    this.#leave.setAttribute('aria-label', visible ? 'Back' : 'Close the app');
    this.#leave.title = visible ? 'Back' : 'Close';
  }

  /** @param {'header' | 'background' | 'bottom'} part @param {string} color */
  setColor(part, color) {
    this.#colors[part] = color;
    this.#paint();
  }

  /** @param {'main' | 'secondary'} which @param {ButtonState} state what has changed */
  setButton(which, state) {
    this.#buttons[which] = { ...this.#buttons[which], ...state };
    this.#drawButtons();
  }

  /** @param {'light' | 'strong'} strength */
  pulse(strength) {
    if (calm()) return;
    const px = strength === 'strong' ? 3 : 1;
    this.#phone.animate(
      [0, -px, px, -px / 2, 0].map((x) => ({ transform: `translateX(${x}px)` })),
      { duration: 180 },
    );
  }

  /** A theme key's colour today, or the colour itself. @param {string} color @param {string} fallback */
  #resolve(color, fallback) {
    const params = themeParams();
    if (COLOR.test(color)) return color;
    return Object.hasOwn(params, color) ? params[color] : params[fallback];
  }

  #paint() {
    const header = this.#resolve(this.#colors.header, 'header_bg_color');
    const style = this.#phone.style;
    style.setProperty('--app-header', header);
    style.setProperty('--app-header-text', isDark(header) ? '#ffffff' : '#0f1720');
    style.setProperty('--app-background', this.#resolve(this.#colors.background, 'bg_color'));
    style.setProperty('--app-bottom', this.#resolve(this.#colors.bottom, 'bottom_bar_bg_color'));
    this.#drawButtons();
  }

  #drawButtons() {
    const params = themeParams();
    const { main, secondary } = this.#buttons;
    drawButton(this.#main, main, {
      text: 'Continue',
      color: params.button_color,
      text_color: params.button_text_color,
    });
    drawButton(this.#secondary, secondary, {
      text: 'Cancel',
      color: params.bottom_bar_bg_color,
      text_color: params.button_color,
    });
    this.#bar.hidden = this.#main.hidden && this.#secondary.hidden;
    this.#bar.dataset.position =
      this.#main.hidden || this.#secondary.hidden ? '' : (secondary.position ?? 'left');
  }

  /** @param {HTMLElement} button */
  #openMenu(button) {
    /** @type {MenuItem[]} */
    const items = [{ icon: 'reload', text: 'Reload the page', run: () => this.#reload() }];
    if (this.#host?.hasSettings) {
      items.unshift({ icon: 'settings', text: 'Settings', run: () => this.post('settings_button_pressed') });
    }
    if (this.#element.classList.contains('fullscreen')) {
      items.push({ icon: 'app', text: 'Leave full screen', run: () => this.#host?.setFullscreen(false) });
    }
    items.push({ icon: 'close', text: 'Close the app', run: () => void this.requestClose() });
    openMenu(button, items);
  }

  #reload() {
    const launch = this.#launch;
    if (launch) this.#host?.reload(() => void this.#start(launch));
  }
}

/**
 * Makes a bottom button look as the app says. A busy one stays where it is but can't be pressed.
 * @param {HTMLButtonElement} button
 * @param {ButtonState} state
 * @param {{text: string, color: string, text_color: string}} otherwise what the app left unsaid
 */
function drawButton(button, state, otherwise) {
  button.hidden = state.is_visible !== true;
  button.disabled = state.is_active === false || state.is_progress_visible === true;
  button.textContent = state.text || otherwise.text;
  button.classList.toggle('busy', state.is_progress_visible === true);
  button.classList.toggle('shine', state.has_shine_effect === true);
  const color = COLOR.test(state.color ?? '') ? state.color : otherwise.color;
  const text = COLOR.test(state.text_color ?? '') ? state.text_color : otherwise.text_color;
  button.style.setProperty('--button', color ?? '');
  button.style.setProperty('--button-text', text ?? '');
}

/** The theme is the client's own, so its colours go into the launch parameters here. @param {string} address */
function withOurTheme(address) {
  const ours = encodeURIComponent(JSON.stringify(themeParams()));
  return new URL(address.replace(/(?<=[#&?]tgWebAppThemeParams=)[^&]*/, ours));
}

/** Whether white reads better on it than black (ITU-R BT.601). @param {string} color `#rrggbb` */
function isDark(color) {
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
  return 0.299 * red + 0.587 * green + 0.114 * blue < 140;
}
