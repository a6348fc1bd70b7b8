import { useApp } from '../app';
import type { Service } from '../api/types';
import { figure } from '../lib/format';
import { judgeOf } from '../state/health';
import type { Topology } from '../state/topology';
import { unnamed } from './columns';
import { ChartLink } from './PanelParts';
import { stateOf } from './shapes';
import { StateIcon } from './StateIcon';

/** The services of a box, in the panel. */
export function ServiceList({ topology, services }: { topology: Topology; services: readonly Service[] }) {
  const { now } = useApp();
  const judge = judgeOf(topology, now.value);
  return (
    <section>
      <div class="section-head">
        <h3>Services</h3>
        <span>{figure(services.length)}</span>
      </div>
      <ul class="list">
        {services.map((s) => (
          <li key={s.id}>
            <ChartLink to={{ kind: 'service', id: s.id }}>
              <StateIcon state={stateOf(s, judge.service(s).length > 0)} />
              <span class={`name${s.state === 'gone' ? ' gone' : ''}`}>{s.process || unnamed(s)}</span>
              <span class="mono">
                {s.protocol === 'udp' ? 'udp ' : ''}:{s.port}
              </span>
            </ChartLink>
          </li>
        ))}
      </ul>
    </section>
  );
}
