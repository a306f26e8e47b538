import type { Route } from './router.svelte';

/** What a link may name, and the screen for it. */
const SCREENS = {
  training: 'training',
  model: 'model',
  picture: 'picture',
  generation: 'picture',
} as const satisfies Record<string, Route['screen']>;
const KINDS = Object.keys(SCREENS) as (keyof typeof SCREENS)[];

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * Where a launch wants to go: by the query of a button in the chat (`?model=<id>`) or the start parameter of a link
 * (`model_<id>`). Null where it wants nothing, and the screen for it where we don't know what it wants: it may be
 * a link for a newer version.
 */
export function destination(search: string, startParam: string | null): Route | null {
  const query = new URLSearchParams(search);
  const fromChat = KINDS.find((kind) => query.has(kind));
  const [kind, id] = fromChat ? [fromChat, query.get(fromChat) ?? ''] : split(startParam ?? '');
  if (kind === '') return null;
  const known = KINDS.find((one) => one === kind);
  return known && UUID.test(id) ? { screen: SCREENS[known], id } : { screen: 'unknown' };
}

function split(startParam: string): [string, string] {
  const at = startParam.indexOf('_');
  return at < 0 ? [startParam, ''] : [startParam.slice(0, at), startParam.slice(at + 1)];
}

/** Opens the app at a model, for whoever taps it in Telegram (https://core.telegram.org/api/links#direct-mini-app-links). */
export function modelLink(bot: string, id: string): string {
  return `https://t.me/${bot}?startapp=model_${id}`;
}

/** Telegram's own dialog for sending a link to a chat, as the path behind t.me/. */
export function sharePath(link: string, text: string): string {
  return `share/url?url=${encodeURIComponent(link)}&text=${encodeURIComponent(text)}`;
}
