/**
 * A message's text with its entities as elements. Offsets and lengths are UTF-16 code units
 * (https://core.telegram.org/api/entities), which is what JavaScript's strings count in.
 * @import {Entity, BubbleActions} from './types.js'
 */
import { toast } from './dialogs.js';
import { h } from './dom.js';

const SAFE_LINK = /^(?:https?|tg|mailto|tel):/i;
const HAS_SCHEME = /^[a-z][a-z0-9+.-]*:/i;

/**
 * @param {string} text
 * @param {Entity[]} entities
 * @param {BubbleActions} actions
 * @returns {DocumentFragment}
 */
export function renderText(text, entities, actions) {
  const inOrder = entities
    .filter(({ offset, length }) => offset >= 0 && length > 0 && offset < text.length)
    .sort((a, b) => a.offset - b.offset || b.length - a.length);
  const fragment = document.createDocumentFragment();
  fill(fragment, inOrder, 0, text.length, text, actions);
  return fragment;
}

/**
 * Appends text[start, end) to `parent`, the entities inside it nested as Telegram nests them.
 * @param {Node} parent
 * @param {Entity[]} entities those that begin in this range, by offset, the longer first
 * @param {number} start
 * @param {number} end
 * @param {string} text
 * @param {BubbleActions} actions
 */
function fill(parent, entities, start, end, text, actions) {
  let at = start;
  for (let i = 0; i < entities.length;) {
    const entity = entities[i];
    const from = Math.max(entity.offset, at);
    const to = Math.min(entity.offset + entity.length, end);
    let next = i + 1;
    while (next < entities.length && entities[next].offset < to) next += 1;
    parent.appendChild(document.createTextNode(text.slice(at, from)));
    const element = elementOf(entity, text.slice(from, to), actions);
    fill(element, entities.slice(i + 1, next), from, to, text, actions);
    parent.appendChild(element);
    // A block ends its own line: the line break behind it would be a second one.
    at = BLOCKS.has(entity.type) && to < end && text[to] === '\n' ? to + 1 : to;
    i = next;
  }
  parent.appendChild(document.createTextNode(text.slice(at, end)));
}

const BLOCKS = new Set(['blockquote', 'expandable_blockquote', 'pre']);

/** The HTML elements of entities that need nothing but a tag. */
const TAGS = /** @type {const} */ ({
  bold: 'strong',
  italic: 'em',
  underline: 'u',
  strikethrough: 's',
  blockquote: 'blockquote',
});

/** @param {Entity} entity @param {string} text @param {BubbleActions} actions @returns {HTMLElement} */
function elementOf(entity, text, actions) {
  switch (entity.type) {
    case 'bold':
    case 'italic':
    case 'underline':
    case 'strikethrough':
    case 'blockquote':
      return h(TAGS[entity.type]);
    case 'expandable_blockquote':
      return expandable();
    case 'spoiler':
      return spoiler();
    case 'code':
      return h('code', { title: 'Copy', ...pressable(() => copy(text)) });
    case 'pre':
      return h('pre', { 'data-language': entity.language });
    case 'url':
      return link(HAS_SCHEME.test(text) ? text : `https://${text}`, false, actions);
    case 'text_link':
      return link(entity.url ?? '', entity.url !== text, actions);
    case 'email':
      return link(`mailto:${text}`, false, actions);
    case 'phone_number':
      return link(`tel:${text.replace(/[^\d+]/g, '')}`, false, actions);
    case 'mention':
      return link(`https://t.me/${text.slice(1)}`, false, actions);
    case 'bot_command':
      return h('span', { class: 'link', ...pressable(() => actions.sendText(text)) });
    case 'hashtag':
    case 'cashtag':
    case 'text_mention':
      return h('span', { class: 'tag' });
    default:
      return h('span');
  }
}

/** @param {string} url @param {boolean} ask @param {BubbleActions} actions @returns {HTMLElement} */
function link(url, ask, actions) {
  if (!SAFE_LINK.test(url)) return h('span');
  return h('a', {
    href: url,
    rel: 'noopener noreferrer',
    onclick: (/** @type {Event} */ event) => {
      event.preventDefault();
      actions.openLink(url, ask);
    },
  });
}

function spoiler() {
  const element = h('span', {
    class: 'spoiler',
    title: 'Show',
    ...pressable(() => element.classList.add('shown')),
  });
  return element;
}

function expandable() {
  const element = h('blockquote', {
    class: 'expandable',
    ...pressable(() => element.classList.toggle('open')),
  });
  return element;
}

/** @param {string} text */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    toast('Copied to the clipboard.');
  } catch {
    toast('The browser didn’t allow copying.');
  }
}

/** Makes any element a button for mouse and keyboard alike. @param {() => void} run */
const pressable = (run) => ({
  role: 'button',
  tabindex: 0,
  onclick: run,
  onkeydown: (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== 'Enter' && event.key !== ' ') return;
    event.preventDefault();
    run();
  },
});
