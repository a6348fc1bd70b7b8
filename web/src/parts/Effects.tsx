import type { IncidentEffect, IncidentRef } from '../api/types';
import { plural } from '../lib/format';
import { alikeEffects, together } from '../state/incidents';
import { RefName } from './IncidentCauses';
import type { StateName } from './shapes';
import { StateIcon } from './StateIcon';

interface Props {
  title: string;
  aside: string;
  /** The shape before each: of all, or of the first of like ones. */
  state: StateName | ((of: IncidentRef) => StateName);
  effects: readonly IncidentEffect[];
  /** What stands where there is none; without it, nothing does. */
  none?: string;
}

/** What becomes of components that need what fails, like ones as one. */
export function Effects({ title, aside, state, effects, none = '' }: Props) {
  if (effects.length === 0 && !none) return null;
  return (
    <section class="effects">
      <div class="section-head">
        <h3>{title}</h3>
        <span>{aside}</span>
      </div>
      {effects.length === 0 && <p class="ink2">{none}</p>}
      <ul>
        {alikeEffects(effects).map(({ refs, why, hops }) => (
          <li key={refs[0]?.component}>
            <StateIcon state={typeof state === 'string' ? state : refs[0] ? state(refs[0]) : 'NONE'} silent={typeof state === 'string'} />
            <span>{refs.length > 1 ? <span title={refs.map((r) => r.node).join(', ')}>{together(refs)}</span> : refs.map((r) => <RefName key={r.component} of={r} />)}</span>
            <span class="ink2">
              {why}
              {hops > 1 && <span class="ink3">, {plural(hops - 1, 'step')} further</span>}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
