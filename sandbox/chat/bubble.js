/**
 * One message, or one album, as a bubble. An edit changes only the parts that differ, so that a message edited
 * every second neither flickers nor loses the focus on its buttons.
 * @import {BubbleActions, DocumentFile, Invoice, Message, PhotoSize} from './types.js'
 */
import { mosaic } from './album.js';
import { fileUrl } from './api.js';
import { calm, fileSize, h, icon, number, stars, timeOf } from './dom.js';
import { renderText } from './entities.js';
import { inlineKeyboard } from './keyboard.js';

const PHOTO_WIDTH = 400;
const GROWTH_MS = 160;

export class Bubble {
  /** @type {Message[]} */
  messages = [];
  #outgoing;
  #actions;
  #body = h('div', { class: 'bubble' });
  /** @type {Map<string, {signature: string, element: HTMLElement | null}>} */
  #parts = new Map();

  /**
   * @param {Message} message
   * @param {{outgoing: boolean, actions: BubbleActions}} options
   */
  constructor(message, { outgoing, actions }) {
    this.#outgoing = outgoing;
    this.#actions = actions;
    const service = serviceText(message) !== null;
    this.element = h('li', {
      class: `row ${service ? 'service' : outgoing ? 'out' : 'in'}`,
      'data-id': message.message_id,
    });
    if (!service) this.element.append(this.#body);
    this.#body.addEventListener('dblclick', () => {
      const [first] = this.messages;
      this.#actions.replyTo(first.message_id, first.text ?? first.caption ?? 'Message');
    });
    this.put(message);
  }

  get id() {
    return this.messages[0].message_id;
  }

  get date() {
    return this.messages[0].date;
  }

  get isService() {
    return serviceText(this.messages[0]) !== null;
  }

  /** Takes a new message of the album, or a newer version of one it has. @param {Message} message */
  put(message) {
    const before = this.#body.offsetHeight;
    const at = this.messages.findIndex(({ message_id: id }) => id === message.message_id);
    if (at >= 0) this.messages[at] = message;
    else this.messages.push(message);
    this.messages.sort((a, b) => a.message_id - b.message_id);
    this.#draw();
    this.#grow(before);
  }

  /** @param {Set<number>} ids @returns {boolean} whether anything is left */
  remove(ids) {
    this.messages = this.messages.filter(({ message_id: id }) => !ids.has(id));
    if (this.messages.length > 0) this.#draw();
    return this.messages.length > 0;
  }

  #draw() {
    const [message] = this.messages;
    const service = serviceText(message);
    if (service !== null) {
      this.element.replaceChildren(h('span', { class: 'pill' }, ...service));
      return;
    }
    const photos = this.messages.filter(({ photo }) => photo);
    const files = this.messages.filter(({ document }) => document);
    const worded = this.messages.find(({ text, caption }) => text ?? caption) ?? message;
    const captionFirst = worded.show_caption_above_media === true;

    this.#part('reply', [message.reply_to_message?.message_id], () => reply(message, this.#actions));
    if (captionFirst) this.#words(worded);
    this.#part('photos', photos.map(photoSignature), () => photoGrid(photos, this.#actions));
    this.#part(
      'files',
      files.map(({ document }) => document?.file_id),
      () => fileList(files),
    );
    this.#part('invoice', [message.invoice], () => message.invoice && invoice(message.invoice));
    this.#part('unknown', [isKnown(message)], () =>
      isKnown(message)
        ? null
        : h('p', { class: 'unknown' }, 'This kind of message isn’t drawn in the sandbox.'),
    );
    if (!captionFirst) this.#words(worded);
    this.#part(
      'keyboard',
      [message.reply_markup, message.invoice],
      () => inlineKeyboard(message, this.#actions),
      this.element,
    );
    this.#body.classList.toggle('media', photos.length > 0);
    this.#body.classList.toggle('wordless', !(worded.text ?? worded.caption));
    this.element.classList.toggle('with-keyboard', this.#parts.get('keyboard')?.element != null);
  }

  /** @param {Message} message */
  #words(message) {
    const text = message.text ?? message.caption ?? '';
    const entities = message.entities ?? message.caption_entities ?? [];
    const newest = this.messages.at(-1) ?? message;
    const edited = this.messages.some(({ edit_date: date }) => date);
    const meta = () =>
      h(
        'span',
        { class: 'meta' },
        edited && h('span', { class: 'edited' }, 'edited'),
        h('time', { datetime: new Date(newest.date * 1000).toISOString() }, timeOf(newest.date)),
        this.#outgoing && icon('checks'),
      );
    this.#part('text', [text, entities, edited], () =>
      h(
        'div',
        { class: `text${bigEmoji(text) ? ' big-emoji' : ''}`, dir: 'auto' },
        renderText(text, entities, this.#actions),
        meta(),
      ),
    );
  }

  /**
   * Draws a part anew when what it is made of has changed.
   * @param {string} name
   * @param {unknown} from
   * @param {() => HTMLElement | null | undefined} make
   * @param {HTMLElement} [parent]
   */
  #part(name, from, make, parent = this.#body) {
    const signature = JSON.stringify(from);
    const old = this.#parts.get(name);
    if (old?.signature === signature) return;
    const element = make() ?? null;
    if (old?.element && element) old.element.replaceWith(element);
    else if (element) insert(parent, element, PART_ORDER.indexOf(name));
    else old?.element?.remove();
    if (element) element.dataset.part = name;
    this.#parts.set(name, { signature, element });
  }

  /** Lets an edited bubble grow into its new height. @param {number} before */
  #grow(before) {
    const after = this.#body.offsetHeight;
    if (before === 0 || before === after || calm()) return;
    // The tail stands out at the side; only what is below the moving edge has to stay hidden.
    const clipPath = 'inset(-4px -12px 0)';
    const frames = [before, after].map((height) => ({ height: `${height}px`, clipPath }));
    this.#body.animate(frames, { duration: GROWTH_MS, easing: 'ease-out' });
  }
}

const PART_ORDER = ['reply', 'photos', 'files', 'invoice', 'unknown', 'text', 'keyboard'];

/** Puts a part where it belongs among those already there. @param {HTMLElement} parent @param {HTMLElement} element @param {number} order */
function insert(parent, element, order) {
  const later = [...parent.children].find(
    (child) => PART_ORDER.indexOf(/** @type {HTMLElement} */ (child).dataset.part ?? '') > order,
  );
  parent.insertBefore(element, later ?? null);
}

/** @param {Message} message */
const photoSignature = (message) => [message.photo?.at(-1)?.file_id, message.has_media_spoiler];

/** @param {Message} message */
const isKnown = (message) =>
  Boolean(message.text ?? message.caption ?? message.photo ?? message.document ?? message.invoice);

/** @param {string} text whether it is one to three emoji and nothing else */
const bigEmoji = (text) =>
  /^(?:\p{Extended_Pictographic}(?:\uFE0F|\u200D\p{Extended_Pictographic})*){1,3}$/u.test(text);

/** The words of a message that is no bubble, null for all others. @param {Message} message */
function serviceText(message) {
  if (message.successful_payment) return ['You paid ', stars(message.successful_payment.total_amount)];
  if (message.refunded_payment) return ['You were refunded ', stars(message.refunded_payment.total_amount)];
  if (message.pinned_message) return ['The bot pinned a message'];
  if (message.write_access_allowed) return ['You allowed the bot to message you'];
  return null;
}

/** @param {Message} message @param {BubbleActions} actions */
function reply({ reply_to_message: to }, actions) {
  if (!to) return null;
  const words = to.text ?? to.caption ?? (to.photo ? 'Photo' : to.document?.file_name) ?? 'Message';
  return h(
    'button',
    { type: 'button', class: 'reply', onclick: () => actions.showMessage(to.message_id) },
    h('strong', {}, to.from?.first_name ?? 'Reply'),
    h('span', { dir: 'auto' }, words),
  );
}

/** The size to draw: the smallest that is sharp at the bubble's width. @param {PhotoSize[]} sizes */
const sizeFor = (sizes) =>
  sizes.find(({ width }) => width >= PHOTO_WIDTH * devicePixelRatio) ?? sizes[sizes.length - 1];

/** @param {Message[]} messages @param {BubbleActions} actions */
function photoGrid(messages, actions) {
  if (messages.length === 0) return null;
  const sizes = messages.map(({ photo = [] }) => sizeFor(photo));
  const all = messages.map(({ photo = [], message_id: id }) => ({
    url: fileUrl(photo[photo.length - 1].file_id),
    name: `photo-${id}.jpg`,
  }));
  const rows = mosaic(sizes.map(({ width, height }) => width / height));
  return h(
    'div',
    { class: `photos${messages.length === 1 ? ' single' : ''}` },
    ...rows.map((row) =>
      h(
        'div',
        { class: 'photo-row' },
        ...row.map(({ ratio, index }) => {
          const photo = photoButton(sizes[index], messages[index], () => actions.viewPhotos(all, index));
          photo.style.setProperty('--ratio', String(ratio));
          return photo;
        }),
      ),
    ),
  );
}

/** @param {PhotoSize} size @param {Message} message @param {() => void} open */
function photoButton(size, message, open) {
  const button = h(
    'button',
    {
      type: 'button',
      class: `photo${message.has_media_spoiler ? ' hidden-photo' : ''}`,
      'aria-label': 'Open the photo',
      onclick: () =>
        button.classList.contains('hidden-photo') ? button.classList.remove('hidden-photo') : open(),
    },
    h('img', {
      src: fileUrl(size.file_id),
      width: size.width,
      height: size.height,
      alt: '',
      decoding: 'async',
    }),
  );
  return button;
}

/** @param {Message[]} messages */
function fileList(messages) {
  if (messages.length === 0) return null;
  return h('div', { class: 'files' }, ...messages.map(({ document }) => document && file(document)));
}

/** @param {DocumentFile} document */
const file = ({ file_id: id, file_name: name = 'file', file_size: size }) =>
  h(
    'a',
    { class: 'file', href: fileUrl(id), download: name },
    h('span', { class: 'file-icon' }, icon('file')),
    h('span', { class: 'file-name', dir: 'auto' }, name),
    h('span', { class: 'file-size' }, size === undefined ? 'Download' : fileSize(size)),
  );

/** @param {Invoice} invoice */
const invoice = ({ title, description, currency, total_amount: total }) =>
  h(
    'div',
    { class: 'invoice' },
    h('strong', { dir: 'auto' }, title),
    h('p', { dir: 'auto' }, description),
    h('span', { class: 'price' }, currency === 'XTR' ? stars(total) : `${number(total)} ${currency}`),
  );
