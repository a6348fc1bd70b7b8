import { describe, expect, it } from 'vitest';
import type { ChartEvent, Gap } from '../api/types';
import {
  BINS, REACH_MS, type Span, around, binned, blinds, fieldMoment, moments, next, pickedMoment, previous, share, spanOf, tickSide, tickWord, ticksOf,
  typedMoment,
} from './timeline';
import { REACHES } from './route';

const at = (text: string): number => Date.parse(`2026-11-23T${text}Z`);
const NOW = at('05:30:17');

describe('spanOf', () => {
  it.each(REACHES)('of a %s that is live ends with the bar that now is in', (reach) => {
    const { from, to } = spanOf(reach, null, NOW, null);
    const bin = REACH_MS[reach] / BINS;
    expect(to - from).toBe(REACH_MS[reach]);
    expect(to).toBeGreaterThanOrEqual(NOW);
    expect(to - NOW).toBeLessThan(bin);
    expect(to % bin).toBe(0);
  });

  it('stands still until the next bar begins', () => {
    expect(spanOf('hour', null, NOW + 5_000, null)).toEqual(spanOf('hour', null, NOW, null));
    expect(spanOf('hour', null, NOW + 30_000, null).to).toBe(spanOf('hour', null, NOW, null).to + 30_000);
  });

  it('stays where it is while it has the moment in it', () => {
    const before = spanOf('day', null, NOW, null);
    expect(spanOf('day', NOW - 3_600_000, NOW, before)).toBe(before);
  });

  it('moves to a moment outside, with some time after it', () => {
    const before = spanOf('hour', null, NOW, null);
    const long = NOW - 10 * 3_600_000;
    const { from, to } = spanOf('hour', long, NOW, before);
    expect(from).toBeLessThan(long);
    expect(to).toBeGreaterThan(long);
    expect(to - from).toBe(REACH_MS.hour);
  });

  it('has another length than the one before after another reach', () => {
    const before = spanOf('hour', null, NOW, null);
    expect(spanOf('week', NOW - 1000, NOW, before).to - spanOf('week', NOW - 1000, NOW, before).from).toBe(REACH_MS.week);
  });

  it('never shows what is still to come', () => {
    expect(spanOf('day', NOW - 1000, NOW, null).to).toBe(spanOf('day', null, NOW, null).to);
  });
});

const SPAN: Span = { from: at('04:00:00'), to: at('05:00:00') };
const event = (when: string, kind: ChartEvent['kind'] = 'appeared'): ChartEvent => ({ at: `2026-11-23T${when}Z`, kind, subject: 'node', id: 'a', node: 'a' });

describe('bars', () => {
  it('count what came and changed above the line, what vanished below', () => {
    const bins = binned([event('04:00:00'), event('04:00:29.999', 'changed'), event('04:00:30', 'vanished'), event('04:59:59')], SPAN);
    expect(bins).toHaveLength(BINS);
    expect(bins[0]).toEqual({ from: SPAN.from, up: 2, down: 0 });
    expect(bins[1]).toEqual({ from: SPAN.from + 30_000, up: 0, down: 1 });
    expect(bins[BINS - 1]?.up).toBe(1);
  });

  it('leave out what happened before and after', () => {
    expect(binned([event('03:59:59'), event('05:00:00')], SPAN).every((b) => b.up + b.down === 0)).toBe(true);
  });

  it('are asked for the events of one of them', () => {
    const all = [event('04:00:31'), event('04:00:59'), event('04:01:00')];
    expect(around(all, at('04:00:45'), SPAN)).toEqual(all.slice(0, 2));
  });
});

describe('moments', () => {
  const all = moments([event('04:03:00'), event('04:01:00'), event('04:03:00', 'vanished')]);

  it('are the times of the events, each once, the oldest first', () => {
    expect(all).toEqual([at('04:01:00'), at('04:03:00')]);
  });

  it.each([
    ['between two', at('04:02:00'), at('04:01:00'), at('04:03:00')],
    ['at one', at('04:01:00'), null, at('04:03:00')],
    ['before all', at('04:00:00'), null, at('04:01:00')],
    ['after all', at('05:00:00'), at('04:03:00'), null],
  ])('%s: the one before and the next', (_, here, before, after) => {
    expect(previous(all, here)).toBe(before);
    expect(next(all, here)).toBe(after);
  });
});

describe('share', () => {
  it.each([
    ['a half', at('04:30:00'), 0.5],
    ['before', at('03:00:00'), 0],
    ['after', at('06:00:00'), 1],
  ])('%s', (_, ms, want) => expect(share(ms, SPAN)).toBe(want));
});

describe('blinds', () => {
  const gap = (from: string, to?: string, node?: string): Gap => ({ from: `2026-11-23T${from}Z`, ...(to ? { to: `2026-11-23T${to}Z` } : {}), ...(node ? { node } : {}), why: 'dotm was not running' });

  it('are parts of the span, of all nodes or of one', () => {
    expect(blinds([gap('04:15:00', '04:30:00'), gap('04:45:00', '05:30:00', 'db')], SPAN)).toEqual([
      expect.objectContaining({ from: 0.25, to: 0.5, whole: true }),
      expect.objectContaining({ from: 0.75, to: 1, whole: false }),
    ]);
  });

  it('last to the end while they last', () => expect(blinds([gap('04:30:00')], SPAN)).toEqual([expect.objectContaining({ from: 0.5, to: 1 })]));

  it('outside of the span are none', () => expect(blinds([gap('02:00:00', '03:00:00'), gap('06:00:00', '07:00:00')], SPAN)).toEqual([]));
});

describe('ticks', () => {
  it.each(REACHES)('of a %s lie in it and are even', (reach) => {
    const span = spanOf(reach, null, NOW, null);
    const ticks = ticksOf(reach, span, true);
    expect(ticks.length).toBeGreaterThanOrEqual(5);
    expect(ticks.length).toBeLessThanOrEqual(9);
    expect(ticks.every((t) => t >= span.from && t <= span.to)).toBe(true);
    expect(new Set(ticks.slice(1).map((t, i) => t - (ticks[i] ?? 0))).size).toBe(1);
  });

  it('of a week are midnights of the clock that is shown', () => {
    expect(ticksOf('week', spanOf('week', null, NOW, null), true).every((t) => t % 86_400_000 === 0)).toBe(true);
  });

  it('say the time, and the day at midnight', () => {
    expect(tickWord(at('03:00:00'), 'day', true, 'en-GB')).toBe('03:00');
    expect(tickWord(at('00:00:00'), 'day', true, 'en-GB')).toBe('Mon 23');
    expect(tickWord(at('12:00:00'), 'day', true, 'en-US')).toBe('12:00 PM');
    expect(tickWord(at('04:10:00'), 'hour', true, 'en-GB')).toBe('04:10');
    expect(tickWord(at('00:00:00'), 'week', true, 'en-GB')).toBe('Mon 23');
    expect(tickWord(at('00:00:00'), 'month', true, 'en-GB')).toBe('23 Nov');
  });

  it('near an end hang to the side where there is room', () => {
    expect([at('04:01:00'), at('04:30:00'), at('04:59:30')].map((t) => tickSide(t, SPAN))).toEqual(['start', 'middle', 'end']);
  });
});

describe('typed moments', () => {
  it.each([
    ['to the minute', '2026-11-23T05:30', '2026-11-23T05:30:00.000Z'],
    ['to the second', '2026-11-23T05:30:17', '2026-11-23T05:30:17.000Z'],
    ['nothing', '', ''],
    ['no date', 'soon', ''],
  ])('%s', (_, text, want) => expect(typedMoment(text, true)).toBe(want));

  it.each(['2026-11-23T05:30:00Z', '2026-11-23T05:30:17Z', '2026-06-01T00:00:00Z'])('%s stands in its field and comes back, in UTC and local time', (moment) => {
    for (const utc of [true, false]) expect(Date.parse(typedMoment(fieldMoment(moment, utc), utc))).toBe(Date.parse(moment));
  });

  it('have seconds only where they are not nothing', () => {
    expect(fieldMoment('2026-11-23T05:30:00Z', true)).toBe('2026-11-23T05:30');
    expect(fieldMoment('2026-11-23T05:30:17.250Z', true)).toBe('2026-11-23T05:30:17');
    expect(fieldMoment('', true)).toBe('');
  });

  it('keep what a field can’t show, unless another is typed', () => {
    const exact = '2026-11-23T05:30:17.250Z';
    expect(pickedMoment(fieldMoment(exact, true), exact, true)).toBe(exact);
    expect(pickedMoment('2026-11-23T05:31', exact, true)).toBe('2026-11-23T05:31:00.000Z');
    expect(pickedMoment('', exact, true)).toBe('');
    expect(pickedMoment('', '', true)).toBe('');
  });
});
