/** Small helpers for making elements, and the words for numbers, sizes and times. */

const SVG = 'http://www.w3.org/2000/svg';

/** Outlines on a 24 × 24 grid; a leading `!` means filled rather than stroked. */
const ICONS = {
  add: 'M12 5v14M5 12h14',
  app: 'M5 4h14a1 1 0 0 1 1 1v14a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1V5a1 1 0 0 1 1-1zM4 9h16',
  attach: 'M8 12.5l6.2-6.2a3 3 0 0 1 4.3 4.2l-8 8a5 5 0 0 1-7-7.1l7.5-7.5',
  back: 'M19 12H5m6-6-6 6 6 6',
  ban: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM6 6l12 12',
  bulb: 'M9 18h6m-5 3h4M12 3a6 6 0 0 0-3.6 10.8c.7.6 1.1 1.3 1.1 2.2h5c0-.9.4-1.6 1.1-2.2A6 6 0 0 0 12 3z',
  check: 'M5 12.5l4.5 4.5L19 7.5',
  checks: 'M2 12.5l4.5 4.5L16 7.5M11.5 16.5l.5.5L21.5 7.5',
  close: 'M6 6l12 12M18 6L6 18',
  copy: 'M9 9h10v11H9zM5 15V4h10',
  down: 'M6 9.5l6 6 6-6',
  download: 'M12 4v11m-5-5 5 5 5-5M5 20h14',
  external: 'M14 5h5v5M19 5l-8 8M10 6H5v13h13v-5',
  file: '!M6 2h8l5 5v13a2 2 0 0 1-2 2H6a2 2 0 0 1-2-2V4a2 2 0 0 1 2-2zm7 1.5V8h4.5z',
  menu: 'M4 7h16M4 12h16M4 17h16',
  moon: 'M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5z',
  more: '!M12 7.5a1.7 1.7 0 1 0 0-3.4 1.7 1.7 0 0 0 0 3.4zm0 6.2a1.7 1.7 0 1 0 0-3.4 1.7 1.7 0 0 0 0 3.4zm0 6.2a1.7 1.7 0 1 0 0-3.4 1.7 1.7 0 0 0 0 3.4z',
  reload: 'M19 12a7 7 0 1 1-2.1-5M19 4v4.5h-4.5',
  send: '!M3.4 20.3 21.5 12.7a.8.8 0 0 0 0-1.4L3.4 3.7c-.6-.3-1.2.2-1.1.9L3.8 11l9.2 1-9.2 1-1.5 6.4c-.1.7.5 1.2 1.1.9z',
  settings: 'M4 7h9m4 0h3M4 17h3m4 0h9M13 7a2 2 0 1 0 4 0 2 2 0 0 0-4 0zM7 17a2 2 0 1 0 4 0 2 2 0 0 0-4 0z',
  star: '!M12 2.6l2.7 5.9 6.4.7c.6.1.8.8.4 1.2l-4.8 4.3 1.4 6.3c.1.6-.5 1-1 .7L12 18.5l-5.1 3.2c-.5.3-1.1-.1-1-.7l1.4-6.3-4.8-4.3c-.4-.4-.2-1.1.4-1.2l6.4-.7z',
  sun: 'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M18.7 5.3l-1.4 1.4M6.7 17.3l-1.4 1.4',
};

/** @typedef {keyof typeof ICONS} IconName */
/** @typedef {Node | string | null | undefined | false} Child */

/**
 * Makes an element. Strings become text nodes: nothing that a bot or a person wrote is ever parsed as HTML.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, any>} [props] attributes; `onclick` and the like listen; `style` sets CSS properties
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name === 'style') setStyle(element, value);
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  for (const child of children) if (child) element.append(child);
  return element;
}

/** @param {HTMLElement} element @param {Record<string, string | number>} style */
function setStyle(element, style) {
  for (const [name, value] of Object.entries(style)) element.style.setProperty(name, String(value));
}

/** @param {IconName} name */
export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  const filled = ICONS[name].startsWith('!');
  svg.classList.add('icon', `icon-${name}`, ...(filled ? ['filled'] : []));
  const path = document.createElementNS(SVG, 'path');
  path.setAttribute('d', filled ? ICONS[name].slice(1) : ICONS[name]);
  svg.append(path);
  return svg;
}

/**
 * @param {IconName} name
 * @param {string} label what it does, for screen readers and as a tooltip
 * @param {Record<string, any>} [props]
 */
export const iconButton = (name, label, props = {}) =>
  h(
    'button',
    { type: 'button', class: 'icon-button', 'aria-label': label, title: label, ...props },
    icon(name),
  );

/** An element of index.html. @template {HTMLElement} [T=HTMLElement] @param {string} id @returns {T} */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`index.html has no element with the id ${id}`);
  return /** @type {T} */ (element);
}

const TIME = new Intl.DateTimeFormat('en', { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const DAY = new Intl.DateTimeFormat('en', { day: 'numeric', month: 'long' });
const DAY_AND_YEAR = new Intl.DateTimeFormat('en', { day: 'numeric', month: 'long', year: 'numeric' });
const NUMBER = new Intl.NumberFormat('en');
const DAY_MS = 86_400_000;

/** @param {number} date unix seconds */
export const timeOf = (date) => TIME.format(date * 1000);

/** @param {number} date unix seconds */
export function dayOf(date) {
  const day = new Date(date * 1000);
  const now = new Date();
  if (day.toDateString() === now.toDateString()) return 'Today';
  if (day.toDateString() === new Date(now.getTime() - DAY_MS).toDateString()) return 'Yesterday';
  return (day.getFullYear() === now.getFullYear() ? DAY : DAY_AND_YEAR).format(day);
}

/** @param {number} value */
export const number = (value) => NUMBER.format(value);

/** @param {number} count @param {string} noun */
export const plural = (count, noun) => `${number(count)} ${noun}${count === 1 ? '' : 's'}`;

/** @param {number} bytes */
export function fileSize(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 ** 2) return `${(bytes / 1024).toFixed(0)} KB`;
  return `${(bytes / 1024 ** 2).toFixed(1)} MB`;
}

/** An amount of Telegram Stars, drawn with the star. @param {number} amount */
export const stars = (amount) =>
  h(
    'span',
    { class: 'stars', 'aria-label': plural(amount, 'Star'), role: 'img' },
    icon('star'),
    number(amount),
  );

/** @param {{firstName: string, lastName?: string, color?: string}} person */
export const avatar = ({ firstName, lastName = '', color }) =>
  h(
    'span',
    { class: 'avatar', 'aria-hidden': 'true', style: color ? { '--avatar': color } : {} },
    `${[...firstName][0] ?? '?'}${[...lastName][0] ?? ''}`.toUpperCase(),
  );

/** Whether the person asked their system for less motion. */
export const calm = () => matchMedia('(prefers-reduced-motion: reduce)').matches;
