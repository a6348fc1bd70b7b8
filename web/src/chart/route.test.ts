import { describe, expect, it } from 'vitest';
import { loopChannels, middle, routeEdge, routeLoop, sample } from './route';

const BOX = { x: 0, y: 0, w: 100, h: 200 };

describe('loopChannels', () => {
  it.each([
    ['none', [], []],
    ['apart from each other', [{ from: 10, to: 20 }, { from: 50, to: 60 }], [0, 0]],
    ['one inside the other', [{ from: 0, to: 100 }, { from: 40, to: 60 }], [1, 0]],
    ['to the same row', [{ from: 0, to: 50 }, { from: 100, to: 50 }], [0, 0]],
    ['touching at a row', [{ from: 0, to: 50 }, { from: 50, to: 100 }], [0, 1]],
  ])('loops %s', (_, loops, channels) => expect(loopChannels(loops)).toEqual(channels));
});

describe('routeLoop', () => {
  it('is visible even for a service that connects to itself', () => {
    const points = sample(routeLoop(BOX, 50, 50, 0));
    const ys = points.map((p) => p.y);
    expect(Math.max(...ys) - Math.min(...ys)).toBeGreaterThan(8);
  });

  it('goes further out in a higher channel', () => {
    const reach = (channel: number): number => Math.max(...sample(routeLoop(BOX, 20, 90, channel)).map((p) => p.x));
    expect(reach(2) - reach(1)).toBeCloseTo(9, 5);
  });
});

describe('routeEdge', () => {
  it('goes round the right side for two boxes of one column', () => {
    const below = { ...BOX, y: 300 };
    const path = routeEdge({ box: BOX, y: 40 }, { box: below, y: 340 }, () => []);
    expect(path.x).toBe(100);
    expect(Math.min(...sample(path).map((p) => p.x))).toBeGreaterThanOrEqual(100);
  });

  it('gives up on a wall without end, and draws the direct line', () => {
    const wall = (area: { x: number; y: number; w: number; h: number }) =>
      area.x < 310 && area.x + area.w > 290 ? [{ x: 290, y: -1e6, w: 20, h: 2e6 }] : [];
    const path = routeEdge({ box: BOX, y: 50 }, { box: { ...BOX, x: 600 }, y: 50 }, wall);
    expect(path.curves.at(-2)).toBe(600);
  });
});

it('middle is half way along, not half of the numbers', () => {
  const path = { x: 0, y: 0, curves: [0, 0, 10, 0, 10, 0, 10, 0, 10, 100, 10, 100] };
  const { x, y } = middle(path);
  expect(x).toBeCloseTo(10, 0);
  expect(y).toBeGreaterThan(35);
  expect(y).toBeLessThan(55);
});
