import { Api } from './lib/api';
import { catalogues, languageOf } from './lib/i18n/catalogues';
import { currentLaunch } from './lib/launch';

// This file is small and comes first. Whatever takes a round trip of its own is asked for at once, while the app
// itself is still on its way.
const launch = currentLaunch();
const api = launch && new Api(launch.initData);
const session = api?.session();
session?.catch(() => undefined); // it is asked for again
catalogues[launch?.language ?? languageOf(navigator.language)]().catch(() => undefined); // the same

void import('./start').then(({ start }) => start(launch && api && session ? { launch, api, session } : null));
