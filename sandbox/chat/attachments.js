/** Files on their way into the chat: dropped, chosen or pasted, looked at once more, then sent. */
import { sendFiles } from './api.js';
import { complain, openDialog } from './dialogs.js';
import { byId, fileSize, h, icon, iconButton, plural } from './dom.js';

/** Telegram's own limit for an album. */
const ALBUM = 10;

/** Sends in albums of at most ten; the caption stands under the first. Says what went wrong.
 * @param {number} person @param {File[]} files @param {'photo' | 'document'} as @param {string} [caption] */
export async function sendInAlbums(person, files, as, caption = '') {
  try {
    for (let at = 0; at < files.length; at += ALBUM) {
      await sendFiles(person, files.slice(at, at + ALBUM), as, at === 0 ? caption : '');
    }
  } catch (error) {
    complain(error);
  }
}

/** Whether this browser can show the file as a picture; HEIC, for one, mostly can't be. @param {File} file */
async function isPicture(file) {
  if (!file.type.startsWith('image/') || file.type === 'image/svg+xml') return false;
  try {
    (await createImageBitmap(file)).close();
    return true;
  } catch {
    return false;
  }
}

/**
 * Shows what is about to be sent, and sends it as photos or as files.
 * @param {number} person
 * @param {File[]} files
 */
export async function previewAndSend(person, files) {
  const pictures = new Set();
  for (const file of files) if (await isPicture(file)) pictures.add(file);
  const chosen = [...files];
  const grid = h('ul', { class: 'previews' });
  const heading = h('h2');
  const caption = h('input', {
    name: 'caption',
    maxlength: 1024,
    placeholder: 'Caption',
    'aria-label': 'Caption',
    autocomplete: 'off',
  });
  const asPhotos = h('input', { type: 'radio', name: 'as', value: 'photo', checked: true });
  const asFiles = h('input', { type: 'radio', name: 'as', value: 'document' });
  const how = h(
    'fieldset',
    { class: 'segments' },
    h('legend', { class: 'unseen' }, 'Send as'),
    h('label', {}, asPhotos, h('span', {}, 'Photos')),
    h('label', {}, asFiles, h('span', {}, 'Files')),
  );
  const form = h(
    'form',
    { method: 'dialog' },
    h('header', {}, heading, iconButton('close', 'Close', { onclick: () => dialog.close() })),
    grid,
    how,
    h(
      'div',
      { class: 'caption-row' },
      caption,
      h('button', { type: 'submit', class: 'text-button primary' }, 'Send'),
    ),
  );
  const urls = chosen.map((file) => URL.createObjectURL(file));

  function draw() {
    if (chosen.length === 0) dialog.close();
    const all = chosen.every((file) => pictures.has(file));
    how.hidden = !all;
    if (!all) asFiles.checked = true;
    heading.textContent = `Send ${plural(chosen.length, all ? 'photo' : 'file')}`;
    grid.replaceChildren(
      ...chosen.map((file) =>
        preview(file, urls[files.indexOf(file)], pictures.has(file), () => {
          chosen.splice(chosen.indexOf(file), 1);
          draw();
        }),
      ),
    );
  }

  const { dialog, closed } = openDialog({ label: 'Send photos', class: 'sheet' }, form);
  let sending = false;
  form.addEventListener('submit', () => (sending = true));
  draw();
  caption.focus();
  await closed;
  for (const url of urls) URL.revokeObjectURL(url);
  if (sending)
    await sendInAlbums(person, chosen, asFiles.checked ? 'document' : 'photo', caption.value.trim());
}

/** @param {File} file @param {string} url @param {boolean} isPicture @param {() => void} remove */
const preview = (file, url, isPicture, remove) =>
  h(
    'li',
    {},
    isPicture ? h('img', { src: url, alt: file.name }) : h('span', { class: 'file-icon' }, icon('file')),
    !isPicture && h('span', { class: 'file-name' }, file.name),
    h('span', { class: 'preview-size' }, fileSize(file.size)),
    iconButton('close', `Leave out ${file.name}`, { class: 'icon-button preview-remove', onclick: remove }),
  );

/**
 * Lets files be dropped anywhere onto the chat.
 * @param {(files: File[]) => void} receive
 */
export function acceptDrops(receive) {
  const chat = byId('chat');
  let depth = 0; // dragenter and dragleave come for every child that is crossed
  const show = () => chat.classList.toggle('dropping', depth > 0);
  const hasFiles = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes('Files') ?? false;

  chat.addEventListener('dragenter', (event) => {
    if (!hasFiles(event)) return;
    depth += 1;
    show();
  });
  chat.addEventListener('dragleave', (event) => {
    if (!hasFiles(event)) return;
    depth = Math.max(0, depth - 1);
    show();
  });
  // A file dropped beside the chat would otherwise replace the page.
  addEventListener('dragover', (event) => hasFiles(event) && event.preventDefault());
  addEventListener('drop', (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    depth = 0;
    show();
    const files = [...(event.dataTransfer?.files ?? [])];
    if (files.length > 0 && chat.contains(/** @type {Node} */ (event.target))) receive(files);
  });
}
