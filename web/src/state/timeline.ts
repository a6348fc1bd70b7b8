import type { ChartEvent, EventCounts, Gap, IncidentSummary } from '../api/types';
import { severity } from './checks';
import type { Reach } from './route';

/** Figures of the scrubber. Pure: times are ms. */

const HOUR = 3_600_000;

/** How long each reach is. */
export const REACH_MS: Readonly<Record<Reach, number>> = { hour: HOUR, day: 24 * HOUR, week: 7 * 24 * HOUR, month: 30 * 24 * HOUR };

/** So many bars stand side by side. */
export const BINS = 120;

/** The time that the scrubber shows. */
export interface Span {
  from: number;
  to: number;
}

/** Whole bars only, so that they stand still while time passes. */
function upTo(ms: number, bin: number): number {
  return Math.ceil(ms / bin) * bin;
}

/** The time that ends now, or that has a moment of the past in it; the one shown before if that does. */
export function spanOf(reach: Reach, at: number | null, now: number, before: Span | null): Span {
  const length = REACH_MS[reach];
  const bin = length / BINS;
  const newest = upTo(now, bin);
  if (at === null) return { from: newest - length, to: newest };
  if (before && before.to - before.from === length && at >= before.from && at <= before.to) return before;
  const to = Math.min(newest, upTo(at + length / 3, bin));
  return { from: to - length, to };
}

/** One bar: what came and changed above the line, what vanished below. */
export interface Bin {
  from: number;
  up: number;
  down: number;
}

export function binned(events: readonly Pick<ChartEvent, 'at' | 'kind'>[], { from, to }: Span): Bin[] {
  const bin = (to - from) / BINS;
  const bins = Array.from({ length: BINS }, (_, i): Bin => ({ from: from + i * bin, up: 0, down: 0 }));
  for (const e of events) {
    const held = bins[Math.floor((Date.parse(e.at) - from) / bin)];
    if (!held) continue;
    if (e.kind === 'vanished') held.down += 1;
    else held.up += 1;
  }
  return bins;
}

/** A Go duration: the length of a bar. */
export function stepOf({ from, to }: Span): string {
  return `${(to - from) / BINS / 1000}s`;
}

/** Bars of a time, and until when they were counted. */
export interface Counted {
  span: Span;
  until: number;
  bins: readonly Bin[];
}

/** From which bar on a time is to be counted, when another was: where that ends, and one before for what is written late. */
export function recount({ span, until }: Counted, { from, to }: Span): number {
  const bin = (to - from) / BINS;
  if (span.to - span.from !== to - from || span.from > from || until < from) return 0;
  return Math.max(0, Math.min(BINS - 1, Math.floor((until - from) / bin) - 1));
}

/** The bars of a time: those before the one numbered `first` as they were counted before, the others as they are counted now. */
export function refilled(before: readonly Bin[], first: number, { up, down }: Pick<EventCounts, 'up' | 'down'>, { from, to }: Span): Bin[] {
  const bin = (to - from) / BINS;
  const known = new Map(before.map((b) => [b.from, b]));
  return Array.from({ length: BINS }, (_, i): Bin => {
    const at = from + i * bin;
    const old = i < first ? known.get(at) : undefined;
    return old ?? { from: at, up: up[i - first] ?? 0, down: down[i - first] ?? 0 };
  });
}

/** An incident over the time that it was open. */
export interface Stretch {
  id: string;
  title: string;
  from: number;
  to: number;
  tone: 'critical' | 'warning' | 'unknown';
}

function toneOf({ status }: Pick<IncidentSummary, 'status'>): Stretch['tone'] {
  if (severity(status) > severity('UNKNOWN')) return 'critical';
  return status === 'UNKNOWN' ? 'unknown' : 'warning';
}

const TONES: readonly Stretch['tone'][] = ['warning', 'unknown', 'critical'];

/** The incidents of a time, the worst last, so that it is drawn over the others; one that is part of another is not told twice. */
export function stretches(incidents: readonly IncidentSummary[], { from, to }: Span): Stretch[] {
  return incidents
    .filter((i) => !i.into)
    .map((i): Stretch => ({ id: i.id, title: i.title, from: Date.parse(i.since), to: i.resolved ? Date.parse(i.resolved) : to, tone: toneOf(i) }))
    .filter((s) => s.to >= from && s.from <= to)
    .sort((a, b) => TONES.indexOf(a.tone) - TONES.indexOf(b.tone) || a.from - b.from);
}

/** Where a time lies in a span, 0 to 1. */
export function share(ms: number, { from, to }: Span): number {
  return Math.max(0, Math.min(1, (ms - from) / (to - from)));
}

/** A stretch of time in which nothing was seen, as parts of the span; `whole` where that is true of all nodes. */
export interface Blind {
  from: number;
  to: number;
  whole: boolean;
  gap: Gap;
}

export function blinds(gaps: readonly Gap[], span: Span): Blind[] {
  return gaps.flatMap((gap) => {
    const from = share(Date.parse(gap.from), span);
    const to = gap.to ? share(Date.parse(gap.to), span) : 1;
    return to > from ? [{ from, to, whole: !gap.node, gap }] : [];
  });
}

/** The moments of events, oldest first, each once. */
export function moments(events: readonly Pick<ChartEvent, 'at'>[]): number[] {
  return [...new Set(events.map((e) => Date.parse(e.at)))].sort((a, b) => a - b);
}

/** The last event before a moment; null if there is none. */
export function previous(all: readonly number[], at: number): number | null {
  return all.findLast((ms) => ms < at) ?? null;
}

/** The first event after a moment; null if there is none. */
export function next(all: readonly number[], at: number): number | null {
  return all.find((ms) => ms > at) ?? null;
}

/** The events around a moment: those of its bar. */
export function around<T extends Pick<ChartEvent, 'at'>>(events: readonly T[], at: number, { from, to }: Span): T[] {
  const bin = (to - from) / BINS;
  const start = from + Math.floor((at - from) / bin) * bin;
  return events.filter((e) => {
    const ms = Date.parse(e.at);
    return ms >= start && ms < start + bin;
  });
}

/** Marks under the scrubber: whole hours, days or weeks of the viewer’s clock. */
export function ticksOf(reach: Reach, { from, to }: Span, utc: boolean): number[] {
  const offset = utc ? 0 : new Date(to).getTimezoneOffset() * 60_000;
  const step = { hour: HOUR / 6, day: 3 * HOUR, week: 24 * HOUR, month: 5 * 24 * HOUR }[reach];
  const found: number[] = [];
  for (let ms = Math.ceil((from - offset) / step) * step + offset; ms <= to; ms += step) found.push(ms);
  return found;
}

/** A mark’s text, as far as the ends of the scrubber leave it room: `start` and `end` hang to one side. */
export function tickSide(ms: number, span: Span): 'start' | 'middle' | 'end' {
  const at = share(ms, span);
  if (at < EDGE) return 'start';
  return at > 1 - EDGE ? 'end' : 'middle';
}

/** So near to an end, as a share, a mark’s text would be cut. */
const EDGE = 0.06;

/** What a mark under the scrubber says. */
export function tickWord(ms: number, reach: Reach, utc: boolean, locale?: string): string {
  const zone = utc ? { timeZone: 'UTC' } : {};
  const time = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit', ...zone });
  const day = new Intl.DateTimeFormat(locale, { weekday: 'short', day: 'numeric', ...(reach === 'month' ? { weekday: undefined, month: 'short' } : {}), ...zone });
  if (reach === 'hour' || reach === 'day') {
    const text = time.format(ms);
    return reach === 'day' && /^(00|24|12):00(\s?AM)?$/.test(text) && isMidnight(ms, utc) ? day.format(ms) : text;
  }
  return day.format(ms);
}

function isMidnight(ms: number, utc: boolean): boolean {
  const d = new Date(ms);
  return (utc ? d.getUTCHours() : d.getHours()) === 0;
}

/** The text of a `datetime-local` field as a moment, RFC 3339; '' if it is none. */
export function typedMoment(text: string, utc: boolean): string {
  const ms = Date.parse(utc && text ? `${text}Z` : text);
  return Number.isNaN(ms) ? '' : new Date(ms).toISOString();
}

/** A moment as a `datetime-local` field has it, to the second where it is no whole minute. */
export function fieldMoment(at: string, utc: boolean): string {
  const ms = Date.parse(at);
  if (Number.isNaN(ms)) return '';
  const shifted = utc ? ms : ms - new Date(ms).getTimezoneOffset() * 60_000;
  return new Date(shifted).toISOString().slice(0, 19).replace(/:00$/, '');
}

/** What a field means in which a moment stood: that one, with what the field can't show of it, unless another was typed. */
export function pickedMoment(text: string, before: string, utc: boolean): string {
  return text === fieldMoment(before, utc) ? before : typedMoment(text, utc);
}
