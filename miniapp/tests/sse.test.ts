import { expect, test } from 'vitest';
import { readEvents, type ServerEvent } from '../src/lib/sse';

async function readBytes(...chunks: Uint8Array[]): Promise<(ServerEvent | null)[]> {
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
  const events = [];
  for await (const event of readEvents(body)) events.push(event);
  return events;
}

const read = (...chunks: string[]) => readBytes(...chunks.map((chunk) => new TextEncoder().encode(chunk)));

test('an event has a name and data', async () => {
  expect(await read('event: status\ndata: {"a":1}\n\n')).toEqual([{ event: 'status', data: '{"a":1}' }]);
});

test('it may arrive in any pieces', async () => {
  const text = 'event: status\r\ndata: uno\r\ndata: dos\r\n\r\ndata:tres\n\n';
  const expected = [
    { event: 'status', data: 'uno\ndos' },
    { event: 'message', data: 'tres' },
  ];
  expect(await read(text)).toEqual(expected);
  expect(await read(...Array.from(text))).toEqual(expected);
});

test('letters of several bytes may be torn apart', async () => {
  const bytes = new TextEncoder().encode('data:ñ\n\n');
  expect(await readBytes(bytes.slice(0, 6), bytes.slice(6))).toEqual([{ event: 'message', data: 'ñ' }]);
});

test('a comment is a sign of life, an unknown field is nothing, an unfinished event is dropped', async () => {
  expect(await read(': alive\n\nid: 7\nretry: 5\n\ndata: lost')).toEqual([null]);
});
