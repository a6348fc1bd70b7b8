import { useApp } from '../app';
import { moment, span } from '../lib/format';
import { showMoment } from '../state/route';
import { seenThen } from '../state/past';

const HOUR_MS = 3_600_000;

/** Says on every page that it shows the past, what could not be seen then, and the way back. */
export function AsOf() {
  const { feed, route, navigate, now, prefs } = useApp();
  const { at } = route.value;
  if (!at) return null;
  const ms = Date.parse(at);
  const go = (by: number): void => navigate(showMoment(route.value, new Date(Math.min(ms + by, now.value)).toISOString()));
  const blind = seenThen(feed.topology.value?.gaps ?? [], prefs.utc.value);
  return (
    <div class="banner asof" role="status">
      <b>As of {moment(at, prefs.utc.value)}</b>
      <span>{span(Math.max(0, now.value - ms))} ago, not live.</span>
      {blind && <span class="blind">{blind}</span>}
      <span class="gap" />
      <button type="button" onClick={() => go(-HOUR_MS)}>
        An hour earlier
      </button>
      <button type="button" onClick={() => go(HOUR_MS)}>
        An hour later
      </button>
      <button type="button" class="primary" onClick={() => navigate(showMoment(route.value, ''))}>
        Back to live
      </button>
    </div>
  );
}
