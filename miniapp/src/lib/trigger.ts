export type TriggerProblem = 'empty' | 'long' | 'control';

// The server's own rule: one line of visible text.
const CONTROL = /[\x00-\x1f\x7f\u2028\u2029]/;

/** What keeps a word from being a trigger word; null where it is one. */
export function checkTrigger(word: string, longest: number): TriggerProblem | null {
  const trimmed = word.trim();
  if (trimmed === '') return 'empty';
  if (Array.from(trimmed).length > longest) return 'long';
  return CONTROL.test(trimmed) ? 'control' : null;
}
