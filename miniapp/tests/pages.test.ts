import { expect, test } from 'vitest';
import { ApiError } from '../src/lib/api';
import { Pages } from '../src/lib/pages.svelte';

interface Row {
  id: number;
}

/** A server with rows 1 to `count`, three a page, newest first. */
function served(count: number) {
  const server = { newest: count, failure: null as ApiError | null };
  const pages = new Pages<Row>(
    (cursor) => {
      if (server.failure) return Promise.reject(server.failure);
      const from = cursor === null ? server.newest : Number(cursor) - 1;
      const items = [from, from - 1, from - 2].filter((id) => id > 0).map((id) => ({ id }));
      const last = items.at(-1)?.id ?? 1;
      return Promise.resolve({ items, nextCursor: last > 1 ? String(last) : null });
    },
    ({ id }) => id,
  );
  return { server, pages, ids: () => pages.items.map(({ id }) => id) };
}

test('page by page to the end', async () => {
  const { pages, ids } = served(7);
  await pages.load();
  expect(ids()).toEqual([7, 6, 5]);
  while (pages.nextCursor) await pages.more();
  expect(ids()).toEqual([7, 6, 5, 4, 3, 2, 1]);
});

test('loading anew brings what is new, and keeps what was read below', async () => {
  const { server, pages, ids } = served(7);
  await pages.load();
  await pages.more();
  server.newest = 9;
  await pages.load();
  expect(ids()).toEqual([9, 8, 7, 6, 5, 4, 3, 2]);
});

test('what is gone from the server is gone', async () => {
  const { server, pages, ids } = served(3);
  await pages.load();
  server.newest = 2;
  await pages.load();
  expect(ids()).toEqual([2, 1]);
  server.newest = 0;
  await pages.load();
  expect(ids()).toEqual([]);
});

test('a failure leaves what is there, and a success takes the failure away', async () => {
  const { server, pages, ids } = served(3);
  await pages.load();
  server.failure = new ApiError(404, 'gone');
  await pages.load();
  expect(ids()).toEqual([3, 2, 1]);
  expect(pages.error).toBe(server.failure);
  server.failure = null;
  await pages.load();
  expect(pages.error).toBeNull();
});

/** A list whose answers come when they are let go, in any order. */
function held() {
  const answers: ((ids: number[]) => void)[] = [];
  const pages = new Pages<Row>(
    () =>
      new Promise((resolve) => {
        answers.push((ids) => resolve({ items: ids.map((id) => ({ id })), nextCursor: null }));
      }),
    ({ id }) => id,
  );
  return { pages, answers, ids: () => pages.items.map(({ id }) => id) };
}

test('of two readings at once the later one counts', async () => {
  const { pages, answers, ids } = held();
  const [first, second] = [pages.load(), pages.load()];
  answers[1]?.([2]);
  await second;
  answers[0]?.([1]);
  await first;
  expect(ids()).toEqual([2]);
});

test('an answer that is older than a change is asked for again', async () => {
  const { pages, answers, ids } = held();
  const loading = pages.load();
  pages.items = [{ id: 7 }];
  answers[0]?.([1]);
  await expect.poll(() => answers.length).toBe(2);
  expect(ids()).toEqual([7]);
  answers[1]?.([7, 1]);
  await loading;
  expect(ids()).toEqual([7, 1]);
});

test('a failure is said until the next reading has ended', async () => {
  const { server, pages } = served(3);
  server.failure = new ApiError(404, 'gone');
  await pages.load();
  server.failure = null;
  const loading = pages.load();
  expect(pages.error).not.toBeNull();
  await loading;
  expect(pages.error).toBeNull();
});
