import { mount } from 'svelte';
import './app.css';
import Root from './Root.svelte';
import type { Api, Session } from './lib/api';
import { setLanguage } from './lib/i18n/i18n.svelte';
import { connect } from './lib/telegram';

/** What was asked for before the app was here; a session that can't be had so is asked for again. */
export interface Early {
  api: Api;
  session: Promise<Session | null>;
}

export function start(early: Early | null): void {
  const launch = connect();
  setLanguage(launch?.language ?? navigator.language);

  const target = document.getElementById('app');
  if (!target) throw new Error('The page has no element with the id "app".');
  mount(Root, { target, props: { launch, early } });
}
