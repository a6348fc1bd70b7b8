import { useApp } from '../app';
import type { Incident, IncidentCause, IncidentRef } from '../api/types';
import { selectionOf, wayTo } from '../state/incidents';
import { formatRoute } from '../state/route';

/** A component with the way to it. */
export function RefName({ of }: { of: IncidentRef }) {
  const { route } = useApp();
  const way = wayTo(route.value, of);
  return way && selectionOf(of) ? <a href={formatRoute(way)}>{of.name}</a> : <>{of.name}</>;
}

/** The likely causes, the likeliest first. Where the cause is unclear, no number is red. */
export function Causes({ incident }: { incident: Incident }) {
  const causes = incident.causes ?? [];
  return (
    <section class="causes">
      <div class="section-head">
        <h3>{incident.unclear ? 'Possible causes' : 'Likely causes'}</h3>
        <span>strength of the evidence</span>
      </div>
      {incident.unsure && <p class="ink2">{incident.unsure}</p>}
      {causes.length === 0 && <p class="ink2">Nothing tells what is behind it.</p>}
      <ol>
        {causes.map((c, i) => (
          <Cause key={c.component} cause={c} place={i + 1} sure={i === 0 && !incident.unclear} />
        ))}
      </ol>
    </section>
  );
}

function Cause({ cause, place, sure }: { cause: IncidentCause; place: number; sure: boolean }) {
  return (
    <li class={sure ? 'first' : ''}>
      <span class="place" aria-hidden="true">
        {place}
      </span>
      <div>
        <div class="cause-head">
          <b>
            <RefName of={cause} />
          </b>
          <span class={`strength ${cause.strength}`}>{cause.strength}</span>
        </div>
        <p class="ink2">{cause.sentence}</p>
        {(cause.chips ?? []).length > 0 && (
          <div class="chips">
            {(cause.chips ?? []).map((c) => (
              <span key={c} class="chip">
                {c}
              </span>
            ))}
          </div>
        )}
      </div>
    </li>
  );
}
