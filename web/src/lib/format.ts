/** Words and figures of the pages. The UI speaks English; dates follow the browser. */

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const two = new Intl.NumberFormat('en-US', { maximumSignificantDigits: 2 });
const tenths = new Intl.NumberFormat('en-US', { maximumFractionDigits: 1 });

/** 1234 → `1,234`. */
export function figure(n: number): string {
  return whole.format(n);
}

/** For labels on lines: 960 → `960`, 2412 → `2.4k`, 18300 → `18k`. */
export function shortFigure(n: number): string {
  if (n < 1000) return String(n);
  if (n < 9950) return `${(n / 1000).toFixed(1)}k`;
  if (n < 999_500) return `${Math.round(n / 1000)}k`;
  return `${(n / 1_000_000).toFixed(1)}M`;
}

/** `1 node`, `3 nodes`. */
export function plural(n: number, one: string, many = `${one}s`): string {
  return `${figure(n)} ${n === 1 ? one : many}`;
}

const WORDS = ['no', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten', 'eleven', 'twelve'];

/** Numbers in sentences: up to twelve as words. */
export function inWords(n: number): string {
  return WORDS[n] ?? figure(n);
}

export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** A length of time in its largest unit: `3 s`, `14 min`, `5 h`, `41 d`. */
export function span(ms: number): string {
  if (ms < MINUTE) return `${Math.max(0, Math.floor(ms / SECOND))} s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min`;
  if (ms < 2 * DAY) return `${Math.floor(ms / HOUR)} h`;
  return `${Math.floor(ms / DAY)} d`;
}

/** `now` below two seconds, else `3 s ago`. A clock that runs ahead reads as now. */
export function age(at: string | undefined, now: number): string {
  const ms = at ? now - Date.parse(at) : NaN;
  if (Number.isNaN(ms)) return 'never';
  return ms < 2 * SECOND ? 'now' : `${span(ms)} ago`;
}

/** Date and time to the second, and always whose time it is. */
export function moment(at: string | undefined, utc: boolean, locale?: string): string {
  const when = at ? new Date(at) : null;
  if (!when || Number.isNaN(when.getTime())) return 'never';
  return `${momentFormat(utc, locale).format(when)} ${utc ? 'UTC' : 'local'}`;
}

/** Making one costs more than a hundred dates that are written with it. */
const momentFormats = new Map<string, Intl.DateTimeFormat>();

function momentFormat(utc: boolean, locale: string | undefined): Intl.DateTimeFormat {
  const key = `${utc} ${locale ?? ''}`;
  const known = momentFormats.get(key) ?? new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'medium', ...(utc ? { timeZone: 'UTC' } : {}) });
  momentFormats.set(key, known);
  return known;
}

const GO_UNITS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: SECOND,
  m: MINUTE,
  h: HOUR,
};

/** Milliseconds of a Go duration such as `840h0m0s`; NaN if it is none. */
export function parseGoDuration(text: string): number {
  if (text === '0') return 0;
  if (!/^(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+$/.test(text)) return NaN;
  let ms = 0;
  for (const [, amount = '0', unit = 's'] of text.matchAll(/([\d.]+)(ns|us|µs|ms|s|m|h)/g)) {
    ms += Number(amount) * (GO_UNITS[unit] ?? 0);
  }
  return ms;
}

/** `5m0s` → `5 min`, `500ms` → `500 ms`, `1.5s` → `1.5 s`; what is no duration stays as it came. */
export function goDuration(text: string): string {
  const ms = parseGoDuration(text);
  if (Number.isNaN(ms) || ms < 0) return text;
  if (ms === 0) return '0 s';
  for (const [unit, name] of [
    [DAY, 'd'],
    [HOUR, 'h'],
    [MINUTE, 'min'],
    [SECOND, 's'],
  ] as const) {
    if (ms % unit === 0) return `${figure(ms / unit)} ${name}`;
  }
  return ms < SECOND ? `${two.format(ms)} ms` : `${tenths.format(ms / SECOND)} s`;
}

const LONG: readonly (readonly [number, string])[] = [
  [DAY, 'day'],
  [HOUR, 'hour'],
  [MINUTE, 'minute'],
  [SECOND, 'second'],
];

/** A Go duration in words, `840h0m0s` → `35 days`; '' where it is none or no whole number of seconds. */
export function durationWords(text: string): string {
  const ms = parseGoDuration(text);
  if (Number.isNaN(ms) || ms <= 0) return '';
  const found = LONG.find(([unit]) => ms % unit === 0);
  return found ? plural(ms / found[0], found[1]) : '';
}

/** A Go duration without what is nothing: `840h0m0s` → `840h`, `1m30s` stays. */
export function shortDuration(text: string): string {
  return /[1-9]/.test(text) ? text.replace(/(?<=[hms])0m0s$|(?<=[hm])0s$/, '') : text;
}

const TYPED: Readonly<Record<string, number>> = { s: SECOND, min: MINUTE, h: HOUR, d: DAY, w: 7 * DAY };

/** What people write, `35 days` or `2 w`, as a Go duration; anything else as it came. */
export function typedDuration(text: string): string {
  const [, amount = '', word = ''] = /^(\d+(?:\.\d+)?)\s*(seconds?|s|minutes?|min|hours?|h|days?|d|weeks?|w)$/i.exec(text.trim()) ?? [];
  if (amount === '') return text.trim();
  const unit = /^min/i.test(word) ? 'min' : word.charAt(0).toLowerCase();
  const ms = Number(amount) * (TYPED[unit] ?? 0);
  if (ms % HOUR === 0 && ms > 0) return `${ms / HOUR}h`;
  return ms % MINUTE === 0 && ms > 0 ? `${ms / MINUTE}m` : `${ms / SECOND}s`;
}

/** How long ago in whole words: `2 days`, `3 hours`, `14 minutes`. */
export function longSpan(ms: number): string {
  // As with `span`, a day and a half is still hours.
  const unit = LONG.find(([size]) => ms >= (size === DAY ? 2 * DAY : size)) ?? LONG[3];
  return unit ? plural(Math.max(0, Math.floor(ms / unit[0])), unit[1]) : '';
}

const SIZES: Readonly<Record<string, number>> = { '': 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3, T: 1024 ** 4 };

/** What people write, `4 GiB`, `512M` or `500 MB`, in bytes; NaN if it is no size. */
export function parseBytes(text: string): number {
  const [, amount = '', unit = '', rest = ''] = /^(\d+(?:\.\d+)?)\s*([KMGT]?)(i?B|bytes?)?$/i.exec(text.trim()) ?? [];
  if (amount === '') return NaN;
  const thousands = rest.toUpperCase() === 'B';
  const power = 'KMGT'.indexOf(unit.toUpperCase()) + 1;
  return Math.round(Number(amount) * (thousands && unit ? 1000 ** power : (SIZES[unit.toUpperCase()] ?? 1)));
}

/** Bytes as they can be typed again, without loss: `4 GiB`, `1500 B`. */
export function exactBytes(n: number): string {
  for (const unit of ['T', 'G', 'M', 'K'] as const) {
    const size = SIZES[unit] ?? 1;
    if (n >= size && n % size === 0) return `${n / size} ${unit}iB`;
  }
  return `${n} B`;
}

/** 15000000 → `14 MiB`. */
export function bytes(n: number): string {
  if (n < 1024) return `${n} B`;
  if (n < 1024 ** 2) return `${Math.round(n / 1024)} KiB`;
  if (n < 1024 ** 3) return `${Math.round(n / 1024 ** 2)} MiB`;
  return `${(n / 1024 ** 3).toFixed(1)} GiB`;
}

/** Small figures to two digits, large ones whole: 0.312 → `0.31`, 4.26 → `4.3`, 45.2 → `45`, 137 → `137`. */
function twoDigits(n: number): string {
  return n < 99.5 ? two.format(n) : whole.format(n);
}

/** A figure in the largest of its units in which it is at least one; `step` lies between two units. */
function scaled(n: number, step: number, units: readonly [string, ...string[]]): string {
  let value = n;
  let unit = units[0];
  for (const larger of units.slice(1)) {
    // What rounds up to a whole step is one of the next unit.
    if (value < step - 0.5) break;
    value /= step;
    unit = larger;
  }
  return `${twoDigits(value)} ${unit}`;
}

/** Bytes per second: 310 → `310 B/s`, 1234567 → `1.2 MB/s`. Units of 1,000, as network speeds are. */
export function rate(bytesPerSecond: number): string {
  return scaled(bytesPerSecond, 1000, ['B/s', 'kB/s', 'MB/s', 'GB/s', 'TB/s']);
}

/** The unit for a length of time in µs, and how many µs it has. From 100 µs on in ms. */
function timeUnit(us: number): readonly [string, number] {
  if (us < 99.5) return ['µs', 1];
  return us < 999_500 ? ['ms', 1000] : ['s', 1_000_000];
}

/** 12 → `12 µs`, 310 → `0.31 ms`, 1200000 → `1.2 s`. */
export function micros(us: number): string {
  const [unit, size] = timeUnit(us);
  return `${twoDigits(us / size)} ${unit}`;
}

/** A mean and its deviation in one unit, `0.31 ms ± 0.1`; a deviation too small for the mean's digits is left out. */
export function spread(us: number, deviation: number): string {
  const mean = micros(us);
  const [, size] = timeUnit(us);
  const digits = /\.(\d+)/.exec(mean)?.[1]?.length ?? 0;
  const around = new Intl.NumberFormat('en-US', { maximumFractionDigits: digits }).format(deviation / size);
  return around === '0' ? mean : `${mean} ± ${around}`;
}

/** A share from 0 to 1: 0.064 → `6.4 %`, 0.5 → `50 %`; what is little but there is `under 0.1 %`. */
export function percent(share: number): string {
  if (share > 0 && share < 0.0005) return 'under 0.1 %';
  return `${(share < 0.0995 ? tenths : whole).format(share * 100)} %`;
}

/** `Tue 24 Nov, 14:03 UTC`: a moment as people speak of it; seconds and the year where they matter. */
export function spokenMoment(at: string, now: number, utc: boolean, locale?: string): string {
  const when = new Date(at);
  if (Number.isNaN(when.getTime())) return 'never';
  const format = new Intl.DateTimeFormat(locale, {
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    hour: '2-digit',
    minute: '2-digit',
    ...(when.getTime() % MINUTE === 0 ? {} : { second: '2-digit' }),
    ...(Math.abs(now - when.getTime()) > 300 * DAY ? { year: 'numeric' } : {}),
    ...(utc ? { timeZone: 'UTC' } : {}),
  });
  return `${format.format(when)} ${utc ? 'UTC' : 'local'}`;
}

/** Time of day to the minute, and whose time it is; with the date where it is another day. */
export function shortMoment(at: string, now: number, utc: boolean, locale?: string): string {
  const when = new Date(at);
  if (Number.isNaN(when.getTime())) return 'never';
  const zone = utc ? { timeZone: 'UTC' } : {};
  const day = new Intl.DateTimeFormat('en-CA', { dateStyle: 'short', ...zone });
  const date = day.format(when) === day.format(now) ? {} : { dateStyle: 'medium' as const };
  return `${new Intl.DateTimeFormat(locale, { ...date, timeStyle: 'short', ...zone }).format(when)} ${utc ? 'UTC' : 'local'}`;
}

/** For lists that say once whose time it is: `03:12` of today, `Mon` of this week, else the date. */
export function listMoment(at: string, now: number, utc: boolean, locale?: string): string {
  const when = new Date(at);
  if (Number.isNaN(when.getTime())) return 'never';
  const zone = utc ? { timeZone: 'UTC' } : {};
  const day = new Intl.DateTimeFormat('en-CA', { dateStyle: 'short', ...zone });
  const near = day.format(when) === day.format(now) ? ({ hour: '2-digit', minute: '2-digit' } as const) : now - when.getTime() < 6 * DAY ? { weekday: 'short' as const } : { day: 'numeric' as const, month: 'short' as const };
  return new Intl.DateTimeFormat(locale, { ...near, ...zone }).format(when);
}

/** True for IPv4, IPv6 and CIDR text: these are set in mono. */
export function isAddress(text: string): boolean {
  return /^\d{1,3}(\.\d{1,3}){3}(\/\d+)?$/.test(text) || (/^[0-9a-f:.]+(\/\d+)?$/i.test(text) && text.includes(':'));
}

/**
 * Cuts the middle out of a text until it fits, because hosts and processes of one
 * site differ at their ends. `measure` gives the width of a text in the unit of `max`.
 */
export function truncateMiddle(text: string, max: number, measure: (text: string) => number): string {
  if (measure(text) <= max) return text;
  let low = 0;
  let high = text.length - 1;
  while (low < high) {
    const keep = Math.ceil((low + high) / 2);
    if (measure(cutMiddle(text, keep)) <= max) low = keep;
    else high = keep - 1;
  }
  return low === 0 ? '…' : cutMiddle(text, low);
}

function cutMiddle(text: string, keep: number): string {
  const head = Math.ceil(keep / 2);
  return `${text.slice(0, head)}…${text.slice(text.length - (keep - head))}`;
}
