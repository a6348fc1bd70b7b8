import { useApp } from '../app';
import type { IncidentSummary } from '../api/types';
import { stateOfIncident, summaryLine } from '../state/incidents';
import { formatRoute, goTo, showPath } from '../state/route';
import { RefName } from './IncidentCauses';
import { StateIcon } from './StateIcon';
import { Since } from './Time';

/** So many are listed beside the chart. */
const MOST = 5;

/** What is wrong, beside the chart: one incident as a small card, several as a list; each leads to its path on the chart. Nothing while all is quiet, or in the past. */
export function OpenIncidents() {
  const { incidents, route } = useApp();
  const list = incidents.value;
  if (list.length === 0 || route.value.at) return null;
  const [first] = list;
  return (
    <section class="open-incidents" aria-label="Open incidents">
      {list.length === 1 && first ? <Brief incident={first} /> : list.slice(0, MOST).map((i) => <Line key={i.id} incident={i} />)}
      {list.length > MOST && <a href={formatRoute(goTo(route.value, 'incidents'))}>and {list.length - MOST} more</a>}
    </section>
  );
}

function Line({ incident }: { incident: IncidentSummary }) {
  const { route } = useApp();
  return (
    <a class="incident-brief" href={formatRoute(showPath(route.value, incident.id))}>
      <StateIcon state={stateOfIncident(incident)} />
      <b>{incident.title}</b>
      <span class="small ink2">{summaryLine(incident)}</span>
    </a>
  );
}

function Brief({ incident }: { incident: IncidentSummary }) {
  const { route } = useApp();
  return (
    <>
      <p class="small ink3">
        <Since at={incident.since} />
      </p>
      <h2 class="incident-name">
        <StateIcon state={stateOfIncident(incident)} size={16} /> {incident.title}
      </h2>
      <p class="ink2">{incident.sentence}</p>
      {incident.cause && !incident.unclear && (
        <p>
          <span class="ink3">Likely cause:</span> <RefName of={incident.cause} /> <span class="ink3">({incident.strength})</span>
        </p>
      )}
      <div class="buttons start">
        <a class="button strong" href={formatRoute(showPath(route.value, incident.id))}>
          Show its path
        </a>
        <a class="button" href={formatRoute({ ...goTo(route.value, 'incidents'), incident: incident.id })}>
          Open incident
        </a>
      </div>
    </>
  );
}
