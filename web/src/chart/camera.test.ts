import { describe, expect, it } from 'vitest';
import { type Camera, MAX_FIT, MAX_ZOOM, MIN_ZOOM, between, centre, fit, levelAt, pan, toChart, toScreen, visible, zoomAt } from './camera';

const SCREEN = { w: 1000, h: 600 };

describe('zoomAt', () => {
  it.each<[Camera, number]>([
    [{ x: 0, y: 0, k: 1 }, 1.25],
    [{ x: -340.5, y: 77, k: 0.4 }, 3],
    [{ x: 900, y: -20, k: 2.2 }, 0.1],
    [{ x: 12, y: 34, k: MAX_ZOOM }, 5],
    [{ x: 12, y: 34, k: MIN_ZOOM }, 0.01],
  ])('keeps the point under the cursor: %j × %d', (camera, factor) => {
    const cursor = { x: 321, y: 123 };
    const under = toChart(camera, cursor);
    const after = toScreen(zoomAt(camera, factor, cursor), under);
    expect(after.x).toBeCloseTo(cursor.x, 6);
    expect(after.y).toBeCloseTo(cursor.y, 6);
  });

  it('stops at its limits', () => {
    const camera = { x: 0, y: 0, k: 1 };
    expect(zoomAt(camera, 1000, { x: 0, y: 0 }).k).toBe(MAX_ZOOM);
    expect(zoomAt(camera, 0.0001, { x: 0, y: 0 }).k).toBe(MIN_ZOOM);
  });

  it('is undone by the reciprocal factor', () => {
    const camera = { x: 10, y: 20, k: 0.8 };
    const back = zoomAt(zoomAt(camera, 1.25, { x: 400, y: 300 }), 0.8, { x: 400, y: 300 });
    expect(back.x).toBeCloseTo(camera.x, 9);
    expect(back.k).toBeCloseTo(camera.k, 9);
  });
});

describe('fit', () => {
  it.each([
    ['a wide chart', { x: -50, y: 10, w: 4000, h: 300 }],
    ['a high chart', { x: 0, y: 0, w: 200, h: 9000 }],
    ['a small chart', { x: 30, y: 40, w: 100, h: 100 }],
  ])('shows all of %s, in the middle', (_, bounds) => {
    const camera = fit(bounds, SCREEN, 24);
    const a = toScreen(camera, bounds);
    const b = toScreen(camera, { x: bounds.x + bounds.w, y: bounds.y + bounds.h });
    expect(a.x).toBeGreaterThanOrEqual(23.999);
    expect(a.y).toBeGreaterThanOrEqual(23.999);
    expect(b.x).toBeLessThanOrEqual(SCREEN.w - 23.999);
    expect(b.y).toBeLessThanOrEqual(SCREEN.h - 23.999);
    expect(a.x + b.x).toBeCloseTo(SCREEN.w, 6);
    expect(a.y + b.y).toBeCloseTo(SCREEN.h, 6);
  });

  it('never magnifies a small chart beyond 1.25', () => {
    expect(fit({ x: 0, y: 0, w: 10, h: 10 }, SCREEN).k).toBe(MAX_FIT);
    expect(MAX_FIT).toBe(1.25);
  });

  it('survives an empty chart and a screen smaller than its padding', () => {
    expect(fit({ x: 0, y: 0, w: 0, h: 0 }, SCREEN).k).toBe(MAX_FIT);
    expect(fit({ x: 0, y: 0, w: 100, h: 100 }, { w: 20, h: 20 }).k).toBe(MIN_ZOOM);
  });
});

describe('between', () => {
  const a = { x: 0, y: 0, k: 0.5 };
  const b = centre({ x: 900, y: 50 }, 2, SCREEN);

  it('starts and ends exactly', () => {
    expect(between(a, b, 1, SCREEN)).toEqual(b);
    expect(between(a, b, 0, SCREEN).x).toBeCloseTo(a.x, 9);
  });

  it('zooms in equal ratios', () => {
    expect(between(a, b, 0.5, SCREEN).k).toBeCloseTo(1, 9);
  });
});

it('visible is what pan and zoom leave on the screen', () => {
  expect(visible(pan({ x: 0, y: 0, k: 2 }, -100, -50), SCREEN)).toEqual({ x: 50, y: 25, w: 500, h: 300 });
});

describe('levelAt', () => {
  it.each([
    [0.1, null, 'dot'],
    [0.3, null, 'tag'],
    [0.69, null, 'tag'],
    [0.7, null, 'card'],
    [1.59, null, 'card'],
    [1.6, null, 'detail'],
    // On the way in a level begins 5 % later, on the way out it ends 5 % later.
    [0.71, 'tag', 'tag'],
    [0.74, 'tag', 'card'],
    [0.68, 'card', 'card'],
    [0.66, 'card', 'tag'],
    [1.55, 'detail', 'detail'],
    [1.5, 'detail', 'card'],
    [0.31, 'dot', 'dot'],
    [3, 'dot', 'detail'],
  ] as const)('%d after %s is %s', (k, held, level) => expect(levelAt(k, held)).toBe(level));
});
