import { mount } from 'svelte';
import './app.css';
import Root from './Root.svelte';
import type { Api, Session } from './lib/api';
import { languageOf } from './lib/i18n/catalogues';
import { setLanguage } from './lib/i18n/i18n.svelte';
import type { Launch } from './lib/launch';
import { connect } from './lib/telegram';

/** What is known and asked for before the app is here. */
export interface Opening {
  launch: Launch;
  api: Api;
  session: Promise<Session>;
}

/** `opening` is null outside Telegram. Rejects where there are no words to begin with. */
export async function start(opening: Opening | null): Promise<void> {
  connect(opening?.launch ?? null);
  await setLanguage(opening?.launch.language ?? languageOf(navigator.language));
  const target = document.getElementById('app');
  if (!target) throw new Error('The page has no element with the id "app".');
  target.replaceChildren();
  mount(Root, { target, props: { opening } });
}
