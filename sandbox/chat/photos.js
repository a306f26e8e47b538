/** Six sample photos of a person, drawn here, so that nobody needs photos at hand to try a training. */
import { sendInAlbums } from './attachments.js';
import { complain, openDialog } from './dialogs.js';
import { h, icon, iconButton } from './dom.js';
import { drawPortrait, looksOf } from './portrait.js';
import { HEIGHT, SCENES, WIDTH } from './scenes.js';
/** @import {Person} from './types.js' */
/** @import {Scene} from './scenes.js' */

const GRAIN = 26;
const QUALITY = 0.92;
/** Browsers drop downloads that follow each other too closely. */
const BETWEEN_DOWNLOADS_MS = 250;

/** Real JPEG files of 1024 × 1280 pixels, one for each scene. @param {Person} person @returns {Promise<File[]>} */
export function makePhotos(person) {
  return Promise.all(SCENES.map((scene) => makePhoto(person, scene)));
}

/** @param {Person} person @param {Scene} scene @returns {Promise<File>} */
async function makePhoto(person, { name, draw, pose }) {
  const canvas = h('canvas', { width: WIDTH, height: HEIGHT });
  const ctx = canvas.getContext('2d', { willReadFrequently: true });
  if (!ctx) throw new Error('This browser doesn’t draw on canvases.');
  draw(ctx);
  drawPortrait(ctx, looksOf(person.id), pose);
  addGrain(ctx);
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, 'image/jpeg', QUALITY));
  return new File([blob], `${person.firstName.toLowerCase()}-${name}.jpg`, { type: 'image/jpeg' });
}

/** A camera's grain: without it the drawing is too clean to pass for a photo. @param {CanvasRenderingContext2D} ctx */
function addGrain(ctx) {
  const image = ctx.getImageData(0, 0, WIDTH, HEIGHT);
  const { data } = image;
  for (let at = 0; at < data.length; at += 4) {
    const grain = (Math.random() - 0.5) * GRAIN;
    data[at] += grain;
    data[at + 1] += grain;
    data[at + 2] += grain;
  }
  ctx.putImageData(image, 0, 0);
}

/** Shows the six, and sends them into the chat or saves them. @param {Person} person */
export async function offerPhotos(person) {
  let files;
  try {
    files = await makePhotos(person);
  } catch (error) {
    complain(error);
    return;
  }
  const urls = files.map((file) => URL.createObjectURL(file));
  const download = h('button', { type: 'button', class: 'text-button' }, icon('download'), 'Download all');
  const send = h(
    'button',
    { type: 'button', class: 'text-button primary' },
    icon('send'),
    'Send to the chat',
  );
  const { dialog, closed } = openDialog(
    { label: 'Sample photos', class: 'sheet' },
    h(
      'header',
      {},
      h('h2', {}, `Six photos of ${person.firstName}`),
      iconButton('close', 'Close', { onclick: () => dialog.close() }),
    ),
    h(
      'p',
      { class: 'hint' },
      'Drawn just now by your browser: real JPEG files. Send them to the bot as an album, or download them to choose them in the app.',
    ),
    h(
      'ul',
      { class: 'previews samples' },
      ...files.map(({ name }, at) =>
        h(
          'li',
          {},
          h(
            'a',
            { href: urls[at], download: name, title: `Download ${name}` },
            h('img', { src: urls[at], alt: name }),
          ),
        ),
      ),
    ),
    h('div', { class: 'choices' }, download, send),
  );
  download.addEventListener('click', () => downloadAll(files, urls));
  send.addEventListener('click', () => dialog.close('send'));
  send.focus();
  if ((await closed) === 'send') await sendInAlbums(person.id, files, 'photo');
  for (const url of urls) URL.revokeObjectURL(url);
}

/** @param {File[]} files @param {string[]} urls */
async function downloadAll(files, urls) {
  for (const [at, { name }] of files.entries()) {
    h('a', { href: urls[at], download: name }).click();
    await new Promise((resolve) => setTimeout(resolve, BETWEEN_DOWNLOADS_MS));
  }
}
