import { tick } from 'svelte';

/** Gives the focus to what is still to do, or to know, in the middle of the screen. */
export async function leadTo(selector: string): Promise<void> {
  await tick();
  const place = document.querySelector<HTMLElement>(selector);
  place?.focus({ preventScroll: true });
  place?.scrollIntoView({ block: 'center', behavior: 'smooth' });
}
