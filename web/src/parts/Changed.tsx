import { useApp } from '../app';
import { figure } from '../lib/format';
import { eventText, routeOfEvent } from '../state/past';
import { useResource, useTurn } from '../state/resource';
import { compareWith, formatRoute, goTo } from '../state/route';
import { knownAs } from '../state/topology';
import { MARK_SHAPES } from './shapes';
import { StateIcon } from './StateIcon';
import { Age } from './Time';

const DAY_MS = 86_400_000;
/** What changed is read again this often, ms. */
const AGAIN_MS = 60_000;
/** So many changes are told, of so many that are counted. */
const TOLD = 5;
const COUNTED = 500;

/** What changed of nodes, services and connections within a day, the newest first; nothing where nothing did. */
export function ChangedToday() {
  const { client, feed, now, route } = useApp();
  const { data } = useResource('changed today', String(useTurn(now, AGAIN_MS)), (s) => client.events({ from: '-24h', to: '', limit: COUNTED }, s));
  const events = (data?.events ?? []).filter((e) => e.subject !== 'check');
  if (!data || events.length === 0) return null;
  const named = knownAs(feed.topology.value);
  const yesterday = new Date(Math.floor((now.peek() - DAY_MS) / AGAIN_MS) * AGAIN_MS).toISOString();
  return (
    <section class="changed-today" aria-label="Changed today">
      <div class="section-head">
        <h3>Changed in a day</h3>
        <span>
          {figure(events.length)}
          {data.more ? ' or more' : ''} changes
        </span>
      </div>
      <ul class="list">
        {events.slice(0, TOLD).map((e) => (
          <li key={`${e.at} ${e.kind} ${e.id}`}>
            <a href={formatRoute(routeOfEvent(route.value, e))}>
              <StateIcon state={MARK_SHAPES[e.kind]} />
              <span class="name">{eventText(e, named)}</span>
              <span class="small ink3">
                <Age at={e.at} />
              </span>
            </a>
          </li>
        ))}
      </ul>
      <a href={formatRoute({ ...compareWith(goTo(route.value, 'history'), yesterday), half: 'compare' })}>Compare with yesterday</a>
    </section>
  );
}
