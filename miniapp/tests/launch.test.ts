// @vitest-environment happy-dom
import { beforeEach, expect, test } from 'vitest';
import { currentLaunch, readLaunch } from '../src/lib/launch';

const INIT_DATA = new URLSearchParams({
  user: JSON.stringify({ id: 7, first_name: 'Ana & “co”', language_code: 'es-AR', allows_write_to_pm: true }),
  auth_date: '1',
  hash: 'a',
}).toString();

const fragment = (parameters: Record<string, string>): string =>
  `#${new URLSearchParams({ tgWebAppData: INIT_DATA, ...parameters }).toString()}`;

beforeEach(() => {
  location.hash = '';
  sessionStorage.clear();
});

test('a launch says who it is, in which language, and where the link leads', () => {
  const theme = { bg_color: '#17212b', text_color: '#fff' };
  const parameters = {
    tgWebAppVersion: '9.0',
    tgWebAppThemeParams: JSON.stringify(theme),
    tgWebAppStartParam: 'model_1',
    tgWebAppFullscreen: '1',
  };
  expect(readLaunch(fragment(parameters))).toEqual({
    initData: INIT_DATA,
    language: 'es',
    startParam: 'model_1',
    version: '9.0',
    theme,
    isFullscreen: true,
    canWrite: true,
  });
});

test('where the link leads may stand in the init data alone', () => {
  const initData = `${INIT_DATA}&start_param=model_2`;
  expect(readLaunch(fragment({ tgWebAppData: initData }))?.startParam).toBe('model_2');
});

test.each(['', '#', '#tgWebAppVersion=9.0', '#tgWebAppData=', '#anything'])('%j is no launch', (nothing) => {
  expect(readLaunch(nothing)).toBeNull();
});

test.each([
  { tgWebAppData: 'user=%7Bbroken&hash=a' },
  { tgWebAppData: 'hash=a' },
  { tgWebAppData: 'user=null&hash=a' },
  { tgWebAppThemeParams: '{"bg_color":"red","text_color":7,"hint_color":"#12345g"}' },
  { tgWebAppThemeParams: '[]' },
  { tgWebAppThemeParams: 'x' },
])('what can’t be read of %j is left out, and nobody locked out', (parameters: Record<string, string>) => {
  expect(readLaunch(fragment(parameters))).toMatchObject({ theme: {}, isFullscreen: false, version: null });
});

test('a page that was reloaded without its fragment is still where it was', () => {
  location.hash = fragment({});
  expect(currentLaunch()?.initData).toBe(INIT_DATA);
  location.hash = '';
  expect(currentLaunch()?.initData).toBe(INIT_DATA);
  sessionStorage.clear();
  expect(currentLaunch()).toBeNull();
});
