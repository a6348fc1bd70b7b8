import { useComputed } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';
import { useApp } from '../app';
import { figure, moment } from '../lib/format';
import { STAY_MS, boxOf, newTrouble, pixelShift, troublesOf, wallScale } from '../state/wall';
import { byStatus, others } from '../state/checks';
import { coverageLine } from '../state/words';
import { Mark } from './Icon';
import { StateIcon } from './StateIcon';
import { Insecure, LiveState, Origin } from './TopBar';

/** How much all is enlarged on a wall; 1 elsewhere. The chart's canvas gets as many more pixels. */
export function useWallScale(): number {
  const { wall, chart } = useApp();
  const [scale, setScale] = useState(wall ? wallScale(innerHeight) : 1);
  useEffect(() => {
    if (!wall) return undefined;
    const measure = (): void => setScale(wallScale(innerHeight));
    addEventListener('resize', measure);
    return () => removeEventListener('resize', measure);
  }, [wall]);
  chart.enlarged = scale;
  return scale;
}

/** Where the picture of a wall stands at the moment. */
export function useWallStyle(scale: number): { zoom: string; transform: string } {
  const { now } = useApp();
  const { x, y } = useComputed(() => pixelShift(now.value)).value;
  return { zoom: String(scale), transform: `translate(${x}px, ${y}px)` };
}

/** What a wall has in place of the top bar: how much trouble there is, and how old what is shown is. */
export function WallBar() {
  const { alerts, sources, feed, now, prefs } = useApp();
  const topology = feed.topology.value;
  const open = byStatus(alerts.value);
  return (
    <header class="top wall-bar">
      <span class="mark">
        <Mark />
        dotm
      </span>
      <Origin />
      <Insecure />
      <span class="wall-counts">
        {open.map(([status, n]) => (
          <span key={status}>
            <StateIcon state={status} size={24} /> <b>{figure(n)}</b>
          </span>
        ))}
        {others(sources.value).length > 0 && open.length === 0 && (
          <span>
            <StateIcon state="OK" size={24} silent /> no alert
          </span>
        )}
      </span>
      <span class="gap" />
      {topology && <span class="ink2">{coverageLine(topology.coverage)}</span>}
      <LiveState always />
      <time class="wall-clock">{moment(new Date(now.value).toISOString(), prefs.utc.value)}</time>
    </header>
  );
}

/** What is read in so long after the start was there before, ms: chart and alerts come one by one. */
const FIRST_MS = 10_000;

/** Nobody moves the camera of a wall: it shows everything, and once each new trouble. */
export function WallCamera() {
  const { chart, feed, alerts, now } = useApp();
  const seen = useRef<Set<string> | null>(null);
  const started = useRef(Date.now());
  const back = useRef(0);
  const topology = feed.topology.value;
  const known = alerts.value;
  useEffect(() => {
    if (!topology) return;
    const troubles = troublesOf(topology, known, Date.now());
    const first = Date.now() - started.current < FIRST_MS;
    const news = newTrouble(first ? null : seen.current, troubles);
    seen.current = new Set([...(seen.current ?? []), ...troubles.map((t) => t.key)]);
    const box = news ? boxOf(topology, news.node) : '';
    if (!box) return;
    chart.focusAround(box, new Set());
    back.current = Date.now() + STAY_MS;
  }, [topology, known]);
  const due = back.current > 0 && now.value >= back.current;
  useEffect(() => {
    if (!due) return;
    back.current = 0;
    chart.fit();
  }, [due]);
  return null;
}
