import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AGAIN_MS, Repeater } from './resource';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
afterEach(() => void vi.useRealTimers());

describe('Repeater', () => {
  /** A repeater whose runs take `ms`, and when they began. */
  function started(ms = 0): { repeater: Repeater; began: number[] } {
    const began: number[] = [];
    const start = performance.now();
    const repeater = new Repeater(() => {
      began.push(performance.now() - start);
      return new Promise((done) => setTimeout(done, ms));
    });
    return { repeater, began };
  }

  it('runs at once, then at most every second, however often it is asked', async () => {
    const { repeater, began } = started();
    for (let i = 0; i < 35; i++) {
      repeater.ask();
      await vi.advanceTimersByTimeAsync(100);
    }
    expect(began).toEqual([0, AGAIN_MS, 2 * AGAIN_MS, 3 * AGAIN_MS]);
  });

  it('runs once for all that was asked while it ran, and not when nothing was', async () => {
    const { repeater, began } = started(2500);
    repeater.ask();
    await vi.advanceTimersByTimeAsync(500);
    repeater.ask();
    repeater.ask();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(began).toHaveLength(2);
    expect(began[1]).toBeGreaterThanOrEqual(2500);
    expect(began[1]).toBeLessThan(2500 + AGAIN_MS);
  });

  it('runs at once again after a pause', async () => {
    const { repeater, began } = started();
    repeater.ask();
    await vi.advanceTimersByTimeAsync(5000);
    repeater.ask();
    await vi.advanceTimersByTimeAsync(1);
    expect(began).toEqual([0, 5000]);
  });

  it('runs no more once it is closed', async () => {
    const { repeater, began } = started();
    repeater.ask();
    await vi.advanceTimersByTimeAsync(10);
    repeater.ask();
    repeater.close();
    repeater.ask();
    await vi.advanceTimersByTimeAsync(5000);
    expect(began).toEqual([0]);
  });
});
