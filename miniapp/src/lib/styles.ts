import type { Style } from './api';

type Text = Pick<Style, 'prompt'>;

const JOINT = ', ';

/** Whether the prompt ends with the style, which is how it is put there. */
export function has(prompt: string, { prompt: text }: Text): boolean {
  return prompt === text || prompt.endsWith(JOINT + text);
}

/** The prompt with the style, in the place of another one that it had; or without it, where it had this one. */
export function toggled(prompt: string, style: Text, styles: readonly Text[]): string {
  const worn = styles.find((one) => has(prompt, one));
  const bare = worn ? prompt.slice(0, -worn.prompt.length).replace(/,\s*$/, '') : prompt;
  if (worn && has(prompt, style)) return bare;
  const begun = bare.replace(/[\s,]+$/, '');
  return begun === '' ? style.prompt : begun + JOINT + style.prompt;
}
