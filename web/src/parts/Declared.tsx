import { useApp } from '../app';
import type { Party } from '../api/types';
import { type Declaration, type DeclaredLine, WAY_WORDS, declarationsOf, observedWords } from '../state/declared';
import { useResource, useTurn } from '../state/resource';
import { formatRoute, showOnChart } from '../state/route';
import { idLabel, knownAs, serviceLabel } from '../state/topology';
import { StateIcon } from './StateIcon';

/** It changes when somebody changes a configuration: read again this often, ms. */
const AGAIN_MS = 30_000;

/** What people declared of a node in monitoring systems, beside what is observed; nothing where nobody did. */
export function Declared({ node }: { node: string }) {
  const { client, now, route } = useApp();
  const { at } = route.value;
  const round = useTurn(now, AGAIN_MS);
  const { data } = useResource(`declared ${node} ${at}`, String(round), (s) => (at ? Promise.resolve({ declared: [] }) : client.declared(node, s)));
  return (
    <>
      {declarationsOf(data?.declared ?? [], node).map((d) => (
        <OfSource key={d.source} declaration={d} />
      ))}
    </>
  );
}

function OfSource({ declaration: { source, groups, lines } }: { declaration: Declaration }) {
  return (
    <section class="declared" aria-label={`Declared in ${source}`}>
      <h3>Declared in {source}</h3>
      {lines.length > 0 && (
        <ul>
          {lines.map((l, i) => (
            <Line key={i} line={l} />
          ))}
        </ul>
      )}
      {groups.length > 0 && (
        <p class="declared-groups">
          <span class="ink3">Groups</span>
          {groups.map((g) => (
            <span key={g} class="chip">
              {g}
            </span>
          ))}
        </p>
      )}
    </section>
  );
}

function Line({ line: { way, own, other, observed } }: { line: DeclaredLine }) {
  const dependency = way === 'needs' || way === 'needed';
  return (
    <li>
      <span class="ink3">{WAY_WORDS[way]}</span>
      <span>
        <Other party={other} />
        {own && <span class="ink3"> for {own}</span>}
        {dependency && (
          <span class={`declared-seen ${observed === 'none' ? 'warning-text' : 'ink3'}`}>
            {observed === 'none' && <StateIcon state="WARNING" silent size={12} />} {observedWords(observed)}
          </span>
        )}
      </span>
    </li>
  );
}

/** The other end: on the chart where it is there, else as the monitoring system calls it. */
function Other({ party: { host, name, node, service } }: { party: Party }) {
  const { feed, route } = useApp();
  const topology = feed.topology.value;
  if (!node) {
    return (
      <>
        {host}
        {name ? ` ${name}` : ''} <span class="ink3">(no node)</span>
      </>
    );
  }
  const known = service ? topology?.services.get(service) : undefined;
  const what = service ? `${known ? serviceLabel(known) : idLabel(service)} on ` : '';
  return (
    <>
      <a href={formatRoute(showOnChart(route.value, service ? { kind: 'service', id: service } : { kind: 'node', id: node }))}>{`${what}${knownAs(topology)(node)}`}</a>
      {name && !service && <span class="ink3">, {name}</span>}
    </>
  );
}
