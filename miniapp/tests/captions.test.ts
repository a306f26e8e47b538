import { expect, test } from 'vitest';
import { Api, type Photo } from '../src/lib/api';
import { Captions } from '../src/lib/captions.svelte';
import { json, problem, serve } from './server';

const photo = { id: 'one', caption: null } as Photo;

/** A server that keeps what it is sent, unless `answer` says otherwise. */
async function captions(answer?: (turn: number) => string | null) {
  const kept: (string | null)[] = [];
  let turn = 0;
  const { base, calls } = await serve((call, response) => {
    if (call.path === '/session') return json(response, 200, { token: 't' });
    const refusal = answer?.((turn += 1));
    if (refusal) return problem(response, 404, refusal);
    const { caption } = JSON.parse(call.body) as { caption: string | null };
    kept.push(caption);
    json(response, 200, { ...photo, caption });
  });
  const saved: (string | null)[] = [];
  const written = new Captions(
    new Api('data', base),
    ({ caption }) => saved.push(caption),
    () => undefined,
  );
  return { captions: written, kept, saved, calls };
}

test('a caption is kept as written, then saved without the space around it', async () => {
  const { captions: written, saved, calls } = await captions();
  written.write(photo, ' TOK at the beach ');
  expect([written.textOf(photo), written.unsaved]).toEqual([' TOK at the beach ', true]);
  await written.save(photo);
  expect(calls.at(-1)).toMatchObject({ method: 'PATCH', path: '/training/photos/one' });
  expect([saved, written.unsaved]).toEqual([['TOK at the beach'], false]);
});

test('an empty one takes the caption away, and the same again isn’t sent', async () => {
  const { captions: written, kept } = await captions();
  const captioned = { ...photo, caption: 'TOK' };
  written.write(captioned, 'TOK ');
  await written.save(captioned);
  expect([kept, written.unsaved]).toEqual([[], false]);
  written.write(captioned, '  ');
  await written.save(captioned);
  expect(kept).toEqual([null]);
});

test('what is written while it is being saved is saved, too', async () => {
  const { captions: written, kept } = await captions();
  written.write(photo, 'TOK');
  const saving = written.save(photo);
  written.write(photo, 'TOK at sea');
  await Promise.all([saving, written.save(photo)]);
  expect([kept, written.unsaved]).toEqual([['TOK', 'TOK at sea'], false]);
});

test('one that can’t be saved stays, says why, and is saved when asked again', async () => {
  const { captions: written, kept } = await captions((turn) => (turn === 1 ? 'photo_not_found' : null));
  written.write(photo, 'TOK');
  await expect(written.saveAll([photo])).rejects.toMatchObject({ code: 'photo_not_found' });
  expect([written.textOf(photo), written.unsaved]).toEqual(['TOK', true]);
  expect(written.errorOf(photo)).toMatchObject({ code: 'photo_not_found' });
  await written.saveAll([photo]);
  expect([kept, written.unsaved, written.errorOf(photo)]).toEqual([['TOK'], false, null]);
});

test('nothing is left to say about a photo that is gone', async () => {
  const { captions: written, kept } = await captions();
  written.write(photo, 'TOK');
  written.keepOnly([{ ...photo, id: 'two' }]);
  await written.save(photo);
  expect([kept, written.unsaved]).toEqual([[], false]);
});
