import { useApp } from '../app';
import type { Incident } from '../api/types';
import { plural, shortMoment, span } from '../lib/format';
import { alertsLine, alikeEffects, confirmedOf, stateOfIncident, together, toneClass } from '../state/incidents';
import type { Resource } from '../state/resource';
import { formatRoute, goTo } from '../state/route';
import type { Trace } from '../state/trace';
import { CopyLink } from './Command';
import { Icon } from './Icon';
import { IncidentAck } from './IncidentAck';
import { RefName } from './IncidentCauses';
import { ProblemNote } from './Problem';
import { StateIcon } from './StateIcon';
import '../views/incidents.css';

interface Props {
  chosen: Resource<Incident | null>;
  trace: Trace | null;
}

/** The incident whose path the chart shows, in short: what it is, what is likely behind it, what follows. */
export function IncidentPanel({ chosen: { data, problem, reload }, trace }: Props) {
  const { route, navigate } = useApp();
  const close = (
    <button type="button" class="plain" aria-label="Close" title="Close (Esc)" onClick={() => navigate({ ...route.value, incident: '' })}>
      <Icon name="close" />
    </button>
  );
  if (!data) {
    return (
      <section>
        <div class="panel-title">
          <h2>Incident</h2>
          {close}
        </div>
        {problem && <ProblemNote problem={problem} onRetry={reload} />}
      </section>
    );
  }
  return (
    <div class={`incident-panel ${toneClass(data)}`} aria-label={data.title}>
      <section>
        <p class="small ink3">
          <Lasting incident={data} />
        </p>
        <div class="panel-title">
          <StateIcon state={stateOfIncident(data)} size={22} />
          <h2>{data.title}</h2>
          {close}
        </div>
        <p class="ink2">{data.sentence}</p>
        {trace?.boxes.size === 0 && <p class="ink2">Nothing of it is on this chart: it is hidden, or gone from the map.</p>}
      </section>
      <Causes incident={data} />
      <Confirmed incident={data} />
      <Predicted incident={data} />
      <div class="buttons start">
        <a class="button strong" href={formatRoute({ ...goTo(route.value, 'incidents'), incident: data.id })}>
          Open incident
        </a>
        <CopyLink to={formatRoute({ ...route.value, at: '' })} />
        <IncidentAck incident={data} onDone={reload} />
      </div>
    </div>
  );
}

function Lasting({ incident }: { incident: Incident }) {
  const { now, prefs } = useApp();
  const end = incident.resolved ? Date.parse(incident.resolved) : now.value;
  return (
    <>
      {incident.state === 'open' ? 'Open' : 'Resolved'}, since {shortMoment(incident.since, now.value, prefs.utc.value)}, {incident.state === 'open' ? 'for' : 'it took'} {span(end - Date.parse(incident.since))}, {alertsLine(incident)}
    </>
  );
}

function Causes({ incident }: { incident: Incident }) {
  const causes = incident.causes ?? [];
  if (causes.length === 0) return null;
  return (
    <section class="causes short">
      <div class="section-head">
        <h3>{incident.unclear ? 'Possible causes' : causes.length > 1 ? 'Likely causes' : 'Likely cause'}</h3>
      </div>
      <ol>
        {causes.map((c, i) => (
          <li key={c.component} class={i === 0 && !incident.unclear ? 'first' : ''}>
            <span class="place" aria-hidden="true">
              {i + 1}
            </span>
            <div>
              <div class="cause-head">
                <b>
                  <RefName of={c} />
                </b>
                <span class={`strength ${c.strength}`}>{c.strength}</span>
              </div>
              {i === 0 && (c.chips ?? []).length > 0 && (
                <div class="chips">
                  {(c.chips ?? []).map((chip) => (
                    <span key={chip} class="chip">
                      {chip}
                    </span>
                  ))}
                </div>
              )}
            </div>
          </li>
        ))}
      </ol>
    </section>
  );
}

/** So many rows stand beside the chart; the page has all. */
const MOST = 6;

function Confirmed({ incident }: { incident: Incident }) {
  const rows = confirmedOf(incident);
  if (rows.length === 0) return null;
  return (
    <section>
      <div class="section-head">
        <h3>Confirmed</h3>
        <span>alerting now</span>
      </div>
      <ul class="brief-list">
        {rows.slice(0, MOST).map(({ ref, refs, status, signal, checks }) => (
          <li key={ref.component}>
            <StateIcon state={signal ? 'SIGNAL' : status} />
            <span class="name">{refs.length > 1 ? <span title={refs.map((r) => r.node).join(', ')}>{together(refs)}</span> : <RefName of={ref} />}</span>
            <span class="small ink3">{plural(checks, 'check')}</span>
          </li>
        ))}
      </ul>
      {rows.length > MOST && <p class="small ink3">and {rows.length - MOST} more</p>}
    </section>
  );
}

function Predicted({ incident }: { incident: Incident }) {
  const effects = alikeEffects(incident.impact.predicted ?? []);
  if (incident.state !== 'open' || effects.length === 0) return null;
  return (
    <section>
      <div class="section-head">
        <h3>Predicted</h3>
        <span>would fail next</span>
      </div>
      <ul class="brief-list">
        {effects.slice(0, MOST).map(({ refs, why }) => (
          <li key={refs[0]?.component} title={why}>
            <StateIcon state="PREDICTED" />
            <span class="name">{refs.length > 1 ? together(refs) : refs.map((r) => <RefName key={r.component} of={r} />)}</span>
            <span class="small ink3">{refs.length > 1 ? '' : why}</span>
          </li>
        ))}
      </ul>
      {effects.length > MOST && <p class="small ink3">and {effects.length - MOST} more</p>}
    </section>
  );
}
