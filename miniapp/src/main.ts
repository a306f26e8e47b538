import { Api } from './lib/api';

// This file is small and comes first: the session is asked for while the app itself is still on its way. Where the
// address has no init data, as after some reloads, `start` finds out what there is.
const initData = new URLSearchParams(location.hash.slice(1)).get('tgWebAppData');
const api = initData === null ? null : new Api(initData);
const early = api && { api, session: api.session().catch(() => null) };

void import('./start').then(({ start }) => start(early));
