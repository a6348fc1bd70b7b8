import { useState } from 'preact/hooks';
import { useApp } from '../app';
import type { Service } from '../api/types';
import { figure, plural } from '../lib/format';
import { usesSentence } from '../state/past';
import { useResource } from '../state/resource';
import { NodeName } from './NodeName';
import { SHOWN } from './PanelParts';
import { ProblemNote } from './Problem';
import { Age } from './Time';

const DAYS = [7, 30, 400] as const;

/** Who used a service of late, and how much of that time was seen. */
export function Uses({ service }: { service: Pick<Service, 'id'> }) {
  const { client } = useApp();
  const [days, setDays] = useState<number>(30);
  const [all, setAll] = useState(false);
  const { data, problem, reload } = useResource(`uses ${service.id} ${days}`, '', (s) => client.uses(service.id, days, s));
  const uses = data?.uses ?? [];
  const shown = all ? uses : uses.slice(0, SHOWN);
  return (
    <section class="uses">
      <div class="section-head">
        <h3>Who used it in the last {days} days</h3>
        {data && <span>{figure(uses.length)}</span>}
      </div>
      <div class="segments" role="group" aria-label="How far back">
        {DAYS.map((n) => (
          <button key={n} type="button" aria-pressed={days === n} onClick={() => setDays(n)}>
            {n} days
          </button>
        ))}
      </div>
      {problem && <ProblemNote problem={problem} onRetry={reload} />}
      {shown.length > 0 && (
        <ul class="list">
          {shown.map((u) => (
            <li key={u.connection}>
              <span class="item">
                <span class="name">
                  <NodeName name={u.client.node} /> <span class="ink3">{u.client.process || (u.client.container ?? '')}{u.observer ? ' (observer, counts for nothing)' : ''}</span>
                </span>
                <span class="ink3">
                  <Age at={u.last} />
                </span>
              </span>
            </li>
          ))}
        </ul>
      )}
      {uses.length > shown.length && (
        <button type="button" class="plain" onClick={() => setAll(true)}>
          and {plural(uses.length - shown.length, 'more', 'more')}
        </button>
      )}
      {data && <p class="small ink3">{usesSentence(data)}</p>}
    </section>
  );
}
