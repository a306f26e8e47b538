import { expect, test } from 'vitest';
import { type Api, ApiError, type Generation } from '../src/lib/api';
import { Generations } from '../src/lib/generations.svelte';

const generation = (id: string, status: Generation['status'], pictures = 0) =>
  ({
    id,
    status,
    createdAt: id,
    pictures: Array.from({ length: pictures }, (_, at) => ({ id: `${id}/${at}` })),
  }) as unknown as Generation;

function galleryOf(api: Partial<Api>, running: Generation[] = []) {
  return new Generations(api as Api, running);
}
const ids = (list: { id: string }[]) => list.map(({ id }) => id);

test('what runs is in sight, and stays there when it has ended', () => {
  const gallery = galleryOf({}, [generation('b', 'RUNNING')]);
  gallery.take(generation('c', 'PENDING'));
  expect(ids(gallery.running)).toEqual(['c', 'b']);
  gallery.take(generation('b', 'COMPLETED', 2));
  expect([ids(gallery.running), ids(gallery.recent), gallery.shots.length]).toEqual([['c'], ['c', 'b'], 2]);
  gallery.dismiss('b');
  expect([ids(gallery.recent), gallery.shots.length]).toEqual([['c'], 2]);
});

test('what has ended stays so, even if an older answer comes late', () => {
  const gallery = galleryOf({}, [generation('a', 'RUNNING')]);
  gallery.take(generation('a', 'FAILED'));
  expect(gallery.take(generation('a', 'RUNNING')).status).toBe('FAILED');
  expect(ids(gallery.running)).toEqual([]);
});

test('few that have ended stay where they were asked for, and what failed is not in the gallery', () => {
  const gallery = galleryOf({});
  for (const id of ['a', 'b', 'c', 'd', 'e']) {
    gallery.take(generation(id, 'RUNNING'));
    gallery.take(generation(id, id === 'e' ? 'FAILED' : 'COMPLETED', id === 'e' ? 0 : 1));
  }
  expect(ids(gallery.recent)).toEqual(['e', 'd', 'c']);
  expect(ids(gallery.items)).toEqual(['d', 'c', 'b', 'a']);
});

test('what the chat has asked for is found by reading the list', async () => {
  const items = [generation('c', 'RUNNING'), generation('b', 'COMPLETED', 1)];
  const gallery = galleryOf({ generations: () => Promise.resolve({ items, nextCursor: null }) });
  await gallery.load();
  expect([ids(gallery.running), ids(gallery.recent)]).toEqual([['c'], ['c']]);
});

test('one that a link led to keeps its place among the pages', async () => {
  const first = {
    items: [generation('9', 'COMPLETED', 1), generation('8', 'COMPLETED', 1)],
    nextCursor: 'x',
  };
  const second = { items: [generation('7', 'COMPLETED', 1)], nextCursor: null };
  const gallery = galleryOf({ generations: (cursor) => Promise.resolve(cursor ? second : first) });
  gallery.take(generation('3', 'COMPLETED', 1));
  await gallery.load();
  expect(gallery.nextCursor).toBe('x');
  await gallery.more();
  expect(ids(gallery.items)).toEqual(['9', '8', '7', '3']);
});

test('a picture goes, and with the last one its generation', async () => {
  const removed: string[] = [];
  const gallery = galleryOf({
    removeGeneration: (id) => {
      removed.push(id);
      return id === 'a/1' ? Promise.reject(new ApiError(404, 'generation_not_found')) : Promise.resolve();
    },
  });
  gallery.take(generation('a', 'COMPLETED', 2));
  gallery.take(generation('b', 'COMPLETED', 2));
  await gallery.remove('a/0');
  expect(gallery.shots.map(({ picture }) => picture.id)).toEqual(['b/0', 'b/1', 'a/1']);
  await gallery.remove('a/1');
  expect(ids(gallery.items)).toEqual(['b']);
  await gallery.remove('b');
  expect([gallery.items, removed]).toEqual([[], ['a/0', 'a/1', 'b']]);
});
