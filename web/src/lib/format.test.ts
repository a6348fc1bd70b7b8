import { describe, expect, it } from 'vitest';
import {
  age, bytes, capital, figure, goDuration, inWords, isAddress, listMoment, micros, moment, parseGoDuration, percent, plural, rate, shortFigure, shortMoment,
  span, spread, truncateMiddle, durationWords, exactBytes, longSpan, parseBytes, shortDuration, spokenMoment, typedDuration,
} from './format';

const NOW = Date.parse('2026-11-23T12:00:00Z');

describe('figures', () => {
  it.each([[0, '0'], [999, '999'], [1234567, '1,234,567']])('figure %d', (n, text) => expect(figure(n)).toBe(text));
  it.each([[0, '0'], [960, '960'], [999, '999'], [1000, '1.0k'], [2412, '2.4k'], [9949, '9.9k'], [9950, '10k'], [18300, '18k'], [999_499, '999k'], [1_200_000, '1.2M']])(
    'shortFigure %d', (n, text) => expect(shortFigure(n)).toBe(text));
  it.each([[0, '0 nodes'], [1, '1 node'], [2000, '2,000 nodes']])('plural %d', (n, text) => expect(plural(n, 'node')).toBe(text));
  it('plural with its own form', () => expect(plural(2, 'address', 'addresses')).toBe('2 addresses'));
  it.each([[0, 'no'], [1, 'one'], [12, 'twelve'], [13, '13'], [1300, '1,300']])('inWords %d', (n, text) => expect(inWords(n)).toBe(text));
  it.each([[0, '0 B'], [2048, '2 KiB'], [15_000_000, '14 MiB'], [3 * 1024 ** 3, '3.0 GiB']])('bytes %d', (n, text) => expect(bytes(n)).toBe(text));
  it('capital', () => expect(capital('three nodes')).toBe('Three nodes'));
});

describe('times', () => {
  it.each([[0, '0 s'], [59_999, '59 s'], [60_000, '1 min'], [3_600_000, '1 h'], [47 * 3_600_000, '47 h'], [48 * 3_600_000, '2 d'], [-5_000, '0 s']])(
    'span %d', (ms, text) => expect(span(ms)).toBe(text));
  it.each([
    ['2026-11-23T11:59:59Z', 'now'],
    ['2026-11-23T11:59:57Z', '3 s ago'],
    ['2026-11-23T12:00:30Z', 'now'],
    ['2026-10-13T12:00:00Z', '41 d ago'],
    ['', 'never'],
    [undefined, 'never'],
    ['rubbish', 'never'],
  ])('age of %s', (at, text) => expect(age(at, NOW)).toBe(text));
  it('moment says whose time it is', () => {
    expect(moment('2026-11-23T12:00:00Z', true, 'en-GB')).toBe('23 Nov 2026, 12:00:00 UTC');
    expect(moment('2026-11-23T12:00:00Z', false, 'en-GB')).toMatch(/ local$/);
    expect(moment(undefined, true)).toBe('never');
    expect(moment('rubbish', true)).toBe('never');
  });
});

describe('moments as people speak of them', () => {
  it.each([[0, '0 seconds'], [61_000, '1 minute'], [7_200_000, '2 hours'], [47 * 3_600_000, '47 hours'], [48 * 3_600_000, '2 days'], [-5, '0 seconds']])(
    'longSpan %d', (ms, text) => expect(longSpan(ms)).toBe(text));
  it.each([
    ['2026-11-23T12:00:00Z', 'Mon 23 Nov 12:00 UTC'],
    ['2026-11-23T12:00:09Z', 'Mon 23 Nov 12:00:09 UTC'],
    ['2025-11-24T12:00:00Z', 'Mon 24 Nov 2025 12:00 UTC'],
    ['rubbish', 'never'],
  ])('%s', (at, text) => expect(spokenMoment(at, NOW, true, 'en-GB').replace(/,/g, '')).toBe(text));
});

describe('what people type', () => {
  it.each([
    ['35 days', '840h'], ['2 w', '336h'], ['1 d', '24h'], ['90 minutes', '90m'], ['1.5 h', '90m'], ['30 seconds', '30s'], ['120s', '2m'], ['840h', '840h'],
    ['1m30s', '1m30s'], ['0s', '0s'], ['soon', 'soon'], ['', ''], ['5m', '5m'],
  ])('typedDuration %j', (text, go) => expect(typedDuration(text)).toBe(go));
  it.each([['840h0m0s', '840h'], ['5m0s', '5m'], ['1m30s', '1m30s'], ['1h30m0s', '1h30m'], ['10s', '10s'], ['0s', '0s'], ['20m0s', '20m'], ['10h0m10s', '10h0m10s']])(
    'shortDuration %s', (go, text) => expect(shortDuration(go)).toBe(text));
  it.each([['840h0m0s', '35 days'], ['24h', '1 day'], ['90m', '90 minutes'], ['1m30s', '90 seconds'], ['0s', ''], ['soon', ''], ['1ms', '']])(
    'durationWords %s', (go, text) => expect(durationWords(go)).toBe(text));
  it.each([['4 GiB', 4 * 1024 ** 3], ['512M', 512 * 1024 ** 2], ['500 MB', 500_000_000], ['1.5 gib', 1.5 * 1024 ** 3], ['0', 0], ['1024', 1024], ['10 bytes', 10], ['much', NaN], ['', NaN], ['-1', NaN]])(
    'parseBytes %j', (text, n) => expect(parseBytes(text)).toBe(n));
  it.each([4 * 1024 ** 3, 1500, 512 * 1024 ** 2, 3 * 1024, 1])('exactBytes %d comes back', (n) => expect(parseBytes(exactBytes(n))).toBe(n));
});

describe('Go durations', () => {
  it.each([['5m0s', 300_000], ['840h0m0s', 3_024_000_000], ['1.5s', 1500], ['250ms', 250], ['0', 0], ['', NaN], ['5', NaN], ['5 min', NaN], ['m5', NaN]])(
    'parse %s', (text, ms) => expect(parseGoDuration(text)).toEqual(ms));
  it.each([['5m0s', '5 min'], ['840h0m0s', '35 d'], ['90m0s', '90 min'], ['10s', '10 s'], ['1.5s', '1.5 s'], ['500ms', '500 ms'], ['0s', '0 s'], ['soon', 'soon']])(
    'goDuration %s', (text, words) => expect(goDuration(text)).toBe(words));
});

describe('isAddress', () => {
  it.each([['10.20.0.53', true], ['fd00::1', true], ['198.51.100.0/24', true], ['vm', false], ['face', false], ['web01.example.net', false], ['1.2.3', false]])(
    '%s', (text, yes) => expect(isAddress(text)).toBe(yes));
});

describe('truncateMiddle', () => {
  const measure = (text: string): number => text.length;
  it.each([
    ['short', 10, 'short'],
    ['exactly-10', 10, 'exactly-10'],
    ['a-very-long-process-name', 9, 'a-ve…name'],
    ['abcdef', 2, 'a…'],
    ['abcdef', 1, '…'],
    ['abcdef', 0, '…'],
  ])('%s in %d', (text, max, cut) => expect(truncateMiddle(text, max, measure)).toBe(cut));
  it('never is wider than it may, and keeps both ends', () => {
    const name = 'x'.repeat(30) + 'END' + 'y'.repeat(30);
    for (let max = 3; max < name.length; max++) {
      const cut = truncateMiddle(name, max, measure);
      expect(cut.length).toBe(max);
      expect(cut.startsWith('x') && cut.includes('…')).toBe(true);
    }
  });
});

describe('moment in two time zones', () => {
  const at = '2026-11-23T23:30:05Z';

  it('is the same instant, and says whose time it is', () => {
    expect(moment(at, true, 'en-GB')).toBe('23 Nov 2026, 23:30:05 UTC');
    expect(moment(at, false, 'en-GB')).toMatch(/ local$/);
  });

  it('takes offsets for what they are', () => {
    expect(moment('2026-11-24T01:30:05+02:00', true, 'en-GB')).toBe('23 Nov 2026, 23:30:05 UTC');
  });

  it('follows the locale of the browser', () => {
    expect(moment(at, true, 'de-DE')).toBe('23.11.2026, 23:30:05 UTC');
    expect(moment(at, true, 'en-US').replace(/\s/g, ' ')).toBe('Nov 23, 2026, 11:30:05 PM UTC');
  });

  it.each([undefined, '', 'yesterday'])('is never for %j', (text) => expect(moment(text, true)).toBe('never'));
});

describe('what is measured', () => {
  it.each([
    [0, '0 B/s'], [1, '1 B/s'], [310, '310 B/s'], [999, '999 B/s'], [999.6, '1 kB/s'], [1000, '1 kB/s'], [1234, '1.2 kB/s'], [45_000, '45 kB/s'],
    [340_000, '340 kB/s'], [999_400, '999 kB/s'], [999_600, '1 MB/s'], [1_200_000, '1.2 MB/s'], [99_600_000, '100 MB/s'], [2.5e9, '2.5 GB/s'],
    [7e12, '7 TB/s'], [7e15, '7,000 TB/s'],
  ])('%d bytes a second', (n, text) => expect(rate(n)).toBe(text));

  it.each([
    [0, '0 µs'], [1, '1 µs'], [12, '12 µs'], [99, '99 µs'], [99.6, '0.1 ms'], [100, '0.1 ms'], [310, '0.31 ms'], [1234, '1.2 ms'], [45_000, '45 ms'],
    [137_000, '137 ms'], [999_499, '999 ms'], [999_500, '1 s'], [1_200_000, '1.2 s'], [75_000_000, '75 s'],
  ])('%d microseconds', (us, text) => expect(micros(us)).toBe(text));

  it.each([
    [300, 100, '0.3 ms ± 0.1'],
    [310, 95, '0.31 ms ± 0.1'],
    [48, 20, '48 µs ± 20'],
    [45_000, 300, '45 ms'],
    [1_200_000, 600_000, '1.2 s ± 0.6'],
    [36, 0, '36 µs'],
    [90, 1500, '90 µs ± 1,500'],
  ])('%d ± %d microseconds', (us, deviation, text) => expect(spread(us, deviation)).toBe(text));

  it.each([
    [0, '0 %'], [0.0001, 'under 0.1 %'], [0.0005, '0.1 %'], [0.004, '0.4 %'], [0.013, '1.3 %'], [0.05, '5 %'], [0.0994, '9.9 %'], [0.0996, '10 %'], [0.142, '14 %'], [1, '100 %'],
  ])('%d as a share', (share, text) => expect(percent(share)).toBe(text));
});

describe('listMoment', () => {
  it.each([
    ['2026-11-23T02:13:59Z', '02:13'],
    ['2026-11-20T23:59:00Z', 'Fri'],
    ['2026-11-03T12:00:00Z', '3 Nov'],
    ['soon', 'never'],
  ])('%s', (at, said) => expect(listMoment(at, NOW, true, 'en-GB')).toBe(said));
});

describe('shortMoment', () => {
  const short = (at: string, utc = true): string => shortMoment(at, NOW, utc, 'en-GB');

  it('is the time of day, today', () => {
    expect(short('2026-11-23T02:13:59Z')).toBe('02:13 UTC');
    expect(short('2026-11-23T02:13:59Z', false)).toMatch(/^\d\d:\d\d local$/);
  });

  it('has its date on another day', () => {
    expect(short('2026-11-22T23:59:00Z')).toBe('22 Nov 2026, 23:59 UTC');
    expect(short('2025-11-23T12:00:00Z')).toBe('23 Nov 2025, 12:00 UTC');
  });

  it('is never for what is no time', () => expect(short('soon')).toBe('never'));
});
