import { describe, expect, it } from 'vitest';
import { ticks } from './ticks';

const ALL = { x: -1000, y: -1000, w: 2000, h: 2000 };
const LINE = [{ x: 0, y: 0 }, { x: 50, y: 0 }, { x: 100, y: 0 }];

/** The middles of the strokes. */
function middles(ends: number[]): number[][] {
  return Array.from({ length: ends.length / 4 }, (_, i) => {
    const [x1 = 0, y1 = 0, x2 = 0, y2 = 0] = ends.slice(i * 4, i * 4 + 4);
    return [(x1 + x2) / 2, (y1 + y2) / 2].map((v) => Math.round(v * 1000) / 1000);
  });
}

describe('ticks', () => {
  it('stand straight across the line, as long as they should', () => {
    expect(ticks(LINE, 200, 3.5, 0, ALL)).toEqual([]);
    expect(ticks(LINE, 150, 3.5, 0, ALL)).toEqual([75, -3.5, 75, 3.5]);
    expect(ticks([{ x: 0, y: 0 }, { x: 0, y: 10 }], 10, 2, 0, ALL)).toEqual([2, 5, -2, 5]);
  });

  it('are a pitch apart, across the joints of the chain', () => {
    expect(middles(ticks(LINE, 20, 3, 0, ALL)).map(([x]) => x)).toEqual([10, 30, 50, 70, 90]);
    const bent = [{ x: 0, y: 0 }, { x: 15, y: 0 }, { x: 15, y: 15 }];
    expect(middles(ticks(bent, 10, 3, 0, ALL))).toEqual([[5, 0], [15, 0], [15, 10]]);
  });

  it('end before the head', () => {
    expect(middles(ticks(LINE, 20, 3, 35, ALL)).map(([x]) => x)).toEqual([10, 30, 50]);
    expect(ticks(LINE, 20, 3, 200, ALL)).toEqual([]);
  });

  it('are left out where nobody sees them, without moving the others', () => {
    expect(middles(ticks(LINE, 20, 3, 0, { x: 40, y: -10, w: 40, h: 20 })).map(([x]) => x)).toEqual([50, 70]);
  });

  it('survive chains of no length', () => {
    expect(ticks([], 7, 3, 0, ALL)).toEqual([]);
    expect(ticks([{ x: 1, y: 1 }], 7, 3, 0, ALL)).toEqual([]);
    expect(middles(ticks([{ x: 0, y: 0 }, { x: 0, y: 0 }, { x: 10, y: 0 }], 10, 3, 0, ALL))).toEqual([[5, 0]]);
  });
});
