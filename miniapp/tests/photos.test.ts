import { expect, test } from 'vitest';
import { Api, type Limits, type Photo } from '../src/lib/api';
import { Photos } from '../src/lib/photos.svelte';
import { json, problem, serve } from './server';

const limits = { photosMax: 3, photoMinSide: 512, photoMaxBytes: 100 } as Limits;
const photo = (name: string) => ({ id: name, fileName: name, verdict: 'ok', caption: null }) as Photo;
const file = (name: string, bytes = 9) => new File([new Uint8Array(bytes)], name, { type: 'image/jpeg' });

/** The draft of a server that keeps what it is sent. */
async function draft(...kept: Photo[]) {
  const { base } = await serve((call, response) => {
    if (call.path === '/session') return json(response, 200, { token: 't' });
    if (call.method === 'GET') return json(response, 200, { photos: kept });
    if (call.method === 'DELETE') {
      const at = kept.findIndex(({ id }) => call.path.endsWith(id));
      if (at < 0) return problem(response, 404, 'photo_not_found');
      kept.splice(at, 1);
      return void response.writeHead(204).end();
    }
    const sent = photo(/filename="([^"]+)"/.exec(call.body)?.[1] ?? '');
    kept.push(sent);
    json(response, 201, sent);
  });
  // Node has no XMLHttpRequest.
  const photos = new Photos(new Api('data', base, (url, init) => fetch(url, init)), limits);
  await photos.load();
  return { photos, kept };
}

test('those that a training has no room for are left out by name, and the others go on', async () => {
  const { photos } = await draft(photo('chat.jpg'));
  photos.add(['1.jpg', '2.jpg', '3.jpg', '4.jpg'].map((name) => file(name)));
  expect(photos.leftOut).toEqual(['3.jpg', '4.jpg']);
  await expect.poll(() => photos.count).toBe(3);
  expect(photos.tiles.map((tile) => tile.name)).toEqual(['chat.jpg', '1.jpg', '2.jpg']);
  expect([photos.room, photos.unsaved]).toEqual([0, false]);
});

test('what was refused takes no room', async () => {
  const { photos } = await draft();
  photos.add([file('empty.jpg', 0), file('1.jpg'), file('huge.jpg', 101)]);
  await expect.poll(() => photos.uploads.active).toBe(0);
  expect(photos.refused.map((upload) => [upload.file.name, upload.error?.code])).toEqual([
    ['empty.jpg', 'empty_file'],
    ['huge.jpg', 'file_too_large'],
  ]);
  expect(photos.room).toBe(2);
});

test('with a photo goes what was written about it, and it may be gone already', async () => {
  const { photos, kept } = await draft(photo('1.jpg'), photo('2.jpg'));
  for (const tile of photos.tiles) if (tile.photo) photos.captions.write(tile.photo, 'TOK');
  kept.pop();
  for (const tile of photos.tiles) await photos.remove(tile);
  expect([photos.tiles, kept, photos.unsaved]).toEqual([[], [], false]);
});
