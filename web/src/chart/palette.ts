/** The colours of theme.css, resolved for a canvas. */

const NAMES = [
  'bg',
  'lane',
  'surface',
  'line',
  'box',
  'ink',
  'ink2',
  'ink3',
  'edge',
  'tick',
  'accent',
  'critical',
  'critical-on',
  'critical-bg',
  'warning-fill',
  'warning-on',
  'warning-line',
  'warning-bg',
  'warning-text',
  'unknown',
  'unknown-bg',
  'ok',
  'mute',
  'vanished',
  'appeared',
  'appeared-bg',
  'accent-bg',
  'line2',
] as const;

export type ColourName = (typeof NAMES)[number];
export type Palette = Readonly<Record<ColourName, string>>;

/** Forced colours have no shades: outlines and text take the system's. */
function forced(name: ColourName): string {
  if (['bg', 'lane', 'surface'].includes(name) || name.endsWith('-bg') || name.endsWith('-on')) return 'Canvas';
  return name === 'accent' ? 'Highlight' : 'CanvasText';
}

/** `light-dark(a, b)` as CSS keeps it in a custom property → the one in force. */
export function pickColour(value: string, theme: 'light' | 'dark'): string {
  const pair = /^light-dark\(\s*([^,]+?)\s*,\s*([^)]+?)\s*\)$/.exec(value.trim());
  if (!pair) return value.trim();
  return (theme === 'dark' ? pair[2] : pair[1]) ?? '';
}

export function readPalette(root: Element, theme: 'light' | 'dark', forcedColours: boolean): Palette {
  const style = getComputedStyle(root);
  const colour = (name: ColourName): string =>
    forcedColours ? forced(name) : pickColour(style.getPropertyValue(`--${name}`), theme);
  return Object.fromEntries(NAMES.map((name) => [name, colour(name)])) as Record<ColourName, string>;
}
