/** The sandbox's own panel: what this is, what to try first, and where the other parts are. */
import { byId, h } from './dom.js';
/** @import {Info} from './types.js' */

const KEY = 'selfi-sandbox-guide';
/** Open for newcomers where there is room for it; on a phone it waits in the drawer. */
const ROOMY = '(min-width: 900px) and (min-height: 640px)';

/**
 * @param {{tryStart: () => void, offerPhotos: () => void, openApp: () => void}} actions
 */
export function startGuide({ tryStart, offerPhotos, openApp }) {
  const panel = /** @type {HTMLDetailsElement} */ (byId('guide'));
  panel.open = (localStorage.getItem(KEY) ?? (matchMedia(ROOMY).matches ? 'open' : 'closed')) === 'open';
  panel.addEventListener('toggle', () => localStorage.setItem(KEY, panel.open ? 'open' : 'closed'));
  byId('try-start').addEventListener('click', tryStart);
  byId('try-photos').addEventListener('click', offerPhotos);
  byId('try-app').addEventListener('click', openApp);
}

/** @param {Info} info */
export function showAddresses({ falUrl }) {
  const list = byId('guide-links');
  list.replaceChildren();
  if (falUrl)
    list.append(h('a', { href: falUrl, target: '_blank', rel: 'noopener' }, 'Look into the emulated fal.ai'));
}
