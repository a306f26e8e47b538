/**
 * Colours that can be read in any theme. People make their own: links in yellow on white, grey on grey. What is too
 * faint goes towards black or white until it isn't.
 */

/** Beyond the 4.5 of WCAG 2.2 (1.4.3), because some of it stands on tinted ground. */
const LEAST = 5.2;
const STEP = 10;

/** What is read and what it stands on, or the other way round; each builds on those before. */
const PAIRS = [
  ['--text', '--page', '--surface'],
  ['--hint', '--page', '--surface'],
  ['--link', '--page', '--surface'],
  ['--danger', '--page', '--surface'],
  ['--success', '--page', '--surface'],
  ['--button-fill', '--on-button'],
  ['--fill', '--text'],
] as const;

const root = document.documentElement;

export function makeReadable(): void {
  for (const [name] of PAIRS) root.style.removeProperty(name);
  const probe = document.createElement('i');
  root.append(probe);
  for (const [name, ...grounds] of PAIRS) {
    const lights = grounds.map((ground) => lightOf(probe, `var(${ground})`));
    const [first = 1] = lights;
    // 0.18 is as far from black as from white.
    const pole = first > 0.18 ? '#000' : '#fff';
    const before = getComputedStyle(probe).getPropertyValue(name);
    for (let part = STEP; part <= 100 && !isRead(lightOf(probe, `var(${name})`), lights); part += STEP) {
      root.style.setProperty(name, `color-mix(in srgb, ${pole} ${part}%, ${before})`);
    }
  }
  probe.remove();
}

const isRead = (light: number, grounds: readonly number[]): boolean =>
  grounds.every((ground) => (Math.max(light, ground) + 0.05) / (Math.min(light, ground) + 0.05) >= LEAST);

/** A colour's relative luminance, as the browser resolves it. */
function lightOf(probe: HTMLElement, color: string): number {
  probe.style.color = color;
  const { color: resolved } = getComputedStyle(probe);
  const scale = resolved.startsWith('rgb') ? 255 : 1;
  const parts = resolved.match(/[\d.]+(?:e-?\d+)?/g) ?? [];
  const [red = 0, green = 0, blue = 0] = parts.map((part) => linear(Number(part) / scale));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

const linear = (part: number): number => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
