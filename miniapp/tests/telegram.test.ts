// @vitest-environment happy-dom
import { offAll } from '@tma.js/bridge';
import { beforeEach, expect, test, vi } from 'vitest';
import { readLaunch } from '../src/lib/launch';

type Params = Record<string, unknown> | undefined;
type Post = [method: string, params: Params];

const DARK = {
  bg_color: '#17212b',
  secondary_bg_color: '#0f1620',
  text_color: '#ffffff',
  button_color: '#3f86c6',
};

/** A phone's client: it takes methods through the proxy that it puts into the page, and calls back. */
const client = {
  posts: [] as Post[],

  async open(version: string, { theme = DARK, user = {}, fragment = '' } = {}) {
    const person = JSON.stringify({ id: 7, first_name: 'Ana', language_code: 'es', ...user });
    const initData = new URLSearchParams({ user: person, auth_date: '1', hash: 'a', signature: 'b' });
    const launch = new URLSearchParams({
      tgWebAppData: String(initData),
      tgWebAppVersion: version,
      tgWebAppPlatform: 'android',
      tgWebAppThemeParams: JSON.stringify(theme),
    });
    location.hash = `#${String(launch)}${fragment}`;
    Object.assign(window, {
      TelegramWebviewProxy: {
        postEvent: (method: string, params?: string) =>
          this.posts.push([method, params === undefined ? undefined : (JSON.parse(params) as Params)]),
      },
    });
    const telegram = await import('../src/lib/telegram');
    telegram.connect(readLaunch(location.hash));
    return telegram;
  },

  send(event: string, data?: object) {
    const { Telegram } = window as unknown as {
      Telegram: { WebView: { receiveEvent: (event: string, data?: object) => void } };
    };
    Telegram.WebView.receiveEvent(event, data);
  },

  /** What was posted of one method, or since the last call of all. */
  took(method?: string): (Params | Post)[] {
    if (method) return this.posts.filter(([name]) => name === method).map(([, params]) => params);
    return this.posts.splice(0);
  },
};

/** The SDK isn't loaded anew, so what the page before has heard it must no longer hear. */
function nextPage() {
  vi.resetModules();
  offAll();
}

beforeEach(() => {
  nextPage();
  client.posts.length = 0;
  location.hash = '';
  localStorage.clear();
  sessionStorage.clear();
  Reflect.deleteProperty(window, 'TelegramWebviewProxy');
  document.documentElement.removeAttribute('style');
});

const look = (text: string) => ({ text, enabled: true, loading: false, danger: false });
const style = (name: string) => document.documentElement.style.getPropertyValue(name);

test('outside Telegram there are none of its buttons', async () => {
  const telegram = await import('../src/lib/telegram');
  telegram.connect(null);
  expect(telegram.mainButton.isThere).toBe(false);
});

test('launch parameters without a client work, and the page brings its own buttons', async () => {
  const opened = client.open('9.0');
  Reflect.deleteProperty(window, 'TelegramWebviewProxy');
  const telegram = await opened;
  expect(telegram.mainButton.isThere).toBe(false);
  expect(telegram.hasBackButton()).toBe(false);
  telegram.ready();
  telegram.haptics.tap();
  expect(client.took()).toEqual([]);
});

test.each([
  ['6.0', ['iframe_ready', 'web_app_expand']],
  ['7.6', ['iframe_ready', 'web_app_expand', 'web_app_set_background_color', 'web_app_set_header_color']],
  [
    '8.0',
    [
      'iframe_ready',
      'web_app_expand',
      'web_app_request_content_safe_area',
      'web_app_request_safe_area',
      'web_app_set_background_color',
      'web_app_set_bottom_bar_color',
      'web_app_set_header_color',
      'web_app_setup_swipe_behavior',
    ],
  ],
])('a client of version %s is told what it knows', async (version, methods) => {
  await client.open(version);
  expect(client.posts.map(([method]) => method).sort()).toEqual(methods);
});

test('the oldest client has a main button, and misses what it hasn’t without harm', async () => {
  const telegram = await client.open('6.0');
  client.took();
  expect([telegram.mainButton.isThere, telegram.secondaryButton.isThere]).toEqual([true, false]);
  expect([telegram.hasBackButton(), telegram.fullscreen.isSupported]).toEqual([false, false]);
  telegram.haptics.success();
  telegram.askToWrite();
  telegram.fullscreen.set(true);
  telegram.onBack(() => undefined)();
  telegram.onSettings(() => undefined)();
  telegram.secondaryButton.show(look('Cancel'));
  expect(client.took()).toEqual([]);
  telegram.confirmClosing(true);
  expect(client.took()).toEqual([['web_app_setup_closing_behavior', { need_confirmation: true }]]);
});

test.each(['$aB-c_1', 'invoice/aB-c_1'])('the invoice t.me/%s is opened, and its end heard', async (path) => {
  const telegram = await client.open('6.1');
  client.took();
  const closed = telegram.openInvoice(path);
  expect(client.took()).toEqual([['web_app_open_invoice', { slug: 'aB-c_1' }]]);
  client.send('invoice_closed', { slug: 'another', status: 'cancelled' });
  client.send('invoice_closed', { slug: 'aB-c_1', status: 'paid' });
  expect(await closed).toBe('paid');
});

test('only a client with a payment sheet is asked to show it', async () => {
  expect((await client.open('6.1')).hasPayments()).toBe(true);
  nextPage();
  expect((await client.open('6.0')).hasPayments()).toBe(false);
});

test('the bottom buttons show what they are told, and are heard while they do', async () => {
  const telegram = await client.open('7.10', {
    theme: { ...DARK, destructive_text_color: '#ff6a65' } as typeof DARK,
  });
  client.took();
  const heard: string[] = [];
  const { mainButton: main, secondaryButton: secondary } = telegram;
  const leave = main.onPress(() => heard.push('main'));
  secondary.onPress(() => heard.push('secondary'));
  main.show({ ...look('Train'), loading: true });
  secondary.show({ ...look('Cancel'), danger: true });
  expect(client.took()).toEqual([
    [
      'web_app_setup_main_button',
      { is_visible: true, is_active: false, is_progress_visible: true, text: 'Train' },
    ],
    [
      'web_app_setup_secondary_button',
      {
        is_visible: true,
        is_active: true,
        is_progress_visible: false,
        text: 'Cancel',
        text_color: '#ff6a65',
      },
    ],
  ]);
  client.send('main_button_pressed');
  client.send('secondary_button_pressed');
  expect(heard).toEqual(['main', 'secondary']);

  leave();
  client.send('main_button_pressed');
  expect(heard).toEqual(['main', 'secondary']);
  expect(client.took()).toEqual([['web_app_setup_main_button', { is_visible: false }]]);
});

test('whoever comes next has the main button, even if the one before leaves later', async () => {
  const telegram = await client.open('8.0');
  const { mainButton: main } = telegram;
  const heard: string[] = [];
  const leave = main.onPress(() => heard.push('first'));
  main.onPress(() => heard.push('second'));
  main.show(look('Second'));
  leave();
  client.send('main_button_pressed');
  expect(heard).toEqual(['second']);
  expect(client.took('web_app_setup_main_button').at(-1)).toMatchObject({ is_visible: true, text: 'Second' });
});

test('what lies over a screen hides its buttons for as long', async () => {
  const telegram = await client.open('8.0');
  telegram.mainButton.show(look('Train'));
  const uncover = telegram.coverBottomButtons();
  telegram.mainButton.show(look('Train more'));
  expect(client.took('web_app_setup_main_button').at(-1)).toEqual({ is_visible: false });
  uncover();
  expect(client.took('web_app_setup_main_button').at(-1)).toMatchObject({
    is_visible: true,
    text: 'Train more',
  });
});

test('the back button is there while anybody listens, and the newest alone hears it', async () => {
  const telegram = await client.open('6.1');
  client.took();
  const heard: string[] = [];
  const leaveScreen = telegram.onBack(() => heard.push('screen'));
  const leaveSheet = telegram.onBack(() => heard.push('sheet'));
  client.send('back_button_pressed');
  leaveSheet();
  client.send('back_button_pressed');
  leaveScreen();
  client.send('back_button_pressed');
  expect(heard).toEqual(['sheet', 'screen']);
  expect(client.took('web_app_setup_back_button')).toEqual([
    { is_visible: true },
    { is_visible: true },
    { is_visible: true },
    { is_visible: false },
  ]);
});

test('the settings of the client’s menu lead to ours', async () => {
  const telegram = await client.open('6.10');
  let heard = 0;
  telegram.onSettings(() => (heard += 1));
  client.send('settings_button_pressed');
  expect(heard).toBe(1);
  expect(client.took('web_app_setup_settings_button')).toEqual([{ is_visible: true }]);
});

test.each([
  ['dark', { bg_color: '#17212b' }],
  ['light', { bg_color: '#FFFFFF' }],
  ['dark', { bg_color: '#123' }],
  ['light', { secondary_bg_color: '#efeff4ff' }],
  ['dark', { text_color: '#ffffff' }],
  ['light', { text_color: '#000000' }],
  ['light', {}],
])('a theme is %s by whatever it says: %j', async (expected, theme) => {
  await client.open('6.0', { theme: theme as typeof DARK });
  expect(document.documentElement.dataset.theme).toBe(expected);
});

test('a new theme is worn at once, and leaves nothing of the one before', async () => {
  const telegram = await client.open('8.0');
  telegram.secondaryButton.show(look('Cancel'));
  client.took();
  client.send('theme_changed', { theme_params: { bg_color: '#ffffff', button_color: '#2481cc' } });
  expect(document.documentElement.dataset.theme).toBe('light');
  expect([style('--tg-theme-bg-color'), style('--tg-theme-text-color')]).toEqual(['#ffffff', '']);
  expect(client.took('web_app_setup_secondary_button')).toMatchObject([{ text_color: '#2481cc' }]);
});

test('the edges of the screen are told on all four sides', async () => {
  await client.open('8.0');
  client.send('safe_area_changed', { top: 40, right: 1, bottom: 20, left: 2 });
  client.send('content_safe_area_changed', { top: 60, right: 0, bottom: 3, left: 0 });
  const sides = ['top', 'right', 'bottom', 'left'];
  expect(sides.map((side) => style(`--tg-safe-area-inset-${side}`))).toEqual(['40px', '1px', '20px', '2px']);
  expect(sides.map((side) => style(`--tg-content-safe-area-inset-${side}`))).toEqual([
    '60px',
    '0px',
    '3px',
    '0px',
  ]);
});

test('full screen follows the client, and is asked for again next time', async () => {
  const telegram = await client.open('8.0');
  const { fullscreen } = telegram;
  client.took();
  fullscreen.set(true);
  expect([client.took(), fullscreen.isOn]).toEqual([[['web_app_request_fullscreen', undefined]], false]);
  client.send('fullscreen_changed', { is_fullscreen: true });
  expect(fullscreen.isOn).toBe(true);

  nextPage();
  const next = await client.open('8.0');
  expect(client.took('web_app_request_fullscreen')).toHaveLength(1);
  next.fullscreen.set(false);
  client.send('fullscreen_changed', { is_fullscreen: false });
  expect(next.fullscreen.isOn).toBe(false);
  client.took();

  nextPage();
  await client.open('8.0');
  expect(client.took('web_app_request_fullscreen')).toEqual([]);
});

test('where full screen can’t be had, it is no longer offered', async () => {
  const telegram = await client.open('8.0');
  telegram.fullscreen.set(true);
  client.send('fullscreen_failed', { error: 'UNSUPPORTED' });
  expect(telegram.fullscreen.isSupported).toBe(false);
  expect(localStorage).toHaveLength(0);
});

test.each([
  ['who hasn’t allowed it', {}, 1],
  ['who has', { allows_write_to_pm: true }, 0],
])('writing to a person is asked of %s', async (_, user, times) => {
  const telegram = await client.open('6.9', { user });
  telegram.askToWrite();
  expect(client.took('web_app_request_write_access')).toHaveLength(times);
  client.send('write_access_requested', { status: 'allowed' });
  telegram.askToWrite();
  expect(client.took('web_app_request_write_access')).toHaveLength(times);
});

test('a link into Telegram opens there, or in the browser', async () => {
  const opened = vi.spyOn(window, 'open').mockReturnValue(null);
  const telegram = await client.open('6.1');
  telegram.openTelegramLink('share/url?url=x');
  expect(client.took('web_app_open_tg_link')).toEqual([{ path_full: '/share/url?url=x' }]);
  nextPage();
  Reflect.deleteProperty(window, 'TelegramWebviewProxy');
  (await import('../src/lib/telegram')).openTelegramLink('selfi_bot');
  expect(opened.mock.calls).toEqual([['https://t.me/selfi_bot', '_blank', 'noopener']]);
});
