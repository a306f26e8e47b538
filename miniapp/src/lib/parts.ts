import { ApiError } from './api';

/**
 * A part of the app that comes later, asked for as often as it takes. Browsers remember a file that failed for as long
 * as the page lives, and Vite takes styles that failed for loaded: whoever asks again does so by another address. The
 * page names those of each part (vite.config.ts).
 */
export function part<T>(source: string, first: () => Promise<T>): () => Promise<T> {
  let asked = 0;
  let coming: Promise<T> | null = null;
  const ask = () => (asked++ === 0 ? first() : again<T>(source, asked));
  return () =>
    (coming ??= ask().catch(() => {
      coming = null;
      throw new ApiError(0, 'network');
    }));
}

async function again<T>(source: string, asked: number): Promise<T> {
  const links = document.querySelectorAll<HTMLLinkElement>(`[data-part="${source}"]`);
  const [script = '', ...styles] = [...links].map(({ href }) => href);
  for (const link of document.querySelectorAll<HTMLLinkElement>('[rel="stylesheet"]')) {
    // Left behind by the first try.
    if (styles.includes(link.href)) link.remove();
  }
  await Promise.all(styles.map((href) => wear(`${href}?again=${asked}`)));
  return (await import(/* @vite-ignore */ `${script}?again=${asked}`)) as T;
}

/** Puts styles on the page; rejects where they don't come. */
export function wear(href: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const link = document.createElement('link');
    Object.assign(link, { rel: 'stylesheet', href });
    link.onload = () => resolve();
    link.onerror = () => {
      link.remove();
      reject(new ApiError(0, 'network'));
    };
    document.head.append(link);
  });
}
