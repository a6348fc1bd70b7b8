import { useState } from 'preact/hooks';
import { useApp } from '../app';
import type { About, Moved, Service } from '../api/types';
import { plural } from '../lib/format';
import { aboutText, movedName } from '../state/mapping';
import { idLabel, knownAs, serviceLabel } from '../state/topology';
import { SHOWN } from './PanelParts';

interface Props {
  moves: readonly Moved[];
  /** Those of the site that the chart may not show. */
  services?: readonly Service[];
  /** What is said where nothing moves. */
  none: string;
  /** Of how many checks. */
  of?: number;
}

/** The checks that other rules move, from where to where. */
export function Moves({ moves, services = [], none, of }: Props) {
  const { feed } = useApp();
  const [all, setAll] = useState(false);
  if (moves.length === 0) return <p class="ink2">{none}</p>;
  const named = knownAs(feed.topology.value);
  const label = (id: string): string => {
    const known = services.find((s) => s.id === id) ?? feed.topology.value?.services.get(id);
    return known ? serviceLabel(known) : idLabel(id);
  };
  const text = (about: About): string => aboutText(about, label, named);
  const shown = all ? moves : moves.slice(0, SHOWN);
  return (
    <div class="moves">
      <p>
        <b>
          Changes {moves.length}
          {of === undefined ? '' : ` of ${of}`} {moves.length === 1 && of === undefined ? 'mapping' : 'mappings'}
        </b>
      </p>
      <ul>
        {shown.map((m) => (
          <li key={m.id}>
            <span class="moved-name">{movedName(m)}</span>
            <span class="ink3">{text(m.from)}</span>
            <span aria-label="to">→</span>
            <span>{text(m.to)}</span>
          </li>
        ))}
      </ul>
      {moves.length > shown.length && (
        <button type="button" class="plain" onClick={() => setAll(true)}>
          and {plural(moves.length - shown.length, 'more', 'more')}
        </button>
      )}
    </div>
  );
}
