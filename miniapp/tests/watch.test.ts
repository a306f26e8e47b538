import { expect, test } from 'vitest';
import { Api, type TrainingStatus } from '../src/lib/api';
import { watch as watchSource } from '../src/lib/watch';
import { type Handler, json, problem, serve } from './server';

const status = (state: TrainingStatus['status'], progress = 0) =>
  ({ status: state, metadata: { progress } }) as TrainingStatus;
const event = (state: TrainingStatus['status'], progress?: number) =>
  `event: status\ndata: ${JSON.stringify(status(state, progress))}\n\n`;

async function watch(handler: Handler, silentMs?: number) {
  const { base, calls } = await serve((call, response) =>
    call.path === '/session' ? json(response, 200, { token: 't' }) : handler(call, response),
  );
  const told: string[] = [];
  const lost: boolean[] = [];
  const watching = new AbortController();
  const api = new Api('data', base);
  const done = watchSource<TrainingStatus>(
    { events: (signal) => api.events('training', 'id', signal), ask: () => api.status('id') },
    ({ status: state, metadata }) => told.push(`${state} ${metadata.progress}`),
    watching.signal,
    { wait: () => Promise.resolve(), ...(silentMs && { silentMs }), onLost: (isLost) => lost.push(isLost) },
  );
  return { told, done, calls, watching, lost };
}

test('tells each event and ends after the last', async () => {
  const { told, done, calls } = await watch((_, response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    response.end(event('PENDING') + ': alive\n\n' + event('TRAINING', 40) + event('COMPLETED', 100));
  });
  await done;
  expect(told).toEqual(['PENDING 0', 'TRAINING 40', 'COMPLETED 100']);
  expect(calls.map((call) => call.path)).toEqual(['/session', '/training/id/events']);
});

test('a stream that breaks off is opened again, and the gap is filled by asking', async () => {
  let opened = 0;
  const { told, done } = await watch((call, response) => {
    if (call.path.endsWith('/status')) return json(response, 200, status('TRAINING', 20));
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    if ((opened += 1) > 1) return void response.end(event('FAILED', 20));
    response.write(event('TRAINING', 10), () => response.destroy());
  });
  await done;
  expect(told).toEqual(['TRAINING 10', 'TRAINING 20', 'FAILED 20']);
});

test('without any stream, asking alone gets to the end', async () => {
  const answers = [status('PENDING'), status('TRAINING', 50), status('COMPLETED', 100)];
  const { told, done } = await watch((call, response) =>
    call.path.endsWith('/events') ? problem(response, 503, 'busy') : json(response, 200, answers.shift()),
  );
  await done;
  expect(told).toEqual(['PENDING 0', 'TRAINING 50', 'COMPLETED 100']);
});

test('a stream that something holds back is left for asking', async () => {
  const { told, done } = await watch((call, response) => {
    if (call.path.endsWith('/status')) return json(response, 200, status('COMPLETED', 100));
    response.writeHead(200, { 'Content-Type': 'text/event-stream' }).flushHeaders();
  }, 50);
  await done;
  expect(told).toEqual(['COMPLETED 100']);
});

test('a training that isn’t ours is an error, not a reason to go on', async () => {
  const { done } = await watch((_, response) => problem(response, 404, 'training_not_found'));
  await expect(done).rejects.toMatchObject({ code: 'training_not_found' });
});

test('who leaves is told nothing more', async () => {
  const { told, done, watching, calls } = await watch((_, response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    response.write(event('TRAINING', 1));
  });
  await expect.poll(() => told.length).toBe(1);
  watching.abort();
  await done;
  expect(calls.map((call) => call.path)).toEqual(['/session', '/training/id/events']);
});
