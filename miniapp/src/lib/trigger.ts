export type TriggerProblem = 'empty' | 'long' | 'unreadable' | 'unseen';

const WORDLY = /[\p{L}\p{N}]/u;
/** Whatever Unicode calls other or a separator, but the space itself: control characters, line breaks, … */
const UNSEEN = /(?! )[\p{C}\p{Z}]/u;
const OUTER_SPACE = /^\p{White_Space}+|\p{White_Space}+$/gu;

/** The word as the server takes it. */
export function trimmed(word: string): string {
  return word.replace(OUTER_SPACE, '');
}

/** The server's own rule (web/schemas.py): what keeps a word from being a trigger word; null where it is one. */
export function checkTrigger(word: string, longest: number): TriggerProblem | null {
  const text = trimmed(word);
  if (text === '') return 'empty';
  // Characters, and not the halves of which JavaScript counts them.
  if (Array.from(text).length > longest) return 'long';
  if (!WORDLY.test(text)) return 'unreadable';
  return UNSEEN.test(text) ? 'unseen' : null;
}
