import { useApp } from '../app';
import type { Comparison } from '../api/types';
import { longSpan, spokenMoment } from '../lib/format';
import { changeRows, countsLine } from '../state/compare';
import { seenThen } from '../state/past';
import { type Route, compareWith, formatRoute, goTo, showMoment } from '../state/route';
import { Icon } from './Icon';

const HOUR_MS = 3_600_000;

const STEPS: readonly (readonly [string, number, string])[] = [
  ['A day earlier', -24 * HOUR_MS, 'wide-only'],
  ['An hour earlier', -HOUR_MS, ''],
  ['An hour later', HOUR_MS, ''],
  ['A day later', 24 * HOUR_MS, 'wide-only'],
];

/** The page so much later, or live where that is not over yet. */
export function stepped(route: Route, by: number, now: number): Route {
  const to = Date.parse(route.at) + by;
  return showMoment(route, to >= now ? '' : new Date(to).toISOString());
}

/** Says on every page that it shows the past, what could not be seen then, and the way back. */
export function AsOf() {
  const { route } = useApp();
  const { at, from } = route.value;
  return (
    <>
      {at && <Past at={at} />}
      {from && <Compared from={from} at={at} />}
    </>
  );
}

function Past({ at }: { at: string }) {
  const { feed, route, navigate, now, prefs } = useApp();
  const blind = seenThen(feed.topology.value?.gaps ?? [], prefs.utc.value);
  return (
    <div class={`banner asof${blind ? ' unseen' : ''}`} role="status">
      <Icon name="history" />
      <span>
        <b>As of {spokenMoment(at, now.value, prefs.utc.value)}</b> <span class="ago">({longSpan(Math.max(0, now.value - Date.parse(at)))} ago)</span>
      </span>
      <button type="button" class="strong" onClick={() => navigate(showMoment(route.value, ''))}>
        Back to live
      </button>
      {blind && <span class="blind">{blind}</span>}
      <span class="gap" />
      <span class="steps-row" role="group" aria-label="Another moment">
        {STEPS.map(([title, by, where]) => (
          <button key={title} type="button" class={where} onClick={() => navigate(stepped(route.value, by, now.value))}>
            {title}
          </button>
        ))}
      </span>
    </div>
  );
}

function Compared({ from, at }: { from: string; at: string }) {
  const { other, route, navigate, now, prefs } = useApp();
  const said = (moment: string): string => spokenMoment(moment, now.value, prefs.utc.value);
  return (
    <div class="banner asof compared" role="status">
      <span>
        <span class="letter">A</span> <b>{said(from)}</b> to <span class="letter">B</span> <b>{at ? said(at) : 'now'}</b>
      </span>
      <span>{difference(other.value?.diff ?? null)}</span>
      <span class="gap" />
      {route.value.view !== 'chart' && <a href={formatRoute(goTo(route.value, 'chart'))}>On the chart</a>}
      {route.value.half !== 'compare' && <a href={formatRoute({ ...goTo(route.value, 'history'), half: 'compare' })}>As a list</a>}
      <button type="button" onClick={() => navigate(compareWith(route.value, ''))}>
        End the comparison
      </button>
    </div>
  );
}

function difference(diff: Comparison | null): string {
  return diff ? countsLine(changeRows(diff)) : '';
}
