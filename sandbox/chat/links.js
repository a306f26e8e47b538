/** What a link means to a Telegram client: one to this bot, one to an invoice, or just the web. */

const TELEGRAM_HOSTS = new Set(['t.me', 'telegram.me', 'www.t.me']);

/**
 * @typedef {{kind: 'start', payload: string} | {kind: 'app', startParam: string} | {kind: 'invoice', slug: string}
 *   | {kind: 'bot'} | {kind: 'share', url: string} | {kind: 'telegram', url: string} | {kind: 'web', url: string}
 *   | {kind: 'unsafe'}} Target
 */

/**
 * @param {string} address
 * @param {string} bot the username of the bot on the other side
 * @returns {Target}
 */
export function readLink(address, bot) {
  let url;
  try {
    url = new URL(address);
  } catch {
    return { kind: 'unsafe' };
  }
  if (url.protocol === 'tg:') return readTelegramScheme(url, bot);
  if (url.protocol === 'http:' || url.protocol === 'https:') {
    return TELEGRAM_HOSTS.has(url.hostname) ? readTelegramPath(url, bot) : { kind: 'web', url: url.href };
  }
  return url.protocol === 'mailto:' || url.protocol === 'tel:'
    ? { kind: 'web', url: url.href }
    : { kind: 'unsafe' };
}

/** `tg://resolve?domain=…` and `tg://invoice?slug=…` @param {URL} url @param {string} bot @returns {Target} */
function readTelegramScheme(url, bot) {
  const action = url.hostname || url.pathname.replaceAll('/', '');
  const slug = url.searchParams.get('slug');
  if (action === 'invoice' && slug) return { kind: 'invoice', slug };
  if (action === 'resolve') return readParameters(url.searchParams.get('domain') ?? '', url, bot);
  return { kind: 'telegram', url: url.href };
}

/** `t.me/bot?start=…`, `t.me/bot/app?startapp=…`, `t.me/$slug`, `t.me/invoice/slug`, `t.me/share/url?url=…`
 * @param {URL} url @param {string} bot @returns {Target} */
function readTelegramPath(url, bot) {
  const [first = '', second] = url.pathname.split('/').filter(Boolean).map(decodeURIComponent);
  if (first.startsWith('$')) return { kind: 'invoice', slug: first.slice(1) };
  if (first === 'invoice' && second) return { kind: 'invoice', slug: second };
  if (first === 'share') return { kind: 'share', url: url.searchParams.get('url') ?? '' };
  return readParameters(first, url, bot, second !== undefined);
}

/** @param {string} username @param {URL} url @param {string} bot @param {boolean} [namesAnApp] @returns {Target} */
function readParameters(username, url, bot, namesAnApp = false) {
  if (username.toLowerCase() !== bot.toLowerCase()) return { kind: 'telegram', url: url.href };
  const start = url.searchParams.get('start');
  if (start !== null) return { kind: 'start', payload: start };
  const startParam = url.searchParams.get('startapp');
  if (startParam !== null || namesAnApp) return { kind: 'app', startParam: startParam ?? '' };
  return { kind: 'bot' };
}
