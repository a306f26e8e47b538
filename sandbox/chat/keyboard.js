/**
 * A bot's keyboards: the one under a message and the one under the composer.
 * @import {BubbleActions, InlineButton, Message, ReplyMarkup} from './types.js'
 */
import { h, icon } from './dom.js';
/** @import {IconName} from './dom.js' */

const STYLES = new Set(['danger', 'success', 'primary']);
const STAR = /(?:⭐️?|XTR)/u;

/** The corner mark that tells where a button leads. @param {InlineButton} button @returns {IconName | null} */
function markOf(button) {
  if (button.url || button.login_url) return 'external';
  if (button.web_app) return 'app';
  if (button.copy_text) return 'copy';
  return null;
}

/**
 * @param {Message} message
 * @param {BubbleActions} actions
 * @returns {HTMLElement | null}
 */
export function inlineKeyboard(message, actions) {
  const rows = message.reply_markup?.inline_keyboard ?? (message.invoice ? payKeyboard(message.invoice) : []);
  if (rows.length === 0) return null;
  return h(
    'div',
    { class: 'inline-keyboard' },
    ...rows.map((row) =>
      h('div', { class: 'button-row' }, ...row.map((button) => inlineButton(button, message, actions))),
    ),
  );
}

/** What an invoice gets from Telegram when its bot gave it no keyboard.
 * @param {{total_amount: number}} invoice @returns {InlineButton[][]} */
const payKeyboard = ({ total_amount: total }) => [[{ text: `Pay ⭐ ${total}`, pay: true }]];

/** @param {InlineButton} button @param {Message} message @param {BubbleActions} actions */
function inlineButton(button, message, actions) {
  const mark = markOf(button);
  const element = h(
    'button',
    {
      type: 'button',
      class: `inline-button ${STYLES.has(button.style ?? '') ? button.style : ''}`,
      onclick: () => actions.press(button, message, element),
    },
    ...(button.pay ? withStar(button.text) : [h('span', { dir: 'auto' }, button.text)]),
    mark && icon(mark),
  );
  return element;
}

/** Telegram draws the first ⭐ or XTR of a pay button as its Stars. @param {string} text */
function withStar(text) {
  const found = STAR.exec(text);
  if (!found) return [h('span', {}, text)];
  return [
    h('span', {}, text.slice(0, found.index).trim()),
    icon('star'),
    h('span', {}, text.slice(found.index + found[0].length).trim()),
  ];
}

/**
 * The keyboard that stands in for the phone's own.
 * @param {ReplyMarkup} markup
 * @param {{send: (text: string) => void, openApp: (url: string) => void, refuse: () => void}} actions
 */
export function replyKeyboard(markup, { send, openApp, refuse }) {
  const rows = (markup.keyboard ?? []).map((row) =>
    row.map((key) => (typeof key === 'string' ? { text: key } : key)),
  );
  return h(
    'div',
    { class: 'reply-keyboard', role: 'group', 'aria-label': 'The bot’s keyboard' },
    ...rows.map((row) =>
      h(
        'div',
        { class: 'button-row' },
        ...row.map((key) =>
          h(
            'button',
            {
              type: 'button',
              class: `reply-button ${STYLES.has(key.style ?? '') ? key.style : ''}`,
              onclick: () => {
                if (key.web_app) openApp(key.web_app.url);
                else if (key.request_contact || key.request_location) refuse();
                else send(key.text);
              },
            },
            key.text,
          ),
        ),
      ),
    ),
  );
}
