import type { RecentDocument, Series } from '../api/types';

/** Numbers of the last hour as lines: what was not seen is a gap, never zero. */

export type Points = readonly (number | null)[];

/** The least and the most of what is known, and the last number if it is. */
export interface Summary {
  min: number;
  max: number;
  now: number | null;
  /** How many points are known, and how many are missing between the first known and the end. */
  known: number;
  missing: number;
}

/** Null where nothing is known. */
export function summary(points: Points): Summary | null {
  const known = points.filter((p) => p !== null);
  if (known.length === 0) return null;
  const first = points.findIndex((p) => p !== null);
  return { min: Math.min(...known), max: Math.max(...known), now: points.at(-1) ?? null, known: known.length, missing: points.length - first - known.length };
}

/** Runs of known points: where each begins, and its numbers. */
export function runs(points: Points): { from: number; values: number[] }[] {
  const out: { from: number; values: number[] }[] = [];
  points.forEach((p, i) => {
    if (p === null) return;
    const last = out.at(-1);
    if (last && last.from + last.values.length === i) last.values.push(p);
    else out.push({ from: i, values: [p] });
  });
  return out;
}

/** Stretches of which nothing is known, after the first point: from, up to but without `to`. */
export function unseen(points: Points): { from: number; to: number }[] {
  const known = runs(points);
  return known.map((run, i) => ({ from: run.from + run.values.length, to: known[i + 1]?.from ?? points.length })).filter(({ from, to }) => to > from);
}

const digits = (n: number): number => Math.round(n * 10) / 10;

/** The line of a run in a box of a size, in which `slots` points stand side by side and `most` is the top. */
export function linePath({ from, values }: { from: number; values: readonly number[] }, slots: number, most: number, width: number, height: number): string {
  const step = width / slots;
  const y = (v: number): number => digits(height - (v / most) * height);
  if (values.length === 1) return `M${digits(from * step)} ${y(values[0] ?? 0)}H${digits((from + 1) * step)}`;
  return values.map((v, i) => `${i === 0 ? 'M' : 'L'}${digits((from + i + 0.5) * step)} ${y(v)}`).join('');
}

/** What of the hour has a line of its own, in this order. */
export type Measure = keyof Series;

/** The sum of the attempts that failed within the hour; null where none was counted. */
export function failedInAll({ failed = [] }: Series): number | null {
  const known = failed.filter((p) => p !== null);
  return known.length === 0 ? null : Math.round(known.reduce((n, p) => n + p, 0));
}

/** When a point was. */
export function timeOf({ from, step_seconds: step }: Pick<RecentDocument, 'from' | 'step_seconds'>, i: number): string {
  return new Date(Date.parse(from) + i * step * 1000).toISOString();
}
