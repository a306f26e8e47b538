/**
 * The page at work: who one is, what the emulator says happened, and what a tap does.
 * @import {Bot, CallbackAnswer, Chat, Info, InlineButton, InvoiceSource, Menu, MenuButton, Message, Person} from './types.js'
 */
import * as api from './api.js';
import { previewAndSend } from './attachments.js';
import { MessageList } from './chat.js';
import { Composer } from './composer.js';
import { alert, ask, complain, confirm, toast } from './dialogs.js';
import { byId } from './dom.js';
import { playEffect } from './effects.js';
import { copy } from './entities.js';
import { showDrawer, showNotice, showWelcome } from './furniture.js';
import { showAddresses } from './guide.js';
import { readLink } from './links.js';
import { MiniApp } from './miniapp.js';
import { payInvoice } from './payment.js';
import { PeopleColumn } from './people.js';
import { viewPhotos } from './viewer.js';

const PERSON_KEY = 'selfi-sandbox-person';
/** Telegram shows a chat action for this long unless it is repeated. */
const ACTION_MS = 5_000;
/** Telegram gives up waiting for a callback's answer after about this long. */
const CALLBACK_MS = 15_000;

/** @type {Record<string, string>} */
const ACTIONS = {
  typing: 'typing',
  upload_photo: 'sending a photo',
  upload_document: 'sending a file',
  upload_video: 'sending a video',
  record_video: 'recording a video',
  record_voice: 'recording a voice message',
  upload_voice: 'sending a voice message',
  choose_sticker: 'choosing a sticker',
  find_location: 'looking for a place',
};

export class Page {
  /** @type {Person[]} */
  #people = [];
  /** @type {Person | undefined} */
  #person;
  /** @type {Info} */
  #info = {};
  /** @type {MenuButton | undefined} */
  #menuButton;
  #stop = () => {};
  /** @type {[string, any][] | null} what happens while the chat is being read, null at other times */
  #held = null;
  #statusTimer = 0;
  /** @type {Map<string, HTMLElement>} the buttons that wait for their callback's answer */
  #waiting = new Map();
  /** @type {Map<string, CallbackAnswer>} answers that overtook the number of their question */
  #early = new Map();

  /** @param {Bot} bot */
  constructor(bot) {
    this.bot = bot;
    this.list = new MessageList(
      { scroller: byId('scroller'), list: byId('messages'), jump: byId('jump') },
      {
        press: (button, message, element) => void this.#press(button, message, element),
        openLink: (url, ask) => void this.#openLink(url, ask),
        sendText: (text) => this.send(text),
        replyTo: (id, words) => this.composer.replyTo(id, words),
        viewPhotos,
        showMessage: (id) => this.list.show(id),
      },
    );
    this.composer = new Composer({
      send: (text, replyTo) => this.send(text, replyTo),
      attach: (files) => this.attach(files),
      openApp: (url) => void this.app.open(url),
      restart: () => void this.#restart(),
    });
    this.column = new PeopleColumn(
      { list: byId('people'), addButton: byId('add-person') },
      {
        select: (id) => this.select(id),
        add: (name, language) => void this.#add(name, language),
        setBlocked: (person, blocked) => void this.#setBlocked(person, blocked),
      },
    );
    this.app = new MiniApp({
      title: bot.first_name,
      botId: bot.id,
      person: () => this.person,
      pay: (source) => this.#pay(source),
      openLink: (url) => void this.#openLink(url, false),
    });
  }

  /** Who one is; there is always somebody once the page has started. @returns {Person} */
  get person() {
    if (!this.#person) throw new Error('Nobody is chosen yet.');
    return this.#person;
  }

  async start() {
    this.#people = await api.getPeople();
    this.#info = await api.getInfo().catch(() => ({}));
    showAddresses(this.#info);
    const last = Number(localStorage.getItem(PERSON_KEY));
    this.select((this.#people.find(({ id }) => id === last) ?? this.#people[0]).id);
  }

  /** @param {number} id */
  select(id) {
    showDrawer(false);
    if (id === this.#person?.id) return;
    this.#stop();
    this.app.close();
    this.#person = this.#people.find((person) => person.id === id) ?? this.#people[0];
    localStorage.setItem(PERSON_KEY, String(this.person.id));
    this.list.clear();
    this.composer.clearKeyboard();
    this.#waiting.clear();
    this.#early.clear();
    this.#held = null;
    this.#showStatus('bot');
    this.#stop = api.follow(this.person.id, {
      onOpen: () => void this.#read(),
      onLost: () => showNotice('The emulated Telegram isn’t answering. Trying again…'),
      onEvent: (name, data) => (this.#held ? this.#held.push([name, data]) : this.#happened(name, data)),
    });
    this.#show();
  }

  /** @param {string} text @param {number} [replyTo] */
  send(text, replyTo = 0) {
    api.sendText(this.person.id, text, replyTo).catch(complain);
    this.composer.focus();
  }

  /** @param {File[]} files */
  attach(files) {
    if (this.person.blocked) toast('Unblock the bot first.');
    else void previewAndSend(this.person.id, files);
  }

  openApp() {
    const url = this.#appUrl;
    if (url) void this.app.open(url);
    else toast('The bot has no app yet: send /start first.');
  }

  get #appUrl() {
    const { appUrl } = this.#info;
    return this.#menuButton?.web_app?.url ?? (appUrl && new URL('/app/', appUrl).href);
  }

  /** Reads the whole chat; what happens meanwhile is applied afterwards, in its order. */
  async #read() {
    const { id, language } = this.person;
    /** @type {[string, any][]} */
    const held = [];
    this.#held = held;
    const isStale = () => this.#held !== held;
    try {
      const [chat, people, bot] = await Promise.all([api.getChat(id), api.getPeople(), api.getBot(language)]);
      if (isStale()) return;
      showNotice('');
      this.bot = bot;
      this.#meet(people);
      this.#showChat(chat);
    } catch (error) {
      if (!isStale()) showNotice(error instanceof Error ? error.message : String(error));
    }
    if (isStale()) return;
    this.#held = null;
    for (const [name, data] of held) this.#happened(name, data);
  }

  /** @param {Menu} menu */
  #showMenu({ menuButton, commands }) {
    this.#menuButton = menuButton;
    this.composer.showMenu(commands, menuButton);
  }

  /** @param {Person[]} people */
  #meet(people) {
    this.#people = people;
    this.#person = people.find(({ id }) => id === this.#person?.id) ?? people[0];
  }

  /** @param {Chat} chat */
  #showChat(chat) {
    this.#showMenu(chat);
    this.list.load(this.person.id, chat.messages);
    this.composer.clearKeyboard();
    for (const message of chat.messages) this.#noticeKeyboard(message);
    this.#show();
  }

  /** @param {string} name @param {any} data */
  #happened(name, data) {
    switch (name) {
      case 'message':
        this.#showStatus('bot');
        this.list.put(data);
        this.#noticeKeyboard(data);
        playEffect(data.effect_id);
        if (data.from?.id === this.person.id && !this.person.started) void this.#refreshPeople();
        else this.#show();
        break;
      case 'edit':
        this.list.put(data);
        break;
      case 'delete':
        this.list.remove(data.message_ids);
        this.#show();
        break;
      case 'chat_action':
        this.#showStatus(ACTIONS[data.action] ?? 'busy', ACTION_MS);
        break;
      case 'callback_answer':
        this.#answered(data);
        break;
      case 'stars':
        this.#change({ stars: data.stars });
        break;
      case 'menu':
        this.#showMenu(data);
        break;
    }
  }

  /** A bot's message may bring a keyboard, or take one away. @param {Message} message */
  #noticeKeyboard(message) {
    const markup = message.reply_markup;
    const aboutKeyboard = markup?.keyboard ?? markup?.remove_keyboard ?? markup?.force_reply;
    if (message.from?.id !== this.person.id && aboutKeyboard) this.composer.showKeyboard(markup);
  }

  /** @param {string} words @param {number} [ms] how long they hold */
  #showStatus(words, ms = 0) {
    clearTimeout(this.#statusTimer);
    const status = byId('bot-status');
    status.textContent = words;
    status.classList.toggle('active', ms > 0);
    if (ms > 0) this.#statusTimer = setTimeout(() => this.#showStatus('bot'), ms);
  }

  #show() {
    this.column.show(this.#people, this.person.id);
    this.composer.showPerson(this.person, !this.list.isEmpty);
    showWelcome(this.list.isEmpty ? this.bot : null);
  }

  /** @param {Partial<Person>} changes */
  #change(changes) {
    const changed = { ...this.person, ...changes };
    this.#people = this.#people.map((person) => (person.id === changed.id ? changed : person));
    this.#person = changed;
    this.#show();
  }

  async #refreshPeople() {
    try {
      this.#meet(await api.getPeople());
      this.#show();
    } catch (error) {
      complain(error);
    }
  }

  /** @param {string} name @param {string} language */
  async #add(name, language) {
    try {
      const person = await api.addPerson(name, language);
      await this.#refreshPeople();
      this.select(person.id);
    } catch (error) {
      complain(error);
    }
  }

  async #restart() {
    try {
      await api.restart(this.person.id);
      await this.#refreshPeople();
    } catch (error) {
      complain(error);
    }
  }

  /** @param {Person} person @param {boolean} blocked */
  async #setBlocked(person, blocked) {
    try {
      await api.setBlocked(person.id, blocked);
      await this.#refreshPeople();
    } catch (error) {
      complain(error);
    }
  }

  /** @param {InlineButton} button @param {Message} message @param {HTMLElement} element */
  async #press(button, message, element) {
    if (button.callback_data !== undefined) await this.#callback(button.callback_data, message, element);
    else if (button.pay) await this.#pay({ messageId: message.message_id });
    else if (button.web_app) await this.app.open(button.web_app.url);
    else if (button.copy_text) await copy(button.copy_text.text);
    else if (button.url ?? button.login_url)
      await this.#openLink(button.url ?? button.login_url?.url ?? '', true);
    else if (button.switch_inline_query_current_chat !== undefined) {
      this.composer.write(`@${this.bot.username} ${button.switch_inline_query_current_chat}`);
    } else toast('This button leads to another chat, and the sandbox has only this one.');
  }

  /** @param {string} data @param {Message} message @param {HTMLElement} element */
  async #callback(data, message, element) {
    if (element.classList.contains('busy')) return;
    element.classList.add('busy');
    try {
      const { callbackQueryId: id } = await api.pressCallback(this.person.id, message.message_id, data);
      this.#waiting.set(id, element);
      const early = this.#early.get(id);
      if (early) this.#answered(early);
      else setTimeout(() => this.#rest(id), CALLBACK_MS);
    } catch (error) {
      element.classList.remove('busy');
      complain(error);
    }
  }

  /** @param {CallbackAnswer} answer */
  #answered(answer) {
    if (!this.#waiting.has(answer.callbackQueryId)) {
      this.#early.set(answer.callbackQueryId, answer);
      return;
    }
    this.#early.delete(answer.callbackQueryId);
    this.#rest(answer.callbackQueryId);
    if (answer.text && answer.showAlert) void alert(answer.text, this.bot.first_name);
    else if (answer.text) toast(answer.text);
    if (answer.url) void this.#openLink(answer.url, true);
  }

  /** @param {string} id */
  #rest(id) {
    this.#waiting.get(id)?.classList.remove('busy');
    this.#waiting.delete(id);
  }

  /** @param {InvoiceSource} source */
  async #pay(source) {
    return payInvoice(this.person, source);
  }

  /** People write to the bot alone here, so a shared link goes straight to the tap of whoever gets it.
   * @param {string} url */
  async #share(url) {
    const choices = this.#people.map(({ id, firstName }) => ({ id: String(id), text: firstName }));
    const chosen = await ask({ title: 'Send it to…', message: `They tap ${url}`, choices });
    if (chosen === null) return;
    this.select(Number(chosen));
    await this.#openLink(url, true);
  }

  /** @param {string} address @param {boolean} asks before leaving for the web */
  async #openLink(address, asks) {
    const target = readLink(address, this.bot.username);
    switch (target.kind) {
      case 'start':
        this.app.stepAside();
        this.send(`/start ${target.payload}`.trim());
        break;
      case 'app':
        if (this.#appUrl) await this.app.open(this.#appUrl, target.startParam);
        break;
      case 'invoice':
        await this.#pay({ slug: target.slug });
        break;
      case 'bot':
        this.app.stepAside();
        this.composer.focus();
        break;
      case 'share':
        await this.#share(target.url);
        break;
      case 'telegram':
        toast(`Telegram would open ${target.url} now.`);
        break;
      case 'web':
        if (!asks || (await confirm(`Open ${target.url}?`, 'Open')))
          window.open(target.url, '_blank', 'noopener,noreferrer');
        break;
      default:
        toast('This link isn’t one that Telegram opens.');
    }
  }
}
