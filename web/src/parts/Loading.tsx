import { useEffect } from 'preact/hooks';
import { useApp } from '../app';
import { type Outline, outlineOf } from '../state/prefs';
import { waitingLine } from '../state/waiting';

/** What is waited for, once that takes long: a page says what it does, and for how long. */
export function Waiting() {
  const { waits, now } = useApp();
  const line = waits.value.length > 0 ? waitingLine(waits.value, now.value) : '';
  return (
    <div class="waiting" role="status">
      {line}
    </div>
  );
}

/** The lanes of the chart as they were when it was last seen: what comes will look like that. */
export function LaneOutline() {
  const { prefs } = useApp();
  const outline = prefs.outline.value;
  if (!outline) return <div class="outline whole" aria-label="Loading" role="img" />;
  return (
    <svg class="outline" role="img" aria-label="Loading" viewBox={`0 0 ${outline.w} ${outline.h}`} preserveAspectRatio="xMidYMid meet">
      {outline.lanes.map(([x, y, w, h]) => (
        <rect key={`${x} ${y}`} x={x} y={y} width={w} height={h} rx={12} vector-effect="non-scaling-stroke" />
      ))}
    </svg>
  );
}

/** Remembers the lanes for the next time; nothing but their places. */
export function useOutline(): void {
  const { feed, prefs } = useApp();
  const topology = feed.topology.value;
  const next = topology && outlineOf(topology);
  const text = JSON.stringify(next);
  useEffect(() => {
    if (next) prefs.outline.value = next satisfies Outline;
  }, [text]);
}
