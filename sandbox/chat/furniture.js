/** The page's fixed parts: the buttons of index.html, the drawer, the notice, and the welcome in an empty chat. */
import { byId, h, icon } from './dom.js';
import { onThemeChange, theme, toggleTheme } from './theme.js';
/** @import {IconName} from './dom.js' */
/** @import {Bot} from './types.js' */

/** @param {string} words blank takes the bar away */
export function showNotice(words) {
  const notice = byId('notice');
  notice.hidden = !words;
  notice.replaceChildren(h('span', { class: 'spinner', 'aria-hidden': 'true' }), words);
}

/** What Telegram shows in an empty chat with a bot. @param {Bot | null} bot */
export function showWelcome(bot) {
  const welcome = byId('welcome');
  welcome.hidden = bot === null;
  if (!bot) return;
  welcome.replaceChildren(
    h('img', { src: '/chat/icon.svg', alt: '', width: 96, height: 96 }),
    h('h3', {}, 'What can this bot do?'),
    h('p', { dir: 'auto' }, bot.description || 'Press Start and it will tell you.'),
  );
}

/** @param {boolean} open */
export function showDrawer(open) {
  byId('drawer').classList.toggle('open', open);
  byId('drawer-shade').classList.toggle('open', open);
  byId('open-drawer').setAttribute('aria-expanded', String(open));
  if (open) byId('people').querySelector('button')?.focus();
}

/** Icons and labels of the buttons in index.html. */
export function dressButtons() {
  /** @type {[string, IconName, string][]} */
  const buttons = [
    ['open-drawer', 'menu', 'People and settings'],
    ['guide-button', 'bulb', 'What is this?'],
    ['jump', 'down', 'To the latest message'],
    ['attach', 'attach', 'Send photos or files'],
    ['send', 'send', 'Send'],
    ['app-more', 'more', 'App options'],
  ];
  for (const [id, name, label] of buttons) {
    const button = byId(id);
    button.append(icon(name));
    button.title = label;
    button.setAttribute('aria-label', label);
  }
  byId('add-person').append(icon('add'), 'Add a person');
  byId('app-leave').append(icon('close'), icon('back'));
  byId('open-drawer').addEventListener('click', () => showDrawer(true));
  byId('drawer-shade').addEventListener('click', () => showDrawer(false));
  byId('guide-button').addEventListener('click', () => {
    /** @type {HTMLDetailsElement} */ (byId('guide')).open = true;
    showDrawer(true);
  });
  addEventListener('keydown', (event) => event.key === 'Escape' && showDrawer(false));
}

export function dressThemeButton() {
  const button = byId('theme');
  const draw = () => {
    const words = theme() === 'dark' ? 'Light theme' : 'Dark theme';
    button.replaceChildren(icon(theme() === 'dark' ? 'sun' : 'moon'));
    button.title = words;
    button.setAttribute('aria-label', words);
  };
  button.addEventListener('click', toggleTheme);
  onThemeChange(draw);
  draw();
}
