/** The line to the client around this page. What that is too old for isn't said, and nothing else is left out. */
import { type MethodName, postEvent, type PostEventFn, setTargetOrigin, supports } from '@tma.js/bridge';

type Version = Parameters<typeof supports>[1];

/** The client's Mini Apps version; null where there is none: a plain browser has launch parameters at most. */
let version: Version | null = null;

export const isHosted = (): boolean => version !== null;

export const can = (method: MethodName): boolean => version !== null && supports(method, version);

/** Posts one of Telegram's methods to a client that knows it. */
export const tell: PostEventFn = (...args: [method: MethodName, params?: object]) => {
  if (can(args[0])) postEvent(...(args as Parameters<PostEventFn>));
};

/** False where nobody is there to meet. */
export function meet(client: string): boolean {
  // Who may frame this page is for the Content-Security-Policy to say, and nothing we post is secret.
  setTargetOrigin('*');
  try {
    postEvent('iframe_ready', { reload_supported: true });
  } catch {
    return false;
  }
  version = client;
  return true;
}
