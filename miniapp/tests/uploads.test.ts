import { expect, test } from 'vitest';
import { Api, ApiError, type Photo } from '../src/lib/api';
import { type UploadSteps, Uploads } from '../src/lib/uploads.svelte';
import { backoff } from '../src/lib/retry';
import { json, problem, serve } from './server';

const file = (name: string) => new File([name], name, { type: 'image/jpeg' });
const files = (count: number) => Array.from({ length: count }, (_, index) => file(`${index}.jpg`));
const photo = (name: string) => ({ id: `id-${name}`, fileName: name, verdict: 'ok' }) as Photo;
const network = new ApiError(0, 'network');

function queue(steps: Partial<UploadSteps>): Uploads {
  return new Uploads({
    prepare: (original) => Promise.resolve(original),
    post: ({ name }) => Promise.resolve(photo(name)),
    discard: () => Promise.resolve(),
    wait: () => Promise.resolve(),
    ...steps,
  });
}

async function settled(uploads: Uploads): Promise<string[]> {
  await expect.poll(() => uploads.active, { interval: 5 }).toBe(0);
  return uploads.items.map((item) => item.state);
}

test('three travel at a time, one is prepared at a time, and all arrive', async () => {
  const most = { sending: 0, preparing: 0 };
  const running = { sending: 0, preparing: 0 };
  const busy = async (kind: keyof typeof most, ms: number) => {
    most[kind] = Math.max(most[kind], (running[kind] += 1));
    await new Promise((resolve) => setTimeout(resolve, ms));
    running[kind] -= 1;
  };
  const uploads = queue({
    prepare: (original) => busy('preparing', 1).then(() => original),
    post: ({ name }) => busy('sending', 25).then(() => photo(name)),
  });
  uploads.add(files(9).slice(0, 5));
  uploads.add(files(9).slice(5));
  expect(await settled(uploads)).toEqual(Array(9).fill('done'));
  expect(most).toEqual({ sending: 3, preparing: 1 });
});

test('a flaky network ends with every photo there once', async () => {
  const kept = new Map<string, string>();
  const turns = new Map<string, number>();
  const { base } = await serve((call, response) => {
    if (call.path === '/session') return json(response, 200, { token: 't' });
    const name = /filename="([^"]+)"/.exec(call.body)?.[1] ?? '';
    const key = String(call.request.headers['idempotency-key']);
    const turn = (turns.get(name) ?? 0) + 1;
    turns.set(name, turn);
    if (turn > 2) {
      kept.set(key, name);
      return json(response, 201, photo(name));
    }
    switch ((Number.parseInt(name, 10) + turn) % 4) {
      case 0:
        return void response.destroy();
      case 1:
        return problem(response, 503, 'database_unavailable');
      case 2:
        return problem(response, 429, 'rate_limited', { 'Retry-After': '1' });
      default:
        // Kept, but the answer gets lost.
        kept.set(key, name);
        return void response.destroy();
    }
  });
  // Node has no XMLHttpRequest.
  const api = new Api('data', base, (url, init) => fetch(url, init));
  const uploads = queue({ post: (original, key, onProgress) => api.addPhoto(original, key, onProgress) });
  uploads.add(files(8));
  expect(await settled(uploads)).toEqual(Array(8).fill('done'));
  expect([...kept.values()].sort()).toEqual(files(8).map((one) => one.name));
  expect(uploads.items.map((item) => item.photo?.fileName)).toEqual(files(8).map((one) => one.name));
});

test('what is refused is refused at once, for the reason given, and the others go on', async () => {
  let tries = 0;
  const uploads = queue({
    post: ({ name }) => {
      if (name !== '1.jpg') return Promise.resolve(photo(name));
      tries += 1;
      return Promise.reject(new ApiError(422, 'too_small', 'Too small.'));
    },
  });
  uploads.add(files(3));
  expect(await settled(uploads)).toEqual(['done', 'refused', 'done']);
  expect(uploads.items[1]?.error).toMatchObject({ code: 'too_small' });
  expect(tries).toBe(1);
});

test('every try of a photo has the same key, and no other photo has it', async () => {
  const keys: string[] = [];
  const uploads = queue({
    post: ({ name }, key) => {
      keys.push(key);
      return keys.length % 2 ? Promise.reject(network) : Promise.resolve(photo(name));
    },
  });
  uploads.add(files(1));
  expect(await settled(uploads)).toEqual(['done']);
  uploads.add(files(1));
  expect(await settled(uploads)).toEqual(['done', 'done']);
  expect(keys[0]).toBe(keys[1]);
  expect(keys[2]).toBe(keys[3]);
  expect(keys[0]).not.toBe(keys[2]);
});

test('after six tries it stops, and goes on when asked to', async () => {
  let tries = 0;
  const uploads = queue({
    post: ({ name }) => ((tries += 1) <= 6 ? Promise.reject(network) : Promise.resolve(photo(name))),
  });
  uploads.add(files(1));
  expect(await settled(uploads)).toEqual(['failed']);
  expect(tries).toBe(6);
  const [upload] = uploads.items;
  if (upload) uploads.retry(upload);
  expect(await settled(uploads)).toEqual(['done']);
});

test('a file that can’t be prepared is refused without being sent', async () => {
  let sent = 0;
  const uploads = queue({
    prepare: () => Promise.reject(new ApiError(413, 'file_too_large')),
    post: ({ name }) => ((sent += 1), Promise.resolve(photo(name))),
  });
  uploads.add(files(2));
  expect(await settled(uploads)).toEqual(['refused', 'refused']);
  expect(sent).toBe(0);
});

test('one that is removed while it travels is taken back where it arrived', async () => {
  const discarded: string[] = [];
  const answers: (() => void)[] = [];
  const uploads = queue({
    post: ({ name }, _, onProgress) => {
      onProgress(1);
      return new Promise((resolve) => answers.push(() => resolve(photo(name))));
    },
    discard: ({ fileName }) => (discarded.push(fileName), Promise.resolve()),
  });
  uploads.add(files(2));
  await expect.poll(() => answers.length).toBe(2);
  const [first, second] = uploads.items;
  if (first) uploads.remove(first);
  // Nobody waits for it meanwhile.
  expect([first?.unwanted, uploads.active]).toEqual([true, 1]);
  answers.forEach((answer) => answer());
  await expect.poll(() => uploads.items).toEqual([second]);
  expect(discarded).toEqual(['0.jpg']);
});

test('one that is removed before all of it has left is broken off, and the next one has its place', async () => {
  const sent: string[] = [];
  const brokenOff: string[] = [];
  const uploads = queue({
    post: ({ name }, _, onProgress, signal) => {
      sent.push(name);
      if (sent.length > 3) return Promise.resolve(photo(name));
      onProgress(0.9);
      return new Promise((_resolve, reject) => {
        signal.onabort = () => {
          brokenOff.push(name);
          reject(network);
        };
      });
    },
  });
  uploads.add(files(6));
  await expect.poll(() => sent.length).toBe(3);
  for (const upload of uploads.items.slice(0, 3)) uploads.remove(upload);
  expect(await settled(uploads)).toEqual(['done', 'done', 'done']);
  expect(brokenOff).toEqual(['0.jpg', '1.jpg', '2.jpg']);
  expect(sent).toEqual(files(6).map((one) => one.name));
});

test('one that is removed while it waits for another try is neither awaited nor sent', async () => {
  let tries = 0;
  let endWait: () => void = () => undefined;
  const uploads = queue({
    post: () => ((tries += 1), Promise.reject(network)),
    wait: () => new Promise((resolve) => (endWait = resolve)),
  });
  uploads.add(files(1));
  await expect.poll(() => uploads.items[0]?.state).toBe('retrying');
  const [upload] = uploads.items;
  if (upload) uploads.remove(upload);
  expect(uploads.active).toBe(0);
  endWait();
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect([tries, uploads.items]).toEqual([1, []]);
});

test('nobody is kept waiting for as long as a server may ask', async () => {
  const uploads = queue({ post: () => Promise.reject(new ApiError(429, 'too_often', '', [], 3600)) });
  uploads.add(files(1));
  expect(await settled(uploads)).toEqual(['failed']);
  expect(uploads.items[0]?.error).toMatchObject({ status: 429, retryAfter: 3600 });
});

test('one that is removed before its turn never travels', async () => {
  const sent: string[] = [];
  const uploads = queue({
    post: ({ name }) => (
      sent.push(name),
      new Promise((resolve) => setTimeout(() => resolve(photo(name)), 5))
    ),
  });
  uploads.add(files(4));
  const last = uploads.items[3];
  if (last) uploads.remove(last);
  expect(await settled(uploads)).toEqual(['done', 'done', 'done']);
  expect(sent).toEqual(['0.jpg', '1.jpg', '2.jpg']);
});

test('waits grow, are spread, stay bearable, and respect the server', () => {
  expect([1, 2, 3, 4, 5, 6, 7].map((attempt) => backoff(attempt, null, 0.5))).toEqual([
    500, 1000, 2000, 4000, 8000, 15_000, 15_000,
  ]);
  expect(backoff(1, null, 0)).toBeLessThan(backoff(1, null, 1));
  expect(backoff(1, 30, 0.5)).toBe(30_000);
});
