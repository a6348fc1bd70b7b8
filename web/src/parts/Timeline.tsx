import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { useApp } from '../app';
import type { ChartEvent, EventList, Gap } from '../api/types';
import { figure, plural, spokenMoment } from '../lib/format';
import { eventText } from '../state/past';
import { useTold } from './news';
import { useResource } from '../state/resource';
import { REACHES, type Reach, showMoment } from '../state/route';
import { BINS, REACH_MS, type Span, around, binned, moments, next, previous, spanOf } from '../state/timeline';
import { knownAs } from '../state/topology';
import { Bars } from './Bars';

/** Events of a live site are counted again this often, ms. */
const COUNT_EVERY_MS = 15_000;
/** So many events are counted: the most that one answer holds. */
const COUNTED = 10_000;
/** How long the player may stay at each event, ms. */
const SPEEDS = [['slow', 3_000], ['normal', 1_500], ['fast', 500]] as const;
type Speed = (typeof SPEEDS)[number][0];
/** Of a bar that is pointed at, so many events are told. */
const TOLD = 4;

const WORDS: Readonly<Record<Reach, string>> = { hour: 'Hour', day: 'Day', week: 'Week', month: '30 days' };

const iso = (ms: number): string => new Date(ms).toISOString();

/** The time that is shown, and the ways through it. */
export interface View {
  span: Span;
  /** It ends now, and is read again with each turn. */
  live: boolean;
  turn: number;
  /** Moves what is shown by so many of its lengths. */
  shift: (by: number) => void;
  go: (ms: number, replace?: boolean) => void;
}

export function useView(): View {
  const { route, navigate, now } = useApp();
  const { at, reach } = route.value;
  const shown = at ? Date.parse(at) : null;
  const before = useRef<Span | null>(null);
  // Bars are whole: the time moves on with them only.
  const beat = Math.floor(now.value / COUNT_EVERY_MS);
  const usual = useMemo(() => (before.current = spanOf(reach, shown, now.peek(), before.current)), [reach, shown, beat]);
  const [moved, setMoved] = useState<Span | null>(null);
  useEffect(() => setMoved(null), [reach, at]);
  const span = moved ?? usual;
  const live = span.to >= now.value - REACH_MS[reach] / BINS;
  const go = (ms: number, replace = false): void => {
    navigate(showMoment(route.peek(), ms >= now.peek() - 500 ? '' : iso(Math.round(ms))), replace);
  };
  const shift = (by: number): void => {
    const length = span.to - span.from;
    const to = Math.min(span.to + by * length, spanOf(reach, null, now.peek(), null).to);
    setMoved({ from: to - length, to });
  };
  return { span, live, turn: live ? beat : 0, shift, go };
}

/** What happened in a time, of what the link narrows it to; what was read before stays until the next is there. */
export function useHappened({ span, live, turn }: View, wanted = true): { events: readonly ChartEvent[]; more: boolean } {
  const { client, route } = useApp();
  const { subject, kind, find } = route.value;
  const key = wanted ? `${span.from} ${span.to} ${find} ${subject} ${kind}` : '';
  const counted = useResource(`counted ${key}`, String(wanted ? turn : 0), (s) =>
    wanted ? client.events({ from: iso(span.from), to: live ? '' : iso(span.to), node: find, subject, kind, limit: COUNTED }, s) : Promise.resolve(null),
  );
  const last = useRef<EventList | null>(null);
  last.current = counted.data ?? last.current;
  const list = last.current;
  return useMemo(() => ({ events: list?.events ?? [], more: list?.more ?? false }), [list]);
}

const NONE: readonly Gap[] = [];

/** Where nobody tells, it is asked for every so many ms. Of the times that are known, since when, and what could not be seen. */
export function useKnown(ms: number): { gaps: readonly Gap[]; from: string | null } {
  const { client } = useApp();
  const { data } = useResource('known', useTold('store', ms), (s) => client.history(s));
  return { gaps: data?.gaps ?? NONE, from: data?.from ?? null };
}

/** What happened over a time, and the handle that goes to any moment of it. */
export function Timeline() {
  const { now, prefs } = useApp();
  const view = useView();
  const { span, go, shift } = view;
  const { events, more } = useHappened(view);
  const { gaps, from } = useKnown(COUNT_EVERY_MS);
  const bins = useMemo(() => binned(events, span), [events, span.from, span.to]);
  const oldest = more ? Date.parse(events.at(-1)?.at ?? '') : NaN;
  return (
    <section class="timeline" aria-label="Timeline">
      <Tools events={events} span={span} shift={shift} go={go} />
      <Bars bins={bins} span={span} gaps={gaps} known={from} oldest={oldest} told={(ms) => <Happened at={ms} span={span} events={events} oldest={oldest} />} go={go} />
      {more && (
        <p class="small ink3 counted">
          The newest {figure(events.length)} changes are counted, those since {spokenMoment(iso(oldest), now.value, prefs.utc.value)}; what is hatched lightly before has more.
        </p>
      )}
    </section>
  );
}

/** What happened around a time that is pointed at. */
export function Happened({ at, span, events, oldest }: { at: number; span: Span; events: readonly ChartEvent[]; oldest: number }) {
  const { feed } = useApp();
  const named = knownAs(feed.topology.value);
  const found = around(events, at, span);
  return (
    <>
      {found.slice(0, TOLD).map((e) => (
        <span key={`${e.at} ${e.kind} ${e.id}`}>{eventText(e, named)}</span>
      ))}
      {found.length > TOLD && <span class="ink3">and {plural(found.length - TOLD, 'more change')}</span>}
      {found.length === 0 && <span class="ink3">{at < oldest ? 'not counted' : 'no change'}</span>}
    </>
  );
}

interface ToolsProps {
  events: readonly ChartEvent[];
  span: Span;
  /** Moves what is shown by so many of its lengths. */
  shift: (by: number) => void;
  go: (ms: number, replace?: boolean) => void;
}

/** How much time is shown, and the ways from event to event. */
export function Tools({ events, span, shift, go }: ToolsProps) {
  const { route, navigate, now } = useApp();
  const { reach, at } = route.value;
  const times = useMemo(() => moments(events), [events]);
  const here = at ? Date.parse(at) : now.value;
  const back = previous(times, here);
  const on = at ? next(times, here) : null;
  const player = usePlayer(times, go);
  useStepKeys(back, on, go);
  return (
    <div class="timeline-tools">
      <span class="segments" role="group" aria-label="How much time">
        {REACHES.map((r) => (
          <button key={r} type="button" aria-pressed={reach === r} onClick={() => navigate({ ...route.value, reach: r }, true)}>
            {WORDS[r]}
          </button>
        ))}
      </span>
      <button type="button" class="plain" onClick={() => shift(-0.5)} aria-label={`Show earlier times than this ${WORDS[reach].toLowerCase()}`}>
        ← Earlier
      </button>
      <button type="button" class="plain" disabled={span.to >= now.value} onClick={() => shift(0.5)} aria-label="Show later times">
        Later →
      </button>
      <span class="gap" />
      <span class="ink2 timeline-count">{plural(events.length, 'change')}</span>
      <button type="button" class="plain change" disabled={back === null} title="To the change before (,)" onClick={() => back !== null && go(back)}>
        Previous change
      </button>
      <button type="button" class="plain change" disabled={on === null} title="To the next change (.)" onClick={() => on !== null && go(on)}>
        Next change
      </button>
      <select class="speed" aria-label="How fast it plays" value={player.speed} onChange={(event) => player.setSpeed(event.currentTarget.value as Speed)}>
        {SPEEDS.map(([speed, ms]) => (
          <option key={speed} value={speed}>
            {speed}, {ms / 1000} s
          </option>
        ))}
      </select>
      <button type="button" class="play" aria-pressed={player.playing} disabled={times.length === 0} onClick={player.toggle}>
        {player.playing ? 'Pause' : 'Play'}
      </button>
    </div>
  );
}

/** Goes from event to event by itself; from now on it starts at the first. */
function usePlayer(times: readonly number[], go: ToolsProps['go']) {
  const { route } = useApp();
  const [playing, setPlaying] = useState(false);
  const [speed, setSpeed] = useState<Speed>('normal');
  const at = route.value.at;
  const held = useRef(times);
  held.current = times;
  useEffect(() => {
    if (!playing) return;
    const timer = setTimeout(
      () => {
        const to = at ? next(held.current, Date.parse(at)) : (held.current[0] ?? null);
        if (to === null) setPlaying(false);
        else go(to, true);
      },
      at ? (SPEEDS.find(([s]) => s === speed)?.[1] ?? 0) : 0,
    );
    return () => clearTimeout(timer);
  }, [playing, at, speed]);
  return { playing, speed, setSpeed, toggle: () => setPlaying(!playing) };
}

/** `,` and `.` go one event back and on. */
function useStepKeys(back: number | null, on: number | null, go: ToolsProps['go']): void {
  const { dialog } = useApp();
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const target = event.target instanceof HTMLElement ? event.target.tagName : '';
      if (dialog.peek() !== '' || event.ctrlKey || event.metaKey || event.altKey || ['INPUT', 'TEXTAREA', 'SELECT'].includes(target)) return;
      const to = event.key === ',' ? back : event.key === '.' ? on : null;
      if (to !== null) go(to);
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, [back, on]);
}

