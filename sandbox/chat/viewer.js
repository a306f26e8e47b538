/** A photo over the whole page, with its neighbours in the album left and right. */
import { openDialog } from './dialogs.js';
import { h, icon, iconButton } from './dom.js';

/**
 * @param {{url: string, name: string}[]} photos
 * @param {number} first
 */
export function viewPhotos(photos, first) {
  let at = first;
  const image = h('img', { alt: '' });
  const count = h('span', { class: 'viewer-count' });
  const save = h(
    'a',
    { class: 'icon-button', 'aria-label': 'Download', title: 'Download' },
    icon('download'),
  );
  const back = iconButton('back', 'Previous photo', {
    class: 'icon-button viewer-back',
    onclick: () => show(at - 1),
  });
  const on = iconButton('back', 'Next photo', {
    class: 'icon-button viewer-on',
    onclick: () => show(at + 1),
  });
  const close = iconButton('close', 'Close', { onclick: () => dialog.close() });

  /** @param {number} index */
  function show(index) {
    if (index < 0 || index >= photos.length) return;
    at = index;
    const { url, name } = photos[at];
    image.src = url;
    image.alt = `Photo ${at + 1} of ${photos.length}`;
    save.href = url;
    save.download = name;
    count.textContent = photos.length > 1 ? `${at + 1} of ${photos.length}` : '';
    back.hidden = at === 0;
    on.hidden = at === photos.length - 1;
  }

  const { dialog } = openDialog(
    { label: 'Photo', class: 'viewer' },
    h('header', {}, count, save, close),
    h(
      'div',
      {
        class: 'viewer-stage',
        onclick: (/** @type {Event} */ event) => event.target !== image && dialog.close(),
      },
      image,
    ),
    back,
    on,
  );
  dialog.addEventListener('keydown', (event) => {
    if (event.key === 'ArrowLeft') show(at - 1);
    if (event.key === 'ArrowRight') show(at + 1);
  });
  show(first);
}
