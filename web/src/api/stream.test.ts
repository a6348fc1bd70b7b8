import { beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../lib/clock';
import { FakeSource } from './fake';
import { SILENCE_MS, Stream, backoff } from './stream';

let clock: ManualClock;
let sources: FakeSource[];
let calls: string[];

function start(after = ''): Stream {
  return new Stream({
    url: 'api/v1/stream?level=service',
    after,
    heard: ({ type, id, data }) => calls.push(`${type} ${id} ${data}`),
    lost: () => calls.push('lost'),
    clock,
    random: () => 0.5,
    open: (url) => {
      const source = new FakeSource(url);
      sources.push(source);
      return source;
    },
  });
}

function last(): FakeSource {
  const source = sources.at(-1);
  if (!source) throw new Error('no source was opened');
  return source;
}

beforeEach(() => {
  clock = new ManualClock(1_000_000);
  sources = [];
  calls = [];
});

describe('backoff', () => {
  it('doubles up to a ceiling, jittered over its upper half', () => {
    const low = [0, 1, 2, 3, 4, 5, 50].map((n) => backoff(n, () => 0));
    expect(low).toEqual([250, 500, 1000, 2000, 4000, 7500, 7500]);
    expect(backoff(0, () => 0.999)).toBeGreaterThan(low[0] ?? 0);
    expect(backoff(50, () => 0.999)).toBeLessThanOrEqual(15_000);
  });
});

describe('Stream', () => {
  it('asks for what is new since a revision', () => {
    start();
    expect(last().url).toBe('api/v1/stream?level=service');
    start('a-1');
    expect(last().url).toBe('api/v1/stream?level=service&after=a-1');
  });

  it('hands on what comes as text', () => {
    start();
    last().send('snapshot', { revision: 'a-1' });
    last().send('delta', { from: 'a-1', revision: 'a-2' });
    last().send('resync', { revision: 'a-9' });
    last().send('beat', { revision: 'a-9' });
    expect(calls).toEqual(['snapshot a-1 {"revision":"a-1"}', 'delta a-2 {"from":"a-1","revision":"a-2"}', 'resync a-9 {"revision":"a-9"}', 'beat a-9 {"revision":"a-9"}']);
  });

  it('goes on after the last event when the line broke', () => {
    start('a-1');
    last().send('delta', { from: 'a-1', revision: 'a-2' });
    last().send('error', null);
    clock.advance(400);
    expect(last().url).toBe('api/v1/stream?level=service&after=a-2');
  });

  it('comes back by itself after an error, later each time', () => {
    start();
    const pauses: number[] = [];
    for (let i = 0; i < 4; i++) {
      last().send('error', null);
      expect(last().closed).toBe(true);
      pauses.push(clock.untilNext() ?? NaN);
      clock.advance(pauses.at(-1) ?? 0);
    }
    expect(sources).toHaveLength(5);
    expect(pauses).toEqual([375, 750, 1500, 3000]);
  });

  it('starts with short pauses again once the line worked', () => {
    start();
    for (let i = 0; i < 5; i++) {
      last().send('error', null);
      clock.advance(clock.untilNext() ?? 0);
    }
    last().send('snapshot', { revision: 'a-1' });
    last().send('error', null);
    expect(clock.untilNext()).toBe(375);
  });

  it('counts silence as lost, but not while beats come', () => {
    start();
    for (let i = 0; i < 10; i++) {
      clock.advance(5_000);
      last().send('beat', { revision: 'a-1' });
    }
    expect(calls).not.toContain('lost');
    clock.advance(SILENCE_MS - 1);
    expect(calls).not.toContain('lost');
    clock.advance(1);
    expect(calls.at(-1)).toBe('lost');
    expect(last().closed).toBe(true);
  });

  it('does not listen to a source that it gave up', () => {
    start();
    const first = last();
    first.send('error', null);
    clock.advance(400);
    first.send('delta', { from: 'a-1', revision: 'a-2' });
    first.send('error', null);
    expect(calls).toEqual(['lost']);
    expect(sources).toHaveLength(2);
  });

  it('tries at once when asked, and only if the line is lost', () => {
    const stream = start();
    stream.retry();
    expect(sources).toHaveLength(1);
    last().send('error', null);
    stream.retry();
    expect(sources).toHaveLength(2);
    expect(clock.untilNext()).toBe(SILENCE_MS);
  });

  it('is over after close', () => {
    const stream = start();
    stream.close();
    last().send('error', null);
    stream.retry();
    clock.advance(100_000);
    expect(sources).toHaveLength(1);
    expect(calls).toEqual([]);
  });
});
