/**
 * The foot of the chat: text, commands, the menu button, the bot's reply keyboard; or START, or RESTART.
 * @import {Command, MenuButton, Person, ReplyMarkup} from './types.js'
 */
import { toast } from './dialogs.js';
import { byId, h } from './dom.js';
import { replyKeyboard } from './keyboard.js';

/**
 * @typedef {object} ComposerActions
 * @property {(text: string, replyTo?: number) => void} send
 * @property {(files: File[]) => void} attach
 * @property {(url: string) => void} openApp
 * @property {() => void} restart after having blocked the bot
 */

const COMMAND = /^\/(\w*)$/;

export class Composer {
  #actions;
  #form = /** @type {HTMLFormElement} */ (byId('composer'));
  #input = /** @type {HTMLTextAreaElement} */ (byId('composer-text'));
  #menuButton = /** @type {HTMLButtonElement} */ (byId('menu-button'));
  #send = /** @type {HTMLButtonElement} */ (byId('send'));
  #files = /** @type {HTMLInputElement} */ (byId('files'));
  #commandList = byId('commands');
  #keyboard = byId('reply-keyboard');
  #replying = /** @type {HTMLButtonElement} */ (byId('replying'));
  #replyTo = 0;
  #bigButton = /** @type {HTMLButtonElement} */ (byId('big-button'));
  /** @type {Command[]} */
  #commands = [];
  /** @type {MenuButton | undefined} */
  #menu;
  #chosen = 0;
  /** @type {Map<number, string>} what each person has begun to write */
  #drafts = new Map();
  #person = 0;

  /** @param {ComposerActions} actions */
  constructor(actions) {
    this.#actions = actions;
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#input.addEventListener('input', () => this.#typed());
    this.#input.addEventListener('keydown', (event) => this.#pressed(event));
    this.#input.addEventListener('blur', () => setTimeout(() => this.#showCommands([]), 150));
    this.#input.addEventListener('paste', (event) => this.#pasted(event));
    this.#menuButton.addEventListener('click', () => this.#openMenu());
    byId('attach').addEventListener('click', () => this.#files.click());
    this.#files.addEventListener('change', () => {
      const files = [...(this.#files.files ?? [])];
      this.#files.value = '';
      if (files.length > 0) actions.attach(files);
    });
    this.#replying.addEventListener('click', () => this.replyTo(0));
    this.#bigButton.addEventListener('click', () => {
      if (this.#bigButton.dataset.act === 'restart') actions.restart();
      else actions.send('/start');
    });
  }

  /** Whether the person may write at all. @param {Person} person @param {boolean} hasMessages */
  showPerson(person, hasMessages) {
    if (person.id !== this.#person) {
      this.#drafts.set(this.#person, this.#input.value);
      this.#person = person.id;
      this.replyTo(0);
      this.#input.value = this.#drafts.get(person.id) ?? '';
      this.#typed();
    }
    const act = person.blocked ? 'restart' : person.started || hasMessages ? '' : 'start';
    this.#bigButton.dataset.act = act;
    this.#bigButton.textContent = act === 'restart' ? 'Restart bot' : 'Start';
    this.#bigButton.hidden = !act;
    this.#form.hidden = Boolean(act);
    this.#keyboard.hidden = Boolean(act);
  }

  /** @param {Command[]} commands @param {MenuButton | undefined} menu */
  showMenu(commands, menu) {
    this.#commands = commands;
    this.#menu = menu;
    const isApp = menu?.type === 'web_app' && Boolean(menu.web_app);
    this.#menuButton.hidden = !isApp && commands.length === 0;
    this.#menuButton.classList.toggle('is-app', isApp);
    const words = isApp ? (menu?.text ?? 'Open') : 'Menu';
    this.#menuButton.replaceChildren(
      h('span', { class: 'menu-lines', 'aria-hidden': 'true' }),
      h('span', {}, words),
    );
    this.#menuButton.setAttribute('aria-label', isApp ? `Open the app: ${words}` : 'Show the bot’s commands');
  }

  /** Shows, keeps or removes the keyboard, as the bot's latest message says. @param {ReplyMarkup | undefined} markup */
  showKeyboard(markup) {
    if (markup?.remove_keyboard) this.#keyboard.replaceChildren();
    if (markup?.keyboard) {
      const send = (/** @type {string} */ text) => {
        if (markup.one_time_keyboard) this.#keyboard.replaceChildren();
        this.#actions.send(text);
      };
      const refuse = () => toast('The sandbox shares no phone number and no place.');
      this.#keyboard.replaceChildren(replyKeyboard(markup, { send, openApp: this.#actions.openApp, refuse }));
    }
    this.#input.placeholder = markup?.input_field_placeholder ?? 'Message';
    if (markup?.force_reply) this.focus();
  }

  clearKeyboard() {
    this.#keyboard.replaceChildren();
    this.#input.placeholder = 'Message';
  }

  focus() {
    if (!this.#form.hidden) this.#input.focus();
  }

  /** What one writes next is a reply to the message; 0 is none. @param {number} id @param {string} [words] */
  replyTo(id, words = '') {
    this.#replyTo = id;
    this.#replying.hidden = id === 0;
    this.#replying.replaceChildren(h('strong', {}, 'Reply'), h('span', { dir: 'auto' }, words));
    if (id) this.focus();
  }

  /** Puts text where the person writes. @param {string} text */
  write(text) {
    this.#input.value = text;
    this.#typed();
    this.focus();
  }

  #submit() {
    const text = this.#input.value.trim();
    if (!text) return;
    this.#input.value = '';
    this.#typed();
    this.#actions.send(text, this.#replyTo);
    this.replyTo(0);
  }

  #typed() {
    this.#send.disabled = this.#input.value.trim() === '';
    const begun = COMMAND.exec(this.#input.value);
    this.#showCommands(begun ? this.#commands.filter(({ command }) => command.startsWith(begun[1])) : []);
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    if (event.isComposing) return;
    if (!this.#commandList.hidden && this.#pressedInCommands(event)) {
      event.preventDefault();
    } else if (event.key === 'Enter' && !event.shiftKey) {
      event.preventDefault();
      this.#submit();
    }
  }

  /** @param {KeyboardEvent} event @returns {boolean} whether the key was meant for the list of commands */
  #pressedInCommands({ key, shiftKey }) {
    const options = [...this.#commandList.children];
    if (key === 'ArrowDown' || key === 'ArrowUp') {
      this.#choose((this.#chosen + (key === 'ArrowDown' ? 1 : options.length - 1)) % options.length);
    } else if (key === 'Tab' || (key === 'Enter' && !shiftKey)) {
      const command = /** @type {HTMLElement} */ (options[this.#chosen]).dataset.command ?? '';
      if (key === 'Tab') this.write(`${command} `);
      else this.#sendCommand(command);
    } else if (key === 'Escape') {
      this.#showCommands([]);
    } else {
      return false;
    }
    return true;
  }

  /** @param {Command[]} commands */
  #showCommands(commands) {
    this.#commandList.hidden = commands.length === 0;
    this.#commandList.replaceChildren(
      ...commands.map(({ command, description }, at) =>
        h(
          'button',
          {
            type: 'button',
            id: `command-${at}`,
            role: 'option',
            tabindex: -1,
            'data-command': `/${command}`,
            onclick: () => this.#sendCommand(`/${command}`),
          },
          h('strong', {}, `/${command}`),
          h('span', { dir: 'auto' }, description),
        ),
      ),
    );
    if (commands.length > 0) this.#choose(0);
    else this.#input.removeAttribute('aria-activedescendant');
  }

  /** @param {number} at */
  #choose(at) {
    this.#chosen = at;
    [...this.#commandList.children].forEach((option, index) => {
      option.setAttribute('aria-selected', String(index === at));
      if (index === at) option.scrollIntoView({ block: 'nearest' });
    });
    this.#input.setAttribute('aria-activedescendant', `command-${at}`);
  }

  /** @param {string} command */
  #sendCommand(command) {
    this.#input.value = '';
    this.#typed();
    this.#actions.send(command);
    this.focus();
  }

  #openMenu() {
    if (this.#menu?.type === 'web_app' && this.#menu.web_app) {
      this.#actions.openApp(this.#menu.web_app.url);
    } else if (this.#commandList.hidden) {
      this.#input.focus();
      this.#showCommands(this.#commands);
    } else {
      this.#showCommands([]);
    }
  }

  /** @param {ClipboardEvent} event */
  #pasted(event) {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length === 0) return;
    event.preventDefault();
    this.#actions.attach(files);
  }
}
