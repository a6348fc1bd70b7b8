import { useApp } from '../app';
import type { Incident } from '../api/types';
import { capital, figure, moment, plural, shortMoment, span } from '../lib/format';
import { CopyLink } from '../parts/Command';
import { Effects } from '../parts/Effects';
import { Icon } from '../parts/Icon';
import { IncidentAck } from '../parts/IncidentAck';
import { Causes, RefName } from '../parts/IncidentCauses';
import { IncidentPath } from '../parts/IncidentPath';
import { OrderInTime } from '../parts/OrderInTime';
import { ProblemNote } from '../parts/Problem';
import { StateIcon } from '../parts/StateIcon';
import { Moment } from '../parts/Time';
import { type Confirmed, alertsLine, badNow, confirmedOf, pathOf, selectionOf, stateOfIncident, together, toneClass } from '../state/incidents';
import { useIncidentTurn } from '../parts/news';
import { useResource } from '../state/resource';
import { ask, formatRoute, goTo, showPath } from '../state/route';

/** Boxes of a path beside each other. */
const WIDE = 6;

/** One incident in full: what happened, what is likely behind it, what follows, what is not known. */
export function IncidentCard({ id }: { id: string }) {
  const { client, incidents } = useApp();
  // The list of open ones says when it changed; of another nobody says more than that something did.
  const known = incidents.value.find((i) => i.id === id);
  const turn = useIncidentTurn();
  const { data, problem, reload } = useResource(`incident ${id}`, known?.updated ?? turn, (s) => client.incident(id, s));
  if (problem && !data) return <ProblemNote problem={problem} onRetry={reload} />;
  if (!data) return null;
  return (
    <article class={`incident ${toneClass(data)}`} aria-label={data.title}>
      <Head incident={data} onChange={reload} />
      <Path incident={data} />
      <div class="incident-columns">
        <Causes incident={data} />
        <OrderInTime incident={data} />
        <Predicted incident={data} />
        <ConfirmedTable incident={data} />
        <NotVisible incident={data} />
        <Before incident={data} />
      </div>
      <Timeline incident={data} />
    </article>
  );
}

function Head({ incident, onChange }: { incident: Incident; onChange: () => void }) {
  const { route } = useApp();
  return (
    <header class="incident-head">
      <a class="back" href={formatRoute({ ...goTo(route.value, 'incidents') })}>
        <Icon name="left" /> Incidents
      </a>
      <p class="small ink3">
        <Lasting incident={incident} />
        {incident.reopened ? `, came back ${plural(incident.reopened, 'time')}` : ''}
      </p>
      <h1>
        <StateIcon state={stateOfIncident(incident)} size={22} /> {incident.title}
      </h1>
      <p class="lead">
        {incident.sentence}
      </p>
      {incident.acknowledged && (
        <p class="ink2">
          {capital(incident.acknowledged.by)} takes care of it, since <Moment at={incident.acknowledged.at} />
          {incident.acknowledged.comment ? `: “${incident.acknowledged.comment}”` : ''}
        </p>
      )}
      {incident.into && (
        <p class="ink2">
          It turned out to be one with <a href={formatRoute({ ...goTo(route.value, 'incidents'), incident: incident.into })}>another incident</a>.
        </p>
      )}
      {incident.from && (
        <p class="ink2">
          It came out of <a href={formatRoute({ ...goTo(route.value, 'incidents'), incident: incident.from })}>another incident</a>, as its alerts have nothing to do with the others.
        </p>
      )}
      <div class="buttons">
        <CopyLink to={formatRoute({ ...goTo(route.value, 'incidents'), at: '', incident: incident.id })} />
        <a class="button" href={formatRoute(showPath(route.value, incident.id))}>
          Show on chart
        </a>
        <IncidentAck incident={incident} onDone={onChange} />
      </div>
    </header>
  );
}

/** `since 02:13, for 9 min`; of one that is over, when and how long. */
function Lasting({ incident }: { incident: Incident }) {
  const { now, prefs } = useApp();
  const utc = prefs.utc.value;
  const end = incident.resolved ? Date.parse(incident.resolved) : now.value;
  const from = shortMoment(incident.since, now.value, utc);
  return (
    <span title={moment(incident.since, utc)}>
      {incident.state === 'open' ? 'Open' : 'Resolved'}, since {from}
      {utc ? ' UTC' : ''}, {incident.state === 'open' ? 'for' : 'it took'} {span(end - Date.parse(incident.since))}, {alertsLine(incident)}
    </span>
  );
}

function Path({ incident }: { incident: Incident }) {
  const cause = (incident.causes ?? [])[0];
  if (!cause || incident.unclear) return null;
  return <IncidentPath path={pathOf(cause, badNow(incident))} most={WIDE} />;
}

function Predicted({ incident }: { incident: Incident }) {
  const { route } = useApp();
  const { predicted, possible, spared, more } = incident.impact;
  const [cause] = incident.causes ?? [];
  const selection = cause ? selectionOf(cause) : null;
  return (
    <div>
      <Effects title="Predicted" aside="would fail next" state="PREDICTED" effects={predicted ?? []} none={incident.state !== 'open' ? '' : incident.unclear ? 'Nothing is predicted while the cause is unclear.' : 'Nothing else is likely to fail by what is known.'} />
      <Effects title="Possible" aside="may fail, nothing says how likely" state="NONE" effects={possible ?? []} none="" />
      <Effects title="Spared" aside="something stands in" state="OK" effects={spared ?? []} none="" />
      {more ? <p class="small ink3">and {figure(more)} more</p> : null}
      {selection && (
        <p class="ask">
          <a href={formatRoute(ask(route.value, 'fails', [selection.id]))}>What if something else failed with it?</a>
        </p>
      )}
    </div>
  );
}

function ConfirmedTable({ incident }: { incident: Incident }) {
  const rows = confirmedOf(incident);
  if (rows.length === 0) return null;
  return (
    <section class="confirmed">
      <div class="section-head">
        <h3>Confirmed</h3>
        <span>alerting now</span>
      </div>
      <ul>
        {rows.map((row) => (
          <ConfirmedRow key={row.ref.component} row={row} />
        ))}
      </ul>
    </section>
  );
}

function ConfirmedRow({ row }: { row: Confirmed }) {
  const { now, prefs } = useApp();
  const { ref, refs, status, signal, checks, output, since } = row;
  return (
    <li>
      <StateIcon state={signal ? 'SIGNAL' : status} />
      <span class="confirmed-name">
        {refs.length > 1 ? <span title={refs.map((r) => r.node).join(', ')}>{together(refs)}</span> : <RefName of={ref} />}
        {checks > 1 && <span class="ink3 small"> {plural(checks, 'check')}</span>}
      </span>
      <span class="ink2 quote">{output && `“${output}”`}</span>
      <time class="small ink2" dateTime={since} title={moment(since, prefs.utc.value)}>
        {shortMoment(since, now.peek(), prefs.utc.value)}
      </time>
    </li>
  );
}

/** Near the trouble, and nothing is known of it. */
function NotVisible({ incident }: { incident: Incident }) {
  const refs = incident.not_visible ?? [];
  if (refs.length === 0) return null;
  return (
    <section>
      <div class="section-head">
        <h3>Not visible</h3>
        <span>silent, or nobody watches it</span>
      </div>
      <p class="ink2">
        {refs.map((r, i) => (
          <span key={r.component}>
            {i > 0 && ', '}
            <RefName of={r} />
          </span>
        ))}
      </p>
    </section>
  );
}

/** What was seen to change on the chart in the half hour before: an observation, not a cause. */
function Before({ incident }: { incident: Incident }) {
  const { now, prefs } = useApp();
  const changes = incident.changes ?? [];
  if (changes.length === 0) return null;
  return (
    <section>
      <div class="section-head">
        <h3>Changed before</h3>
        <span>in the half hour before it began</span>
      </div>
      <ul class="entries">
        {changes.map((c) => (
          <li key={`${c.at} ${c.component} ${c.what}`}>
            <time class="small ink2" dateTime={c.at} title={moment(c.at, prefs.utc.value)}>
              {shortMoment(c.at, now.peek(), prefs.utc.value)}
            </time>
            <span>
              <RefName of={c} /> <span class="ink2">{c.what}</span>
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Timeline({ incident }: { incident: Incident }) {
  const { now, prefs } = useApp();
  const entries = [...(incident.timeline ?? [])].reverse();
  if (entries.length === 0) return null;
  return (
    <section>
      <div class="section-head">
        <h3>Timeline</h3>
        <span>the newest first{prefs.utc.value ? ', UTC' : ''}</span>
      </div>
      <ul class="entries">
        {entries.map((e, i) => (
          <li key={`${e.at} ${i}`}>
            <time class="small ink2" dateTime={e.at} title={moment(e.at, prefs.utc.value)}>
              {shortMoment(e.at, now.peek(), prefs.utc.value)}
            </time>
            <span>{e.text}</span>
          </li>
        ))}
      </ul>
      {incident.timeline_dropped ? <p class="small ink3">and {plural(incident.timeline_dropped, 'older entry', 'older entries')} that there was no room for</p> : null}
    </section>
  );
}
