import { expect, test } from 'vitest';
import { Api, type Limits, type Photo } from '../src/lib/api';
import { Photos } from '../src/lib/photos.svelte';
import { json, problem, serve } from './server';

const limits = { photosMin: 1, photosMax: 3, photoMinSide: 512, photoMaxBytes: 100 } as Limits;
const photo = (name: string) => ({ id: name, fileName: name, verdict: 'ok', caption: null }) as Photo;
const file = (name: string, bytes = 9) => new File([new Uint8Array(bytes)], name, { type: 'image/jpeg' });

/** The draft of a server that keeps what it is sent, unless it is `away`. */
async function draft(...kept: Photo[]) {
  const server = { away: false };
  const { base } = await serve((call, response) => {
    if (server.away) return problem(response, 403, 'not_now');
    if (call.path === '/session') return json(response, 200, { token: 't' });
    if (call.method === 'GET') return json(response, 200, { photos: kept });
    if (call.method === 'PATCH') return problem(response, 404, 'photo_not_found');
    if (call.method === 'DELETE') {
      const at = kept.findIndex(({ id }) => call.path.endsWith(id));
      if (at < 0) return problem(response, 404, 'photo_not_found');
      kept.splice(at, 1);
      return void response.writeHead(204).end();
    }
    if (kept.length >= limits.photosMax) return problem(response, 422, 'too_many_photos');
    const sent = photo(/filename="([^"]+)"/.exec(call.body)?.[1] ?? '');
    kept.push(sent);
    json(response, 201, sent);
  });
  // Node has no XMLHttpRequest.
  const photos = new Photos(new Api('data', base, (url, init) => fetch(url, init)), limits);
  await photos.load();
  return { photos, kept, server };
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

test('a removal is seen at once, counts at once, and is taken back where it fails', async () => {
  const { photos, server } = await draft(photo('1.jpg'), photo('2.jpg'));
  const [first] = photos.tiles;
  if (!first) throw new Error('There is no photo.');
  server.away = true;
  const removal = photos.remove(first);
  expect([photos.tiles.map(({ leaving }) => leaving), photos.count]).toEqual([[true, false], 1]);
  await expect(removal).rejects.toMatchObject({ status: 403 });
  expect([photos.tiles.map(({ leaving }) => leaving), photos.count]).toEqual([[false, false], 2]);
});

test('what has become a training goes, and what came or failed meanwhile stays', async () => {
  const { photos, kept, server } = await draft(photo('chat.jpg'));
  photos.add([file('1.jpg'), file('empty.jpg', 0)]);
  await expect.poll(() => photos.count).toBe(2);
  const trained = photos.present.map(({ id }) => id);
  server.away = true;
  photos.add([file('failed.jpg')]);
  await expect.poll(() => photos.failed.length).toBe(1);
  expect(photos.unsaved).toBe(true);
  server.away = false;
  kept.length = 0;
  photos.clear(trained);
  photos.add([file('new.jpg')]);
  await expect.poll(() => photos.uploads.active).toBe(0);
  await photos.load();
  expect(photos.tiles.map(({ name }) => name)).toEqual(['failed.jpg', 'new.jpg']);
  photos.retryFailed();
  await expect.poll(() => photos.count).toBe(2);
});

test('one that was one too many can be sent again once there is room', async () => {
  const { photos, kept } = await draft(photo('1.jpg'), photo('2.jpg'));
  kept.push(photo('chat.jpg'));
  photos.add([file('4.jpg')]);
  await expect.poll(() => photos.refused.length).toBe(1);
  await photos.load();
  const tile = () => {
    const found = photos.tiles.find(({ name }) => name === '4.jpg');
    if (!found?.upload) throw new Error('It is gone.');
    return { ...found, upload: found.upload };
  };
  expect(photos.canRetry(tile())).toBe(false);
  const [first] = photos.tiles;
  if (first) await photos.remove(first);
  expect(photos.canRetry(tile())).toBe(true);
  photos.uploads.retry(tile().upload);
  await expect.poll(() => photos.count).toBe(3);
});

test('a photo that was removed in another window goes when something is written about it', async () => {
  const { photos, kept } = await draft(photo('1.jpg'), photo('2.jpg'));
  const [first] = photos.present;
  if (!first) throw new Error('There is no photo.');
  kept.shift();
  photos.captions.write(first, 'TOK');
  await photos.captions.save(first);
  await expect.poll(() => photos.tiles.map(({ name }) => name)).toEqual(['2.jpg']);
  expect(photos.unsaved).toBe(false);
});

test('of two answers the one that was asked for last counts', async () => {
  const answers: ((names: string[]) => void)[] = [];
  const { base } = await serve((call, response) => {
    if (call.path === '/session') return json(response, 200, { token: 't' });
    answers.push((names) => json(response, 200, { photos: names.map(photo) }));
  });
  const photos = new Photos(new Api('data', base), limits);
  const loads = [photos.load(), photos.load()];
  await expect.poll(() => answers.length).toBe(2);
  answers[1]?.(['new.jpg']);
  await loads[1];
  answers[0]?.(['old.jpg']);
  await loads[0];
  expect(photos.tiles.map(({ name }) => name)).toEqual(['new.jpg']);
});
