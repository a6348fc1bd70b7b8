import type { ComponentChildren } from 'preact';
import { useMemo, useRef, useState } from 'preact/hooks';
import { useApp } from '../app';
import type { Gap } from '../api/types';
import { moment, spokenMoment } from '../lib/format';
import { compareWith, showMoment } from '../state/route';
import { BINS, type Bin, type Span, type Stretch, blinds, share, tickSide, tickWord, ticksOf } from '../state/timeline';

const iso = (ms: number): string => new Date(ms).toISOString();

interface BarsProps {
  bins: readonly Bin[];
  span: Span;
  gaps: readonly Gap[];
  /** Since when anything is known. */
  known: string | null;
  /** Since when changes are counted, ms; NaN where all are. */
  oldest: number;
  /** The incidents of the time, the worst last. */
  incidents?: readonly Stretch[];
  /** What is told of the time that is pointed at. */
  told: (at: number) => ComponentChildren;
  go: (ms: number, replace?: boolean) => void;
}

/** The drawing is so high, and its line lies here: vanished ones hang below it. */
const HEIGHT = 64;
const LINE = 44;
const BAR = 1000 / BINS;

/** What happened over a time as bars, with the handle of the moment that is shown: a slider. */
export function Bars({ bins, span, gaps, known, oldest, incidents = [], told, go }: BarsProps) {
  const { route, navigate, now, prefs } = useApp();
  const { at, from, reach } = route.value;
  const root = useRef<HTMLDivElement>(null);
  const [pulled, setPulled] = useState<readonly [number, number] | null>(null);
  const [pointed, setPointed] = useState<number | null>(null);
  const [dragged, setDragged] = useState<number | null>(null);
  const utc = prefs.utc.value;
  const here = dragged ?? (at ? Date.parse(at) : now.value);
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
    if (event.key === 'Escape' && at && !from) {
      event.preventDefault();
      event.stopPropagation();
      navigate(showMoment(route.peek(), ''));
      return;
    }
    const to = event.key === 'Home' ? span.from : event.key === 'End' ? now.peek() : by[event.key] === undefined ? null : here + (by[event.key] ?? 0);
    if (to === null) return;
    event.preventDefault();
    go(to, true);
  };
  const picture = useMemo(
    () => <Picture bins={bins} span={span} gaps={gaps} known={known} oldest={oldest} incidents={incidents} />,
    [bins, span.from, span.to, gaps, known, oldest, incidents],
  );
  // With the clock, each second, nothing of them changes.
  const ticks = useMemo(
    () =>
      ticksOf(reach, span, utc).map((ms) => (
        <span key={ms} class={tickSide(ms, span)} style={{ left: `${share(ms, span) * 100}%` }}>
          {tickWord(ms, reach, utc)}
        </span>
      )),
    [reach, span.from, span.to, utc],
  );
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
        {picture}
        <i class="handle" style={{ left: `${share(here, span) * 100}%` }} hidden={here < span.from || here > span.to} />
        {range && <Range ends={range} span={span} />}
        {pointed !== null && <Told at={pointed} span={span} gaps={gaps}>{told(pointed)}</Told>}
      </div>
      <div class="bar-ticks" aria-hidden="true">
        {ticks}
      </div>
      <span class="small ink3 whose">{utc ? 'UTC' : 'local time'}</span>
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
  incidents: readonly Stretch[];
}

function Picture({ bins, span, gaps, known, oldest, incidents }: PictureProps) {
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
      {incidents.map((i) => (
        <rect
          key={i.id}
          class={`span-${i.tone}`}
          x={share(i.from, span) * 1000}
          y="0"
          width={Math.max(3, (share(i.to, span) - share(i.from, span)) * 1000)}
          height={i.tone === 'critical' ? 10 : i.tone === 'warning' ? 6 : 3}
        />
      ))}
    </svg>
  );
}

interface ToldProps {
  at: number;
  span: Span;
  gaps: readonly Gap[];
  children: ComponentChildren;
}

/** What is told of the time that is pointed at: what could not be seen then, and what happened. */
function Told({ at, span, gaps, children }: ToldProps) {
  const { now, prefs } = useApp();
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
      {children}
    </div>
  );
}
