import { Api } from './lib/api';
import { catalogues, languageOf } from './lib/i18n/catalogues';
import { currentLaunch } from './lib/launch';
import { wear } from './lib/parts';
import { persist } from './lib/retry';

// This file is small and comes first. Whatever takes a round trip of its own is asked for at once, while the app
// itself is still on its way.
const launch = currentLaunch();
const api = launch && new Api(launch.initData);
const session = api?.session();
session?.catch(() => undefined); // it is asked for again
catalogues[launch?.language ?? languageOf(navigator.language)]().catch(() => undefined); // the same

void Promise.all([import('./start'), dress()])
  .then(([{ start }]) => start(launch && api && session ? { launch, api, session } : null))
  .catch(sayIsLost);

/** The page has asked for the first styles, and waited: where they aren't there now, they never came. */
async function dress(): Promise<void> {
  const link = document.querySelector<HTMLLinkElement>('[rel="stylesheet"]');
  if (!link || getComputedStyle(document.documentElement).getPropertyValue('--tap') !== '') return;
  let asked = 0;
  await persist(() => wear(`${link.href}?again=${(asked += 1)}`));
}

/** In the page's own words. Only a new page asks for these files again, and nothing is lost with this one yet. */
function sayIsLost(): void {
  const words = document.getElementById('late');
  const button = words?.querySelector('button');
  if (!words || !button) return;
  words.classList.add('lost');
  button.hidden = false;
  button.onclick = () => location.reload();
}
