import { describe, expect, it } from 'vitest';
import { failedInAll, linePath, runs, summary, timeOf, unseen } from './recent';

describe('the numbers of an hour', () => {
  it.each([
    [[], null],
    [[null, null], null],
    [[3], { min: 3, max: 3, now: 3, known: 1, missing: 0 }],
    [[null, 4, null, 2, null], { min: 2, max: 4, now: null, known: 2, missing: 2 }],
    [[0, 0], { min: 0, max: 0, now: 0, known: 2, missing: 0 }],
  ])('%j sum up to %j', (points, want) => expect(summary(points)).toEqual(want));

  it('are runs between gaps, and gaps are what follows a first sight', () => {
    const points = [null, 1, 2, null, null, 3, null];
    expect(runs(points)).toEqual([{ from: 1, values: [1, 2] }, { from: 5, values: [3] }]);
    expect(unseen(points)).toEqual([{ from: 3, to: 5 }, { from: 6, to: 7 }]);
    expect(unseen([null, null])).toEqual([]);
    expect(unseen([1, 2])).toEqual([]);
  });

  it('make a line through the middles of their steps, from zero up', () => {
    expect(linePath({ from: 1, values: [0, 5, 10] }, 4, 10, 40, 20)).toBe('M15 20L25 10L35 0');
    expect(linePath({ from: 2, values: [10] }, 4, 10, 40, 20)).toBe('M20 0H30');
  });

  it('count what failed, if anything was counted', () => {
    expect(failedInAll({ open: [], failed: [null, 2, 0, 3] })).toBe(5);
    expect(failedInAll({ open: [], failed: [null] })).toBeNull();
    expect(failedInAll({ open: [] })).toBeNull();
  });

  it('know when each was', () => expect(timeOf({ from: '2026-03-01T12:00:00Z', step_seconds: 30 }, 3)).toBe('2026-03-01T12:01:30.000Z'));
});
