import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { useApp } from '../app';
import type { ChartEvent, EventList, Gap } from '../api/types';
import { figure, moment, plural, spokenMoment } from '../lib/format';
import { eventText } from '../state/past';
import { useResource } from '../state/resource';
import { REACHES, type Reach, compareWith, showMoment } from '../state/route';
import { BINS, type Bin, REACH_MS, type Span, around, binned, blinds, moments, next, previous, share, spanOf, tickSide, tickWord, ticksOf } from '../state/timeline';
import { knownAs } from '../state/topology';

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

/** What happened over a time, and the handle that goes to any moment of it. */
export function Timeline() {
  const { client, route, navigate, now } = useApp();
  const { at, reach, subject, kind, find } = route.value;
  const shown = at ? Date.parse(at) : null;
  const before = useRef<Span | null>(null);
  // Bars are whole: the time moves on with them only.
  const beat = Math.floor(now.value / COUNT_EVERY_MS);
  const span = useMemo(() => (before.current = spanOf(reach, shown, now.peek(), before.current)), [reach, shown, beat]);
  const [moved, setMoved] = useState<Span | null>(null);
  useEffect(() => setMoved(null), [reach, at]);
  const view = moved ?? span;
  const live = view.to >= now.value - REACH_MS[reach] / BINS;
  const turn = live ? beat : 0;
  const key = `${view.from} ${view.to} ${find} ${subject} ${kind}`;
  const counted = useResource(`counted ${key}`, String(turn), (s) =>
    client.events({ from: iso(view.from), to: live ? '' : iso(view.to), node: find, subject, kind, limit: COUNTED }, s),
  );
  const known = useResource('known', String(beat), (s) => client.history(s));
  const last = useRef<EventList | null>(null);
  last.current = counted.data ?? last.current;
  const list = last.current;
  const events = useMemo(() => list?.events ?? [], [list]);
  const go = (ms: number, replace = false): void => {
    navigate(showMoment(route.peek(), ms >= now.peek() - 500 ? '' : iso(Math.round(ms))), replace);
  };
  const shift = (by: number): void => {
    const length = view.to - view.from;
    const to = Math.min(view.to + by * length, spanOf(reach, null, now.peek(), null).to);
    setMoved({ from: to - length, to });
  };
  return (
    <section class="timeline" aria-label="Timeline">
      <Tools events={events} span={view} shift={shift} go={go} />
      <Bars events={events} span={view} gaps={known.data?.gaps ?? []} known={known.data?.from ?? null} more={list?.more ?? false} go={go} />
    </section>
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
function Tools({ events, span, shift, go }: ToolsProps) {
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

interface BarsProps {
  events: readonly ChartEvent[];
  span: Span;
  gaps: readonly Gap[];
  /** Since when anything is known. */
  known: string | null;
  /** Not all events are counted: the oldest are not. */
  more: boolean;
  go: (ms: number, replace?: boolean) => void;
}

/** The drawing is so high, and its line lies here: vanished ones hang below it. */
const HEIGHT = 64;
const LINE = 44;
const BAR = 1000 / BINS;

function Bars({ events, span, gaps, known, more, go }: BarsProps) {
  const { route, navigate, now, prefs } = useApp();
  const { at, from, reach } = route.value;
  const root = useRef<HTMLDivElement>(null);
  const [pulled, setPulled] = useState<readonly [number, number] | null>(null);
  const [pointed, setPointed] = useState<number | null>(null);
  const [dragged, setDragged] = useState<number | null>(null);
  const bins = useMemo(() => binned(events, span), [events, span.from, span.to]);
  const utc = prefs.utc.value;
  const here = dragged ?? (at ? Date.parse(at) : now.value);
  const oldest = more ? Date.parse(events.at(-1)?.at ?? '') : NaN;
  const timeAt = (event: PointerEvent): number => {
    const { left = 0, width = 1 } = root.current?.getBoundingClientRect() ?? {};
    const part = Math.max(0, Math.min(1, (event.clientX - left) / Math.max(1, width)));
    return Math.min(span.from + part * (span.to - span.from), now.peek());
  };
  const apart = (span.to - span.from) / BINS;
  const compare = ([a, b]: readonly [number, number]): void => {
    const later = Math.max(a, b) >= now.peek() - apart ? '' : iso(Math.round(Math.max(a, b)));
    if (Math.abs(a - b) >= apart) navigate(compareWith(showMoment(route.peek(), later), iso(Math.round(Math.min(a, b)))));
  };
  const range = pulled ?? (from ? ([Date.parse(from), here] as const) : null);
  const onKey = (event: KeyboardEvent): void => {
    const bin = (span.to - span.from) / BINS;
    const by: Readonly<Record<string, number>> = { ArrowLeft: -bin, ArrowDown: -bin, ArrowRight: bin, ArrowUp: bin, PageDown: -10 * bin, PageUp: 10 * bin };
    const to = event.key === 'Home' ? span.from : event.key === 'End' ? now.peek() : by[event.key] === undefined ? null : here + (by[event.key] ?? 0);
    if (to === null) return;
    event.preventDefault();
    go(to, true);
  };
  return (
    <div class="bars">
      <div
        ref={root}
        class={`bars-area${at ? ' past' : ''}`}
        role="slider"
        tabIndex={0}
        aria-label="The moment that is shown"
        aria-valuemin={0}
        aria-valuemax={1000}
        aria-valuenow={Math.round(share(here, span) * 1000)}
        aria-valuetext={at ? moment(iso(here), utc) : 'now, live'}
        onKeyDown={onKey}
        onPointerDown={(event) => {
          if (event.button !== 0) return;
          event.currentTarget.setPointerCapture(event.pointerId);
          if (event.shiftKey) setPulled([timeAt(event), timeAt(event)]);
          else setDragged(timeAt(event));
        }}
        onPointerMove={(event) => {
          setPointed(timeAt(event));
          if (dragged !== null) setDragged(timeAt(event));
          if (pulled) setPulled([pulled[0], timeAt(event)]);
        }}
        onPointerUp={(event) => {
          if (dragged !== null) go(timeAt(event));
          if (pulled) compare([pulled[0], timeAt(event)]);
          setDragged(null);
          setPulled(null);
        }}
        onPointerCancel={() => {
          setDragged(null);
          setPulled(null);
        }}
        onPointerLeave={() => setPointed(null)}
      >
        <Picture bins={bins} span={span} gaps={gaps} known={known} oldest={oldest} />
        <i class="handle" style={{ left: `${share(here, span) * 100}%` }} hidden={here < span.from || here > span.to} />
        {range && <Range ends={range} span={span} />}
        {pointed !== null && <Told at={pointed} span={span} events={events} gaps={gaps} oldest={oldest} />}
      </div>
      <div class="bar-ticks" aria-hidden="true">
        {ticksOf(reach, span, utc).map((ms) => (
          <span key={ms} class={tickSide(ms, span)} style={{ left: `${share(ms, span) * 100}%` }}>
            {tickWord(ms, reach, utc)}
          </span>
        ))}
      </div>
      <span class="small ink3 whose">{utc ? 'UTC' : 'local time'}</span>
      {more && (
        <p class="small ink3">
          The newest {figure(events.length)} changes are counted, those since {spokenMoment(iso(oldest), now.value, utc)}; what is hatched lightly before has more.
        </p>
      )}
    </div>
  );
}

/** The time between the two moments that are compared, and their letters. */
function Range({ ends, span }: { ends: readonly [number, number]; span: Span }) {
  const from = Math.min(...ends);
  const to = Math.max(...ends);
  const within = (ms: number): boolean => ms >= span.from && ms <= span.to;
  return (
    <>
      <i class="range" style={{ left: `${share(from, span) * 100}%`, width: `${(share(to, span) - share(from, span)) * 100}%` }} />
      {within(from) && (
        <b class="letter at" style={{ left: `${share(from, span) * 100}%` }}>
          A
        </b>
      )}
      {within(to) && (
        <b class="letter at" style={{ left: `${share(to, span) * 100}%` }}>
          B
        </b>
      )}
    </>
  );
}

interface PictureProps {
  bins: readonly Bin[];
  span: Span;
  gaps: readonly Gap[];
  known: string | null;
  oldest: number;
}

function Picture({ bins, span, gaps, known, oldest }: PictureProps) {
  const most = Math.max(4, ...bins.map((b) => Math.max(b.up, b.down)));
  // A root shows single changes beside a flood.
  const tall = (n: number, room: number): number => (n === 0 ? 0 : Math.max(3, Math.sqrt(n / most) * room));
  const unknown = known ? share(Date.parse(known), span) * 1000 : 0;
  const uncounted = Number.isNaN(oldest) ? 0 : share(oldest, span) * 1000;
  return (
    <svg viewBox={`0 0 1000 ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      <defs>
        <pattern id="gap-hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
          <path d="M0 0V6" stroke="var(--ink3)" stroke-width="1.6" />
        </pattern>
        <pattern id="dim-hatch" width="8" height="8" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
          <path d="M0 0V8" stroke="var(--line2)" stroke-width="1" />
        </pattern>
      </defs>
      {unknown > 0 && <rect class="unknown" x="0" y="0" width={unknown} height={HEIGHT} fill="url(#dim-hatch)" />}
      {uncounted > unknown && <rect x={unknown} y="0" width={uncounted - unknown} height={HEIGHT} fill="url(#dim-hatch)" />}
      {blinds(gaps, span).map((b) => (
        <rect
          key={`${b.gap.node ?? ''} ${b.gap.from}`}
          class={b.whole ? 'gap-all' : 'gap-one'}
          x={b.from * 1000}
          y={b.whole ? 0 : HEIGHT - 6}
          width={Math.max(1.5, (b.to - b.from) * 1000)}
          height={b.whole ? HEIGHT : 6}
          fill="url(#gap-hatch)"
        />
      ))}
      <path d={`M0 ${LINE}H1000`} stroke="var(--line2)" vector-effect="non-scaling-stroke" />
      {bins.map((b, i) => (
        <g key={b.from}>
          {b.up > 0 && <rect class="up" x={i * BAR + 1} y={LINE - tall(b.up, LINE - 4)} width={BAR - 2} height={tall(b.up, LINE - 4)} />}
          {b.down > 0 && <rect class="down" x={i * BAR + 1.5} y={LINE + 1} width={BAR - 3} height={tall(b.down, HEIGHT - LINE - 8)} vector-effect="non-scaling-stroke" />}
        </g>
      ))}
    </svg>
  );
}

interface ToldProps {
  at: number;
  span: Span;
  events: readonly ChartEvent[];
  gaps: readonly Gap[];
  oldest: number;
}

/** What happened at what is pointed at. */
function Told({ at, span, events, gaps, oldest }: ToldProps) {
  const { feed, now, prefs } = useApp();
  const named = knownAs(feed.topology.value);
  const found = around(events, at, span);
  const blind = gaps.filter((g) => Date.parse(g.from) <= at && (!g.to || Date.parse(g.to) > at));
  const part = share(at, span);
  return (
    <div class="told" style={part < 0.5 ? { left: `${part * 100}%` } : { right: `${(1 - part) * 100}%` }}>
      <b>{spokenMoment(iso(at), now.value, prefs.utc.value)}</b>
      {blind.slice(0, 2).map((g) => (
        <span key={`${g.node ?? ''} ${g.from}`} class="blind">
          {g.node ?? 'Nothing'} {g.node ? 'not seen' : 'was seen'}: {g.why}
        </span>
      ))}
      {found.slice(0, TOLD).map((e) => (
        <span key={`${e.at} ${e.kind} ${e.id}`}>{eventText(e, named)}</span>
      ))}
      {found.length > TOLD && <span class="ink3">and {plural(found.length - TOLD, 'more change')}</span>}
      {found.length === 0 && <span class="ink3">{at < oldest ? 'not counted' : 'no change'}</span>}
    </div>
  );
}
