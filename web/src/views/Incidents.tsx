import { useApp } from '../app';
import type { IncidentSummary } from '../api/types';
import { listMoment, moment, plural, span } from '../lib/format';
import { IncidentAck } from '../parts/IncidentAck';
import { PathChain } from '../parts/IncidentPath';
import { useNarrow } from '../parts/narrow';
import { ProblemNote } from '../parts/Problem';
import { StateIcon } from '../parts/StateIcon';
import { monitors } from '../state/checks';
import { alikeEffects, badNow, confirmedOf, pathOf, stateOfIncident, summaryLine, together, toneClass, worstIncidents } from '../state/incidents';
import { useIncidentTurn } from '../parts/news';
import { useResource } from '../state/resource';
import { formatRoute, goTo, showPath } from '../state/route';
import { IncidentCard } from './Incident';
import './incidents.css';

const WEEK_MS = 7 * 86_400_000;

/** The incidents, worst first, and one of them in full. On phones the list, then the card. */
export function IncidentsView() {
  const { route, incidents, client, now, prefs } = useApp();
  const turn = useIncidentTurn();
  const open = worstIncidents(incidents.value.filter((i) => i.state === 'open'));
  const past = useResource('resolved', turn, (s) => client.incidents('resolved', new Date(now.peek() - WEEK_MS).toISOString(), s));
  const { incident } = route.value;
  const over = [...(past.data?.incidents ?? [])].filter((i) => !i.into).sort((a, b) => Date.parse(b.resolved ?? b.updated) - Date.parse(a.resolved ?? a.updated));
  const shown = incident || open[0]?.id || '';
  const narrow = useNarrow(NARROW);
  if (narrow && !incident) return <Phone open={open} over={over} />;
  return (
    <div class={`incidents${incident ? ' one' : ''}`}>
      <nav class="incident-list" aria-label="Incidents">
        <div class="list-head">
          <h2>Open</h2>
          {open.length + over.length > 0 && <span class="small ink3">{prefs.utc.value ? 'times in UTC' : 'local times'}</span>}
        </div>
        {open.length === 0 && <Quiet />}
        <List incidents={open} shown={shown} />
        {over.length > 0 && <h2>Resolved, last 7 days</h2>}
        <List incidents={over} shown={shown} />
        {past.problem && <ProblemNote problem={past.problem} onRetry={past.reload} />}
      </nav>
      <div class="incident-page">{shown ? <IncidentCard key={shown} id={shown} /> : <Nothing over={over.length} />}</div>
    </div>
  );
}

/** As in the style: from here on there is room for one thing at a time. */
const NARROW = '(max-width: 780px)';

/** The worst one in short, the others by their titles, what is over behind one line. */
function Phone({ open, over }: { open: readonly IncidentSummary[]; over: readonly IncidentSummary[] }) {
  const [first, ...others] = open;
  return (
    <div class="incidents phone">
      {first && <h1 class="hidden">Incidents</h1>}
      {first ? <Short key={first.id} incident={first} /> : <Nothing over={over.length} />}
      {others.length > 0 && (
        <nav class="incident-list" aria-label="Other incidents">
          <List incidents={others} shown="" />
        </nav>
      )}
      {over.length > 0 && (
        <details class="incident-over">
          <summary>
            <StateIcon state="OK" silent /> {over.length} resolved in the last 7 days
          </summary>
          <nav class="incident-list" aria-label="Resolved incidents">
            <List incidents={over} shown="" />
          </nav>
        </details>
      )}
    </div>
  );
}

/** So many rows say what is bad. */
const MOST_ROWS = 5;

/** What to know of an incident on a phone: what, since when, the path, what is bad, what is next. */
function Short({ incident }: { incident: IncidentSummary }) {
  const { client, route, now } = useApp();
  const { data, reload } = useResource(`incident ${incident.id}`, incident.updated, (s) => client.incident(incident.id, s));
  const link = formatRoute({ ...goTo(route.value, 'incidents'), incident: incident.id });
  const rows = data ? confirmedOf(data) : [];
  const next = alikeEffects(data?.impact.predicted ?? []);
  const [cause] = data?.causes ?? [];
  return (
    <article class={`incident-short ${toneClass(incident)}`} aria-label={incident.title}>
      <h2>
        <StateIcon state={stateOfIncident(incident)} size={22} />
        <a href={link}>{incident.title}</a>
        <time class="small ink3" dateTime={incident.since}>
          {span(now.value - Date.parse(incident.since))}
        </time>
      </h2>
      <p class="ink2">{incident.sentence}</p>
      {data && cause && !data.unclear && <PathChain path={pathOf(cause, badNow(data))} />}
      <ul class="brief-list">
        {rows.slice(0, MOST_ROWS).map(({ ref, refs, status, signal, checks }) => (
          <li key={ref.component}>
            <StateIcon state={signal ? 'SIGNAL' : status} />
            <span class="name">{together(refs)}</span>
            <span class="small ink3">{plural(checks, 'check')}</span>
          </li>
        ))}
        {rows.length > MOST_ROWS && <li class="small ink3">and {rows.length - MOST_ROWS} more</li>}
        {next.slice(0, MOST_ROWS).map(({ refs }) => (
          <li key={refs[0]?.component}>
            <StateIcon state="PREDICTED" />
            <span class="name">{together(refs)}</span>
            <span class="small ink3">likely next</span>
          </li>
        ))}
        {next.length > MOST_ROWS && <li class="small ink3">and {next.length - MOST_ROWS} more likely next</li>}
      </ul>
      <div class="buttons">
        {data && <IncidentAck incident={data} onDone={reload} />}
        <a class="button" href={formatRoute(showPath(route.value, incident.id))}>
          Show on chart
        </a>
        <a class="button" href={link}>
          {incident.unclear ? 'What is known' : 'Why this cause'}
        </a>
      </div>
    </article>
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
            <time class="small ink3" dateTime={i.since} title={moment(i.since, prefs.utc.value)}>
              {listMoment(i.since, now.peek(), prefs.utc.value)}
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
  return <p class="ink2 all-quiet">All quiet{sources.value.some(monitors) ? '' : ', as far as the sockets tell: no monitoring system is read'}.</p>;
}

function Nothing({ over }: { over: number }) {
  return (
    <div class="nothing">
      <h1>All quiet</h1>
      <p class="ink2">Nothing is wrong by what is checked and seen. {over > 0 ? `${plural(over, 'incident was', 'incidents were')} resolved in the last 7 days.` : 'No incident ended in the last 7 days.'}</p>
    </div>
  );
}
