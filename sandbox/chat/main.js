/** Starts the page, once the emulator answers. */
import * as api from './api.js';
import { acceptDrops } from './attachments.js';
import { byId } from './dom.js';
import { dressButtons, dressThemeButton, showDrawer, showNotice } from './furniture.js';
import { startGuide } from './guide.js';
import { Page } from './page.js';
import { offerPhotos } from './photos.js';
/** @import {Bot} from './types.js' */

const RETRY_MS = 2_000;

/** The bot, however long the emulator takes to answer. @returns {Promise<Bot>} */
async function meetBot() {
  for (;;) {
    try {
      return await api.getBot();
    } catch (error) {
      showNotice(error instanceof Error ? error.message : String(error));
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}

dressButtons();
dressThemeButton();
const bot = await meetBot();
byId('bot-name').textContent = bot.first_name;
document.title = `${bot.first_name} · sandbox`;
const page = new Page(bot);
acceptDrops((files) => page.attach(files));
startGuide({
  tryStart: () => {
    showDrawer(false);
    page.send('/start');
  },
  offerPhotos: () => {
    showDrawer(false);
    void offerPhotos(page.person);
  },
  openApp: () => {
    showDrawer(false);
    page.openApp();
  },
});
await page.start();
