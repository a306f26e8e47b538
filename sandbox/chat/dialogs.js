/** Everything that appears over the page and goes away again: dialogs, menus and toasts. */
import { byId, h, icon } from './dom.js';
/** @import {IconName} from './dom.js' */

const TOAST_MS = 3_500;

/** A sentence that says itself and leaves. @param {string} text */
export function toast(text) {
  const element = h('div', { class: 'toast' }, text);
  const toasts = byId('toasts');
  toasts.append(element);
  // Shown anew it comes above whatever dialog has opened since.
  if (toasts.matches(':popover-open')) toasts.hidePopover();
  toasts.showPopover();
  setTimeout(() => element.remove(), TOAST_MS);
}

/** Says an error's own sentence. @param {unknown} error */
export const complain = (error) => toast(error instanceof Error ? error.message : String(error));

/**
 * Opens a modal dialog over `host`'s content. Escape and a click beside it close it.
 * @param {{label: string, class?: string}} options
 * @param {...Node} children
 * @returns {{dialog: HTMLDialogElement, closed: Promise<string>}} `closed` gives the `returnValue`, blank when dismissed
 */
export function openDialog({ label, class: name = '' }, ...children) {
  const dialog = h('dialog', { class: `dialog ${name}`, 'aria-label': label }, ...children);
  const closed = new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(dialog.returnValue);
    });
  });
  dialog.addEventListener('mousedown', (event) => {
    if (event.target === dialog) dialog.close('');
  });
  document.body.append(dialog);
  dialog.showModal();
  return { dialog, closed };
}

/** @typedef {{id: string, text: string, kind?: 'default' | 'primary' | 'destructive'}} Choice */

/**
 * Asks with buttons, as a Mini App's popup does.
 * @param {{title?: string, message: string, choices: Choice[]}} question
 * @returns {Promise<string | null>} the id of the button pressed, null when dismissed
 */
export async function ask({ title, message, choices }) {
  const buttons = choices.map(({ id, text, kind = 'default' }) =>
    h('button', { type: 'button', class: `text-button ${kind}`, 'data-choice': id }, text),
  );
  /** @type {string | null} */
  let answer = null;
  const { dialog, closed } = openDialog(
    { label: title || message, class: 'question' },
    title ? h('h2', {}, title) : h('span'),
    h('p', { dir: 'auto' }, message),
    h('div', { class: 'choices' }, ...buttons),
  );
  dialog.addEventListener('click', (event) => {
    const chosen = /** @type {HTMLElement} */ (event.target).closest('button')?.dataset.choice;
    if (chosen === undefined) return;
    answer = chosen;
    dialog.close();
  });
  buttons.at(-1)?.focus();
  await closed;
  return answer;
}

/** @param {string} message @param {string} [title] */
export const alert = (message, title) =>
  ask({ title, message, choices: [{ id: 'ok', text: 'OK', kind: 'primary' }] });

/** @param {string} message @param {string} yes @param {'primary' | 'destructive'} [kind] */
export const confirm = async (message, yes, kind = 'primary') =>
  (await ask({
    message,
    choices: [
      { id: 'no', text: 'Cancel' },
      { id: 'yes', text: yes, kind },
    ],
  })) === 'yes';

/** @typedef {{icon: IconName, text: string, danger?: boolean, run: () => void}} MenuItem */

/**
 * Opens a small menu at a button; arrow keys move in it, Escape and a click elsewhere close it.
 * @param {HTMLElement} button
 * @param {MenuItem[]} items
 */
export function openMenu(button, items) {
  const menu = h('div', { class: 'menu', role: 'menu', popover: 'auto' });
  for (const item of items) {
    menu.append(
      h(
        'button',
        {
          type: 'button',
          role: 'menuitem',
          class: item.danger ? 'danger' : '',
          onclick: () => {
            menu.hidePopover();
            item.run();
          },
        },
        icon(item.icon),
        item.text,
      ),
    );
  }
  menu.addEventListener('keydown', (event) => moveFocus(menu, event));
  menu.addEventListener('toggle', (event) => {
    if (event.newState === 'closed') menu.remove();
  });
  // Inside a dialog or the app's sheet the menu belongs to the same layer; in a browser's top layer it is above both.
  document.body.append(menu);
  menu.showPopover();
  placeMenu(menu, button.getBoundingClientRect());
  menu.querySelector('button')?.focus();
}

/** @param {HTMLElement} menu @param {DOMRect} anchor */
function placeMenu(menu, anchor) {
  const { offsetWidth: width, offsetHeight: height } = menu;
  const left = Math.max(8, Math.min(anchor.left, innerWidth - width - 8));
  const below = anchor.bottom + 4;
  const top = below + height > innerHeight - 8 ? Math.max(8, anchor.top - height - 4) : below;
  menu.style.left = `${left}px`;
  menu.style.top = `${top}px`;
}

/** @param {HTMLElement} menu @param {KeyboardEvent} event */
function moveFocus(menu, event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const items = [...menu.querySelectorAll('button')];
  const at = items.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
  items[(at + step + items.length) % items.length]?.focus();
}
