import '../views.css';
import { useId, useState } from 'preact/hooks';
import { type Points, linePath, runs, summary, unseen } from '../state/recent';

const WIDTH = 240;
const HEIGHT = 40;

interface LineProps {
  points: Points;
  height: number;
  /** Bars in place of a line: things that happened. */
  bars?: boolean;
}

/** The line alone; what was not seen is hatched. */
function Line({ points, height, bars = false }: LineProps) {
  const hatch = useId();
  const most = Math.max(...points.filter((p) => p !== null), 0) || 1;
  const step = WIDTH / points.length;
  return (
    <svg class="spark-line" viewBox={`0 0 ${WIDTH} ${height}`} preserveAspectRatio="none" aria-hidden="true">
      <defs>
        <pattern id={hatch} width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
          <path d="M0 0V6" stroke="var(--line2)" stroke-width="1.6" />
        </pattern>
      </defs>
      {unseen(points).map(({ from, to }) => (
        <rect key={from} class="unseen" x={from * step} y="0" width={(to - from) * step} height={height} fill={`url(#${hatch})`} />
      ))}
      {bars
        ? points.map((p, i) => (p ? <rect key={i} class="spark-bar" x={i * step + 0.25} y={height - Math.max(2, (p / most) * height)} width={Math.max(1.5, step - 0.5)} height={Math.max(2, (p / most) * height)} /> : null))
        : runs(points).map((run) => <path key={run.from} d={linePath(run, points.length, most, WIDTH, height)} vector-effect="non-scaling-stroke" />)}
    </svg>
  );
}

interface Props {
  title: string;
  points: Points;
  /** A number in words. */
  word: (n: number) => string;
  /** The moment of a point in words. */
  when: (i: number) => string;
  bars?: boolean;
  /** What stands in place of the number of now. */
  head?: string;
}

/**
 * A number over the last hour, with its least, most and now. Pointing at it, or the arrow
 * keys, tell any point of it and show the axis.
 */
export function Sparkline({ title, points, word, when, bars = false, head }: Props) {
  const [at, setAt] = useState<number | null>(null);
  const sum = summary(points);
  if (!sum) return null;
  const last = points.length - 1;
  const told = (i: number): string => {
    const p = points[i] ?? null;
    return `${p === null ? 'not known' : word(p)}, ${when(i)}`;
  };
  const point = (event: PointerEvent): void => {
    const { left, width } = (event.currentTarget as HTMLElement).getBoundingClientRect();
    setAt(Math.max(0, Math.min(last, Math.floor(((event.clientX - left) / Math.max(1, width)) * points.length))));
  };
  const onKey = (event: KeyboardEvent): void => {
    const from = at ?? last;
    const to = ({ ArrowLeft: from - 1, ArrowRight: from + 1, ArrowDown: from - 10, ArrowUp: from + 10, Home: 0, End: last } as Readonly<Record<string, number>>)[event.key];
    if (to === undefined) return;
    event.preventDefault();
    setAt(Math.max(0, Math.min(last, to)));
  };
  const range = sum.min === sum.max ? `all ${word(sum.min)}` : `${word(sum.min)} to ${word(sum.max)}`;
  const now = head ?? (sum.now === null ? 'not known now' : word(sum.now));
  return (
    <div class={`spark${at === null ? '' : ' pointed'}`}>
      <div class="spark-head">
        <h4>{title}</h4>
        <b>{now}</b>
      </div>
      <div
        class="spark-area"
        role="slider"
        tabIndex={0}
        aria-label={`${title}: ${now}; in the last hour ${range}${sum.missing > 0 ? ', with gaps' : ''}`}
        aria-valuemin={0}
        aria-valuemax={last}
        aria-valuenow={at ?? last}
        aria-valuetext={told(at ?? last)}
        onPointerMove={point}
        onPointerLeave={() => setAt(null)}
        onKeyDown={onKey}
        onBlur={() => setAt(null)}
      >
        <Line points={points} height={HEIGHT} bars={bars} />
        {at !== null && (
          <>
            <i class="spark-rule" style={{ left: `${((at + 0.5) / points.length) * 100}%` }} />
            <span class="spark-axis most" aria-hidden="true">
              {word(sum.max)}
            </span>
            <span class="spark-axis" aria-hidden="true">
              {word(0)}
            </span>
          </>
        )}
      </div>
      <span class="spark-foot">{at === null ? range : told(at)}</span>
    </div>
  );
}

/** A line in a row of a table, and its words for those who don't see it. */
export function MiniLine({ points, word }: { points: Points; word: (n: number) => string }) {
  const sum = summary(points);
  if (!sum) return null;
  const text = sum.min === sum.max ? `all ${word(sum.min)}` : `${word(sum.min)} to ${word(sum.max)}`;
  return (
    <span class="mini-line" role="img" aria-label={text} title={`${text} in the last hour`}>
      <Line points={points} height={16} />
    </span>
  );
}
