import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { pickColour } from './palette';

const css = readFileSync('src/theme.css', 'utf8');

function colour(name: string, theme: 'light' | 'dark'): string {
  const value = new RegExp(`--${name}:\\s*([^;]+);`).exec(css)?.[1];
  if (!value) throw new Error(`theme.css has no --${name}`);
  return pickColour(value, theme);
}

/** Relative luminance, WCAG 2.2. */
function luminance(hex: string): number {
  const channel = (at: number): number => {
    const c = parseInt(hex.slice(at, at + 2), 16) / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5);
}

function contrast(a: string, b: string): number {
  const [high = 0, low = 0] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (high + 0.05) / (low + 0.05);
}

/** The worst ground of each theme on which text stands. */
const WORST = { light: 'lane', dark: 'surface' } as const;

describe('contrast of theme.css', () => {
  it('computes what WCAG computes', () => {
    expect(contrast('#000000', '#FFFFFF')).toBeCloseTo(21, 5);
    expect(contrast('#777777', '#FFFFFF')).toBeCloseTo(4.48, 2);
  });

  const grounds = ['bg', 'lane', 'surface', 'raised'];
  const text = ['ink', 'ink2', 'ink3', 'accent', 'critical', 'warning-text', 'unknown', 'ok', 'mute', 'vanished'];
  for (const theme of ['light', 'dark'] as const) {
    it.each(text.flatMap((t) => grounds.map((g) => [t, g])))(`${theme}: %s on %s is text, 4.5`, (t = '', g = '') => {
      expect(contrast(colour(t, theme), colour(g, theme))).toBeGreaterThanOrEqual(4.5);
    });

    it.each(['edge', 'warning-line'])(`${theme}: %s is a line, 3`, (name) => {
      for (const ground of grounds) expect(contrast(colour(name, theme), colour(ground, theme))).toBeGreaterThanOrEqual(3);
    });

    it.each([
      ['critical', 'critical-bg'], ['warning-text', 'warning-bg'], ['unknown', 'unknown-bg'], ['ok', 'ok-bg'],
      ['mute', 'mute-bg'], ['accent', 'accent-bg'], ['critical-on', 'critical'], ['warning-on', 'warning-fill'], ['ink2', 'mute-bg'],
    ])(`${theme}: %s on %s, 4.5`, (front, ground) => {
      expect(contrast(colour(front, theme), colour(ground, theme))).toBeGreaterThanOrEqual(4.5);
    });
  }

  it.each([
    ['ink', 15.6, 14.2], ['ink2', 8.0, 8.8], ['ink3', 5.0, 5.7], ['edge', 3.1, 3.3], ['accent', 5.7, 7.3],
    ['critical', 5.0, 6.0], ['warning-text', 5.5, 8.9], ['ok', 4.6, 7.3],
  ])('%s keeps the ratio it was designed with', (name, light, dark) => {
    expect(contrast(colour(name, 'light'), colour(WORST.light, 'light'))).toBeGreaterThanOrEqual(light - 0.1);
    expect(contrast(colour(name, 'dark'), colour(WORST.dark, 'dark'))).toBeGreaterThanOrEqual(dark - 0.1);
  });
});

describe('pickColour', () => {
  it.each([
    ['light-dark(#F6F7F9, #0C0F14)', 'light', '#F6F7F9'],
    [' light-dark( #F6F7F9 ,#0C0F14 ) ', 'dark', '#0C0F14'],
    ['#123456', 'dark', '#123456'],
  ] as const)('%s in %s', (value, theme, result) => expect(pickColour(value, theme)).toBe(result));
});

it('style.css names no colour of its own', () => {
  const rules = readFileSync('src/style.css', 'utf8');
  expect(rules.match(/#[0-9a-f]{3,8}\b|rgba?\(|hsla?\(/gi)).toBeNull();
});
