/**
 * The Telegram emulator's client API: what a Telegram app would ask of Telegram's servers.
 * @import {Person, Bot, Info, Chat, InvoiceDetails, InvoiceSource} from './types.js'
 */

/** A refusal in the emulator's own words; `status` is 0 where it could not be reached at all. */
export class ApiError extends Error {
  /** @param {string} message @param {number} status */
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/** @param {string} path @param {RequestInit} [init] @returns {Promise<any>} */
async function request(path, init) {
  let answer;
  try {
    answer = await fetch(`/client${path}`, init);
  } catch {
    throw new ApiError('The Telegram emulator isn’t answering. Is the sandbox still running?', 0);
  }
  const body = await answer.json().catch(() => null);
  if (!answer.ok) throw new ApiError(body?.error ?? `The emulator answered ${answer.status}.`, answer.status);
  return body;
}

/** @param {string} path @param {unknown} body @returns {Promise<any>} */
const post = (path, body) =>
  request(path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });

/** @returns {Promise<Person[]>} */
export const getPeople = () => request('/people');

/** @param {string} firstName @param {string} language @returns {Promise<Person>} */
export const addPerson = (firstName, language) => post('/people', { firstName, language });

/** The bot as somebody of that language reads of it. @param {string} [language] @returns {Promise<Bot>} */
export const getBot = (language = 'en') => request(`/bot?${new URLSearchParams({ language })}`);

/** The addresses of the sandbox's other parts. @returns {Promise<Info>} */
export const getInfo = () => request('/info');

/** @param {number} person @returns {Promise<Chat>} */
export const getChat = (person) => request(`/people/${person}/chat`);

/** @param {number} person @param {string} text @param {number} replyTo a message's id, or 0 */
export const sendText = (person, text, replyTo) => post(`/people/${person}/messages`, { text, replyTo });

/**
 * Sends one photo, an album of 2 to 10, or documents.
 * @param {number} person
 * @param {File[]} files
 * @param {'photo' | 'document'} as
 * @param {string} caption
 */
export function sendFiles(person, files, as, caption) {
  const form = new FormData();
  for (const file of files) form.append(as, file, file.name);
  if (caption) form.append('caption', caption);
  return request(`/people/${person}/messages`, { method: 'POST', body: form });
}

/** @param {number} person @param {number} messageId @param {string} data
 * @returns {Promise<{callbackQueryId: string}>} */
export const pressCallback = (person, messageId, data) =>
  post(`/people/${person}/callback`, { messageId, data });

/** @param {number} person @param {InvoiceSource} source @returns {Promise<InvoiceDetails>} */
export const getInvoice = (person, source) =>
  request(
    `/people/${person}/invoice?${new URLSearchParams(Object.entries(source).map(([k, v]) => [k, String(v)]))}`,
  );

/** @param {number} person @param {InvoiceSource} source
 * @returns {Promise<{status: 'paid' | 'failed', reason?: string}>} */
export const pay = (person, source) => post(`/people/${person}/pay`, source);

/** @param {number} person @param {boolean} blocked */
export const setBlocked = (person, blocked) => post(`/people/${person}/block`, { blocked });

/** Takes a block back and sends /start. @param {number} person */
export const restart = (person) => post(`/people/${person}/restart`, {});

/**
 * Signs the person in to a Mini App.
 * @param {number} person
 * @param {{url: string, theme: string, startParam?: string}} launch
 * @returns {Promise<{url: string, initData: string}>} the address with its `tgWebApp…` fragment
 */
export const getWebApp = (person, { url, theme, startParam }) =>
  request(
    `/people/${person}/webapp?${new URLSearchParams({ url, theme, ...(startParam && { startParam }) })}`,
  );

/** @param {string} fileId */
export const fileUrl = (fileId) => `/client/files/${encodeURIComponent(fileId)}`;

const EVENTS = [
  'message',
  'edit',
  'delete',
  'chat_action',
  'callback_answer',
  'invoice_closed',
  'stars',
  'menu',
];
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 5_000;

/**
 * Follows what happens in a person's chat, and connects again by itself for as long as it takes. Each connection
 * begins with `onOpen`: whatever happened in between has to be read again there.
 * @param {number} person
 * @param {{onOpen: () => void, onLost: () => void, onEvent: (name: string, data: any) => void}} handlers
 * @returns {() => void} stops following
 */
export function follow(person, { onOpen, onLost, onEvent }) {
  let pause = FIRST_PAUSE_MS;
  /** @type {EventSource} */
  let source;
  let timer = 0;

  function connect() {
    source = new EventSource(`/client/people/${person}/events`);
    source.onopen = () => {
      pause = FIRST_PAUSE_MS;
      onOpen();
    };
    source.onerror = () => {
      // The browser's own retrying gives up for good on any answer but 200, so it is done here.
      source.close();
      onLost();
      timer = setTimeout(connect, pause);
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
    };
    for (const name of EVENTS) {
      source.addEventListener(name, (event) => onEvent(name, JSON.parse(event.data)));
    }
  }

  connect();
  return () => {
    clearTimeout(timer);
    source.close();
  };
}
