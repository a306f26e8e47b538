import type { ServerResponse } from 'node:http';
import { expect, test } from 'vitest';
import { Api, ApiError } from '../src/lib/api';
import { persist } from '../src/lib/retry';
import { type Call, json, problem, serve } from './server';

const now = () => Promise.resolve();

/** A server whose tokens count up, and which takes only the newest. */
function sessions(answer: (call: Call, response: ServerResponse) => void) {
  let issued = 0;
  return {
    expire: () => (issued += 1),
    handler: (call: Call, response: ServerResponse) => {
      if (call.path === '/session') json(response, 200, { token: `token-${(issued += 1)}` });
      else if (call.authorization !== `Bearer token-${issued}`) problem(response, 401, 'session_expired');
      else answer(call, response);
    },
  };
}

test('init data is exchanged for a session, which is then used', async () => {
  const { handler } = sessions((_, response) => json(response, 200, { photos: [] }));
  const { base, calls } = await serve(handler);
  const api = new Api('query_id=1&hash=ab', base);
  await api.draft();
  await api.draft();
  expect(calls.map(({ method, path, authorization }) => [method, path, authorization])).toEqual([
    ['POST', '/session', 'tma query_id=1&hash=ab'],
    ['GET', '/training/photos', 'Bearer token-1'],
    ['GET', '/training/photos', 'Bearer token-1'],
  ]);
});

test('an expired session is renewed without a word, once for all that wait, and nothing of a body is lost', async () => {
  const { handler, expire } = sessions((_, response) =>
    json(response, 200, { id: 'lora', trainingId: 'training' }),
  );
  const { base, calls } = await serve(handler);
  const api = new Api('data', base);
  await api.session();
  expire();
  const body = {
    images_data_url: 'https://x',
    trigger_word: 'TOK',
    steps: 1000,
    is_style: false,
    create_masks: true,
  };
  const answers = await Promise.all([api.start(body, 'one'), api.start(body, 'two'), api.trainings()]);
  expect(answers[0]).toEqual({ id: 'lora', trainingId: 'training' });
  expect(calls.filter((call) => call.path === '/session')).toHaveLength(2);
  const starts = calls.filter(
    (call) => call.path === '/training/start' && call.authorization === 'Bearer token-3',
  );
  expect(starts.map((call) => call.request.headers['idempotency-key']).sort()).toEqual(['one', 'two']);
  expect(starts.map((call) => JSON.parse(call.body) as unknown)).toEqual([body, body]);
});

test('a session renews itself, so that stale init data locks nobody out', async () => {
  let issued = 0;
  const { base, calls } = await serve((call, response) => {
    if (call.path !== '/session') {
      if (call.authorization === 'Bearer token-2') json(response, 200, { photos: [] });
      else problem(response, 401, 'session_expired');
    } else if (call.authorization?.startsWith('tma') && issued > 0) {
      problem(response, 401, 'init_data_expired');
    } else json(response, 200, { token: `token-${(issued += 1)}` });
  });
  const api = new Api('data', base);
  await api.session();
  await expect(api.draft()).resolves.toEqual({ photos: [] });
  expect(calls.map(({ path, authorization }) => [path, authorization])).toEqual([
    ['/session', 'tma data'],
    ['/training/photos', 'Bearer token-1'],
    ['/session', 'Bearer token-1'],
    ['/training/photos', 'Bearer token-2'],
  ]);
});

test('where the session can’t be renewed, init data makes a new one', async () => {
  let issued = 0;
  const { base, calls } = await serve((call, response) => {
    if (call.authorization === 'tma data') json(response, 200, { token: `token-${(issued += 1)}` });
    else problem(response, 401, 'session_expired');
  });
  const api = new Api('data', base);
  await api.session();
  await expect(api.session()).resolves.toMatchObject({ token: 'token-2' });
  expect(calls.map((call) => call.authorization)).toEqual(['tma data', 'Bearer token-1', 'tma data']);
});

test('where both are refused, the refusal of the init data is told', async () => {
  let first = true;
  const { base, calls } = await serve((call, response) => {
    if (first) json(response, 200, { token: 't' });
    else problem(response, 401, call.authorization === 'Bearer t' ? 'session_expired' : 'init_data_expired');
    first = false;
  });
  const api = new Api('data', base);
  await api.session();
  await expect(api.draft()).rejects.toMatchObject({ status: 401, code: 'init_data_expired' });
  expect(calls.map((call) => call.path)).toEqual(['/session', '/training/photos', '/session', '/session']);
});

test('a server that is busy has refused nothing: the session waits for its next renewal', async () => {
  let busy = false;
  const { base, calls } = await serve((_, response) => {
    if (busy) problem(response, 503, 'busy');
    else json(response, 200, { token: 't' });
  });
  const api = new Api('data', base);
  await api.session();
  busy = true;
  await expect(api.session()).rejects.toMatchObject({ code: 'busy' });
  expect(calls.map((call) => call.authorization)).toEqual(['tma data', 'Bearer t']);
});

test('where the renewal is refused, the refusal is told, and nothing goes round in circles', async () => {
  const { base, calls } = await serve((_, response) => problem(response, 401, 'init_data_expired'));
  await expect(new Api('data', base).draft()).rejects.toMatchObject({
    status: 401,
    code: 'init_data_expired',
  });
  expect(calls).toHaveLength(1);
});

test('a token that is never taken is tried twice, not for ever', async () => {
  const { base, calls } = await serve((call, response) =>
    call.path === '/session'
      ? json(response, 200, { token: 't' })
      : problem(response, 401, 'session_invalid'),
  );
  await expect(new Api('data', base).draft()).rejects.toMatchObject({ code: 'session_invalid' });
  expect(calls.map((call) => call.path)).toEqual([
    '/session',
    '/training/photos',
    '/session',
    '/training/photos',
  ]);
});

test('a problem becomes an error with all that it says', async () => {
  const { base } = await serve((_, response) => problem(response, 503, 'busy', { 'Retry-After': '7' }));
  const error: unknown = await new Api('data', base).session().catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(ApiError);
  expect(error).toMatchObject({
    status: 503,
    code: 'busy',
    message: 'It is busy.',
    retryAfter: 7,
    transient: true,
  });
});

test.each([
  ['a proxy’s page', (response: ServerResponse) => response.writeHead(502).end('<html>'), 502],
  ['a dropped connection', (response: ServerResponse) => response.destroy(), 0],
  ['half an answer', (response: ServerResponse) => response.writeHead(200).end('{"tok'), 0],
])('%s is an error that may pass', async (_, answer, status) => {
  const { base } = await serve((__, response) => void answer(response));
  await expect(new Api('data', base).session()).rejects.toMatchObject({ status, transient: true });
});

test('requests that may be repeated are, while it makes sense', async () => {
  let failures = 2;
  const { base, calls } = await serve((_, response) => {
    if ((failures -= 1) >= 0) problem(response, 500, 'internal_error');
    else json(response, 200, { token: 't' });
  });
  await expect(persist(() => new Api('data', base).session(), 4, now)).resolves.toMatchObject({ token: 't' });
  expect(calls).toHaveLength(3);
});

test('a clear no is not asked again', async () => {
  const { base, calls } = await serve((_, response) => problem(response, 403, 'identity_mismatch'));
  await expect(persist(() => new Api('data', base).session(), 4, now)).rejects.toMatchObject({ status: 403 });
  expect(calls).toHaveLength(1);
});
