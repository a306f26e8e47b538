/**
 * The list of messages: bubbles in order, dates between them, and a view that stays at the end while one is there.
 * @import {BubbleActions, Message} from './types.js'
 */
import { Bubble } from './bubble.js';
import { calm, dayOf, h } from './dom.js';

/** Messages of one sender closer than this stand together, with one tail. */
const TOGETHER_SECONDS = 300;
const NEAR_THE_END_PX = 80;
const ARRIVAL_MS = 180;

export class MessageList {
  /** @type {Bubble[]} in the order of their first message's id */
  #bubbles = [];
  #scroller;
  #list;
  #jump;
  #actions;
  #person = 0;
  #atEnd = true;
  #lastTop = 0;

  /**
   * @param {{scroller: HTMLElement, list: HTMLElement, jump: HTMLElement}} elements
   * @param {BubbleActions} actions
   */
  constructor({ scroller, list, jump }, actions) {
    this.#scroller = scroller;
    this.#list = list;
    this.#jump = jump;
    this.#actions = actions;
    scroller.addEventListener('scroll', () => this.#noticeScroll(), { passive: true });
    jump.addEventListener('click', () => this.scrollToEnd(true));
    // What is at the end stays at the end while photos load, messages grow and the window changes.
    const follow = new ResizeObserver(() => this.#atEnd && this.scrollToEnd(false));
    follow.observe(list);
    follow.observe(scroller);
  }

  get isEmpty() {
    return this.#bubbles.length === 0;
  }

  /** Shows a chat from its beginning. @param {number} person whose messages are the outgoing ones @param {Message[]} messages */
  load(person, messages) {
    const same = person === this.#person;
    this.#person = person;
    if (same) this.#forgetOthers(messages);
    else this.clear();
    for (const message of messages) this.#put(message);
    this.#arrange();
    if (!same) this.scrollToEnd(false);
  }

  clear() {
    this.#bubbles = [];
    this.#list.replaceChildren();
    this.#atEnd = true;
    this.#jump.hidden = true;
  }

  /** A new message, or a newer version of one. @param {Message} message */
  put(message) {
    const before = this.#list.offsetHeight;
    const bubble = this.#put(message);
    this.#arrange();
    if (!bubble) return;
    if (message.from?.id !== this.#person && !this.#atEnd) {
      this.#jump.classList.add('news');
      return;
    }
    this.scrollToEnd(false);
    if (calm()) return;
    const rise = [{ transform: `translateY(${this.#list.offsetHeight - before}px)` }, { transform: 'none' }];
    this.#list.animate(rise, { duration: ARRIVAL_MS, easing: 'ease-out', composite: 'add' });
    bubble.element.animate([{ opacity: 0 }, { opacity: 1 }], ARRIVAL_MS);
  }

  /** @param {number[]} ids */
  remove(ids) {
    const gone = new Set(ids);
    this.#bubbles = this.#bubbles.filter((bubble) => {
      const left = bubble.remove(gone);
      if (!left) bubble.element.remove();
      return left;
    });
    this.#arrange();
  }

  /** Scrolls to a message that another one answers. @param {number} id */
  show(id) {
    const bubble = this.#bubbles.find(({ messages }) => messages.some(({ message_id: one }) => one === id));
    if (!bubble) return;
    bubble.element.scrollIntoView({ block: 'center', behavior: calm() ? 'auto' : 'smooth' });
    bubble.element.classList.remove('pointed-at');
    void bubble.element.offsetWidth; // begins the animation anew
    bubble.element.classList.add('pointed-at');
  }

  /** @param {boolean} smoothly */
  scrollToEnd(smoothly) {
    this.#atEnd = true;
    this.#jump.hidden = true;
    this.#jump.classList.remove('news');
    this.#scroller.scrollTo({
      top: this.#scroller.scrollHeight,
      behavior: smoothly && !calm() ? 'smooth' : 'auto',
    });
  }

  /** @param {Message} message @returns {Bubble | null} the bubble, if it is a new one */
  #put(message) {
    const known = this.#bubbles.find(
      ({ messages }) =>
        messages.some(({ message_id: id }) => id === message.message_id) ||
        (message.media_group_id && messages[0].media_group_id === message.media_group_id),
    );
    if (known) {
      known.put(message);
      return null;
    }
    const bubble = new Bubble(message, {
      outgoing: message.from?.id === this.#person,
      actions: this.#actions,
    });
    const later = this.#bubbles.findIndex(({ id }) => id > message.message_id);
    this.#bubbles.splice(later < 0 ? this.#bubbles.length : later, 0, bubble);
    return bubble;
  }

  /** Drops what a chat read again no longer has. @param {Message[]} messages */
  #forgetOthers(messages) {
    const kept = new Set(messages.map(({ message_id: id }) => id));
    const ids = this.#bubbles.flatMap((bubble) => bubble.messages.map(({ message_id: id }) => id));
    this.remove(ids.filter((id) => !kept.has(id)));
  }

  /** Puts dates between days, and tails where a sender's last bubble is. */
  #arrange() {
    /** @type {HTMLElement[]} */
    const rows = [];
    this.#bubbles.forEach((bubble, at) => {
      const previous = this.#bubbles[at - 1];
      const next = this.#bubbles[at + 1];
      if (!previous || dayOf(previous.date) !== dayOf(bubble.date)) {
        rows.push(this.#separator(dayOf(bubble.date)));
      }
      bubble.element.classList.toggle('first', !previous || !together(previous, bubble));
      bubble.element.classList.toggle('last', !next || !together(bubble, next));
      rows.push(bubble.element);
    });
    reconcile(this.#list, rows);
  }

  /** @param {string} day */
  #separator(day) {
    const known = [...this.#list.querySelectorAll('.date')].find((element) => element.textContent === day);
    return (
      /** @type {HTMLElement} */ (known) ??
      h('li', { class: 'row service date' }, h('span', { class: 'pill' }, day))
    );
  }

  #noticeScroll() {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroller;
    const near = scrollHeight - scrollTop - clientHeight < NEAR_THE_END_PX;
    // Only a person scrolls up; a smooth way down is still on its way to the end.
    this.#atEnd = near || (this.#atEnd && scrollTop >= this.#lastTop);
    this.#lastTop = scrollTop;
    this.#jump.hidden = this.#atEnd;
    if (this.#atEnd) this.#jump.classList.remove('news');
  }
}

/** @param {Bubble} a @param {Bubble} b the next one */
const together = (a, b) =>
  !a.isService &&
  !b.isService &&
  a.element.classList.contains('out') === b.element.classList.contains('out') &&
  dayOf(a.date) === dayOf(b.date) &&
  b.date - a.date < TOGETHER_SECONDS;

/** Makes `parent`'s children these, moving none that is already in its place. @param {HTMLElement} parent @param {HTMLElement[]} children */
function reconcile(parent, children) {
  const wanted = new Set(children);
  for (const child of [...parent.children])
    if (!wanted.has(/** @type {HTMLElement} */ (child))) child.remove();
  children.forEach((child, at) => {
    if (parent.children[at] !== child) parent.insertBefore(child, parent.children[at] ?? null);
  });
}
