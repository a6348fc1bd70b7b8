import { useApp } from '../app';
import type { IncidentSummary } from '../api/types';
import { plural, shortMoment } from '../lib/format';
import { useNarrow } from '../parts/narrow';
import { ProblemNote } from '../parts/Problem';
import { StateIcon } from '../parts/StateIcon';
import { stateOfIncident, summaryLine, worstIncidents } from '../state/incidents';
import { useResource, useTurn } from '../state/resource';
import { formatRoute, goTo } from '../state/route';
import { IncidentCard } from './Incident';
import './incidents.css';

/** What is over is read again this often, ms. */
const AGAIN_MS = 30_000;
const WEEK_MS = 7 * 86_400_000;

/** The incidents, worst first, and one of them in full. On phones the list, then the card. */
export function IncidentsView() {
  const { route, incidents, client, now } = useApp();
  const round = useTurn(now, AGAIN_MS);
  const open = worstIncidents(incidents.value.filter((i) => i.state === 'open'));
  const past = useResource('resolved', `${round} ${open.length}`, (s) => client.incidents('resolved', new Date(now.peek() - WEEK_MS).toISOString(), s));
  const { incident } = route.value;
  const over = [...(past.data?.incidents ?? [])].filter((i) => !i.into).sort((a, b) => Date.parse(b.resolved ?? b.updated) - Date.parse(a.resolved ?? a.updated));
  const shown = incident || open[0]?.id || '';
  // On a narrow screen the list is a page of its own.
  const alone = useNarrow('(max-width: 780px)') && !incident;
  return (
    <div class={`incidents${incident ? ' one' : ''}`}>
      {alone && <h1>Incidents</h1>}
      <nav class="incident-list" aria-label="Incidents">
        <h2>Open</h2>
        {open.length === 0 && <Quiet />}
        <List incidents={open} shown={shown} />
        {over.length > 0 && <h2>Resolved, last 7 days</h2>}
        <List incidents={over} shown={shown} />
        {past.problem && <ProblemNote problem={past.problem} onRetry={past.reload} />}
      </nav>
      {!alone && <div class="incident-page">{shown ? <IncidentCard key={shown} id={shown} /> : <Nothing over={over.length} />}</div>}
    </div>
  );
}

function List({ incidents, shown }: { incidents: readonly IncidentSummary[]; shown: string }) {
  const { route, now, prefs } = useApp();
  return (
    <ul>
      {incidents.map((i) => (
        <li key={i.id}>
          <a href={formatRoute({ ...goTo(route.value, 'incidents'), incident: i.id })} aria-current={i.id === shown ? 'true' : undefined}>
            <StateIcon state={stateOfIncident(i)} />
            <span class="incident-title">{i.title}</span>
            <time class="small ink3" dateTime={i.since}>
              {shortMoment(i.since, now.peek(), prefs.utc.value)}
            </time>
            <span class="small ink2 incident-line">{summaryLine(i)}</span>
          </a>
        </li>
      ))}
    </ul>
  );
}

function Quiet() {
  const { sources } = useApp();
  return <p class="ink2 all-quiet">All quiet{sources.value.length > 0 ? '' : ', as far as the sockets tell: no monitoring system is read'}.</p>;
}

function Nothing({ over }: { over: number }) {
  return (
    <div class="nothing">
      <h1>All quiet</h1>
      <p class="ink2">Nothing is wrong by what is checked and seen. {over > 0 ? `${plural(over, 'incident was', 'incidents were')} resolved in the last 7 days.` : 'No incident ended in the last 7 days.'}</p>
    </div>
  );
}
