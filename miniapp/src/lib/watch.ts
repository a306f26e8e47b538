import { ApiError } from './api';
import { isFinal } from './final';
import { backoff, wait as pause, type Wait } from './retry';
import { readEvents } from './sse';

/** Neither an event nor a sign of life for so long: something on the way holds the stream back. */
const SILENT_MS = 40_000;
const POLL_MS = 2000;

/** Where to learn how something goes on: a training, or a generation. */
export interface Source<Status> {
  /** Server-sent events, each `status` with the whole of it. */
  events: (signal: AbortSignal) => Promise<ReadableStream<Uint8Array>>;
  ask: () => Promise<Status>;
}

interface Options {
  wait?: Wait;
  silentMs?: number;
  /** Hears when nothing could be learned for a while, and when that is over. */
  onLost?: (isLost: boolean) => void;
}

/** So many failures in a row are more than a hiccup. */
const LOST_AFTER = 2;

/**
 * Tells each change until the end, by server-sent events; whenever they can't be had, it asks, waits a little, and
 * tries them again. Rejects where asking is pointless, such as for a training that isn't ours.
 */
export async function watch<Status extends { status: string }>(
  source: Source<Status>,
  onStatus: (status: Status) => void,
  signal: AbortSignal,
  { wait = pause, silentMs = SILENT_MS, onLost }: Options = {},
): Promise<void> {
  const stopped = () => signal.aborted;
  let failures = 0;
  do {
    const ended = await unlessItMayPass(() => follow(source, onStatus, signal, silentMs));
    if (ended === true || stopped()) return;
    const answer = await unlessItMayPass(source.ask);
    if (stopped()) return;
    if (answer) onStatus(answer);
    if (answer && isFinal(answer)) return;
    failures = answer ? 0 : failures + 1;
    onLost?.(failures >= LOST_AFTER);
    await wait(failures === 0 ? POLL_MS : Math.max(POLL_MS, backoff(failures, null)));
  } while (!stopped());
}

/** Null for a failure that may pass; any other is thrown on. */
async function unlessItMayPass<T>(request: () => Promise<T>): Promise<T | null> {
  try {
    return await request();
  } catch (error) {
    if (error instanceof ApiError && !error.transient) throw error;
    return null;
  }
}

/** True where the stream told the end, false where it broke off before. */
async function follow<Status extends { status: string }>(
  source: Source<Status>,
  onStatus: (status: Status) => void,
  signal: AbortSignal,
  silentMs: number,
): Promise<boolean> {
  const stream = new AbortController();
  const stop = () => stream.abort();
  let silence = setTimeout(stop, silentMs);
  signal.addEventListener('abort', stop);
  try {
    for await (const event of readEvents(await source.events(stream.signal))) {
      clearTimeout(silence);
      silence = setTimeout(stop, silentMs);
      if (event?.event !== 'status') continue;
      const status = JSON.parse(event.data) as Status;
      onStatus(status);
      if (isFinal(status)) return true;
    }
    return false;
  } finally {
    clearTimeout(silence);
    signal.removeEventListener('abort', stop);
  }
}
