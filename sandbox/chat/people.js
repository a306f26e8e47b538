/**
 * The column of people one can be.
 * @import {Person} from './types.js'
 */
import { openDialog, openMenu } from './dialogs.js';
import { avatar, h, icon, iconButton, stars } from './dom.js';

const LANGUAGES = {
  en: 'English',
  es: 'Spanish',
  de: 'German',
  fr: 'French',
  pt: 'Portuguese',
  ru: 'Russian',
};

/**
 * @typedef {object} PeopleActions
 * @property {(id: number) => void} select
 * @property {(firstName: string, language: string) => void} add
 * @property {(person: Person, blocked: boolean) => void} setBlocked
 */

export class PeopleColumn {
  #list;
  #actions;
  #shown = '';

  /** @param {{list: HTMLElement, addButton: HTMLElement}} elements @param {PeopleActions} actions */
  constructor({ list, addButton }, actions) {
    this.#list = list;
    this.#actions = actions;
    addButton.addEventListener('click', () => this.#askForName());
  }

  /** @param {Person[]} people @param {number | undefined} current */
  show(people, current) {
    // Left alone while it says the same, it takes no click away from whoever is about to make one.
    const shown = JSON.stringify([people, current]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    const focused = /** @type {HTMLElement | null} */ (document.activeElement)?.dataset.focus;
    this.#list.replaceChildren(...people.map((person) => this.#entry(person, person.id === current)));
    if (focused)
      /** @type {HTMLElement | null} */ (this.#list.querySelector(`[data-focus="${focused}"]`))?.focus();
  }

  /** @param {Person} person @param {boolean} isCurrent */
  #entry(person, isCurrent) {
    const name = [person.firstName, person.lastName].filter(Boolean).join(' ');
    const more = iconButton('more', `Options for ${name}`, {
      class: 'icon-button person-more',
      'data-focus': `more-${person.id}`,
      onclick: () =>
        openMenu(more, [
          person.blocked
            ? { icon: 'check', text: 'Unblock the bot', run: () => this.#actions.setBlocked(person, false) }
            : {
                icon: 'ban',
                text: 'Block the bot',
                danger: true,
                run: () => this.#actions.setBlocked(person, true),
              },
        ]),
    });
    return h(
      'li',
      { class: `person${isCurrent ? ' current' : ''}` },
      h(
        'button',
        {
          type: 'button',
          class: 'person-button',
          'aria-current': isCurrent && 'true',
          'data-focus': `person-${person.id}`,
          onclick: () => this.#actions.select(person.id),
        },
        avatar(person),
        h('span', { class: 'person-name', dir: 'auto' }, name),
        h(
          'span',
          { class: 'person-facts' },
          h('span', { class: 'language', title: 'Telegram’s language' }, person.language.toUpperCase()),
          stars(person.stars),
          person.blocked && h('span', { class: 'blocked' }, icon('ban'), 'blocked'),
        ),
      ),
      more,
    );
  }

  #askForName() {
    const name = h('input', {
      name: 'name',
      required: true,
      maxlength: 64,
      autocomplete: 'off',
      placeholder: 'First name',
    });
    const language = h(
      'select',
      { name: 'language' },
      ...Object.entries(LANGUAGES).map(([code, words]) => h('option', { value: code }, words)),
    );
    const form = h(
      'form',
      { method: 'dialog' },
      h('h2', {}, 'Be somebody new'),
      h('label', {}, 'Name', name),
      h('label', {}, 'Telegram’s language', language),
      h(
        'div',
        { class: 'choices' },
        h('button', { type: 'button', class: 'text-button', onclick: () => dialog.close() }, 'Cancel'),
        h('button', { type: 'submit', class: 'text-button primary' }, 'Add'),
      ),
    );
    form.addEventListener('submit', () => {
      const firstName = name.value.trim();
      if (firstName) this.#actions.add(firstName, language.value);
    });
    const { dialog } = openDialog({ label: 'Add a person', class: 'question' }, form);
    name.focus();
  }
}
