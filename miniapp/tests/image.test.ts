import { expect, test } from 'vitest';
import type { Limits } from '../src/lib/api';
import { fit, prepare } from '../src/lib/image';

const limits = { photoMinSide: 512, photoMaxBytes: 100 } as Limits;
const file = (name: string, type: string, bytes = 10) => new File([new Uint8Array(bytes)], name, { type });

test.each([
  ['a phone’s photo is reduced', { width: 3024, height: 4032 }, { width: 1536, height: 2048 }],
  ['what fits is left alone', { width: 2048, height: 1536 }, null],
  ['a panorama isn’t made too narrow to be taken', { width: 9000, height: 2000 }, null],
  ['one that stays wide enough is reduced', { width: 4096, height: 1024 }, { width: 2048, height: 512 }],
])('%s', (_, size, expected) => {
  expect(fit(size, 512)).toEqual(expected);
});

test.each([
  ['a video', file('a.mp4', 'video/mp4'), 'not_an_image'],
  ['a video without a type', file('A.MOV', ''), 'not_an_image'],
  ['a file of 0 bytes', file('a.jpg', 'image/jpeg', 0), 'empty_file'],
  ['a file over the limit', file('a.jpg', 'image/jpeg', 101), 'file_too_large'],
])('%s is refused without being sent', async (_, chosen, code) => {
  await expect(prepare(chosen, limits)).rejects.toMatchObject({ code });
});

test('what can’t be decoded here is for the server to judge, as it is', async () => {
  const heic = file('a.heic', 'image/heic');
  const prepared = await prepare(heic, limits);
  expect([prepared.name, prepared.type, prepared.size]).toEqual(['a.heic', 'image/heic', 10]);
});

test('a file that the phone no longer hands out may be handed out later', async () => {
  const locked = file('a.heic', 'image/heic');
  locked.arrayBuffer = () => Promise.reject(new DOMException('', 'NotReadableError'));
  await expect(prepare(locked, limits)).rejects.toMatchObject({ code: 'unreadable', transient: true });
});
