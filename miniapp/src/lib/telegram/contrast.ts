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
  root.style.removeProperty('--page');
  const probe = document.createElement('i');
  root.append(probe);
  const light = (color: string) => lightOf(probe, color);
  const ground = [light('var(--page)'), light('var(--surface)')];
  // Nothing can be read on both: the page becomes like what lies on it.
  if (worst(0, ground) < LEAST && worst(1, ground) < LEAST) {
    root.style.setProperty('--page', 'color-mix(in srgb, var(--surface) 92%, var(--text))');
  }
  for (const [name, ...grounds] of PAIRS) {
    const lights = grounds.map((one) => light(`var(${one})`));
    const before = getComputedStyle(probe).getPropertyValue(name);
    let best = worst(light(`var(${name})`), lights);
    for (let part = STEP; part <= 100 && best < LEAST; part += STEP) {
      for (const pole of ['#000', '#fff']) {
        const color = `color-mix(in srgb, ${pole} ${part}%, ${before})`;
        const contrast = worst(light(color), lights);
        if (contrast <= best) continue;
        best = contrast;
        root.style.setProperty(name, color);
      }
    }
  }
  probe.remove();
}

/** The least contrast to any of them. */
const worst = (light: number, grounds: readonly number[]): number =>
  Math.min(...grounds.map((one) => (Math.max(light, one) + 0.05) / (Math.min(light, one) + 0.05)));

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
