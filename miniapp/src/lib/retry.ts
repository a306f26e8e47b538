import { ApiError } from './api';

export type Wait = (ms: number) => Promise<void>;

const FIRST_MS = 500;
const LONGEST_MS = 15_000;

/** Milliseconds before try number `attempt` + 1: doubling, spread by half, and never before the server's own wish. */
export function backoff(attempt: number, retryAfter: number | null, random = Math.random()): number {
  const doubled = Math.min(LONGEST_MS, FIRST_MS * 2 ** (attempt - 1));
  return Math.max(doubled * (0.75 + random / 2), (retryAfter ?? 0) * 1000);
}

/**
 * Ends early when the phone finds its network again: that's the best moment for another try. Without any network it
 * ends only then: tries that must fail would use up those that might not.
 */
export const wait: Wait = (ms) =>
  new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      removeEventListener('online', end);
      resolve();
    };
    const offline = 'onLine' in navigator && !navigator.onLine;
    const timer = offline ? undefined : setTimeout(end, ms);
    addEventListener('online', end);
  });

/** Whether the server asks for more seconds than anybody is kept before a button. */
export const isLong = (retryAfter: number | null): boolean => (retryAfter ?? 0) > 60;

/** Repeats a request that is safe to repeat, while its failure is worth another try soon. */
export async function persist<T>(request: () => Promise<T>, attempts = 4, pause = wait): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await request();
    } catch (error) {
      if (!(error instanceof ApiError) || !error.transient || isLong(error.retryAfter)) throw error;
      if (attempt === attempts) throw error;
      await pause(backoff(attempt, error.retryAfter));
    }
  }
}
