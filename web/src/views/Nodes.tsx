import { useComputed } from '@preact/signals';
import { useMemo, useRef, useState } from 'preact/hooks';
import { useApp } from '../app';
import type { NodeList, SuggestionList } from '../api/types';
import { figure, plural } from '../lib/format';
import { ProblemNote } from '../parts/Problem';
import { NoteText } from '../parts/SidePanel';
import { Table } from '../parts/Table';
import { type FleetRow, NODE_FILTERS, type NodeFilter, fleetLine, fleetNodes, fleetRows, isOf, narrowed, sharedNotes } from '../state/fleet';
import { type Resource, useResource } from '../state/resource';
import { type NodesList, showList, showNode } from '../state/route';
import { AddNode } from './AddNode';
import { Agents } from './Agents';
import { Asked } from './Asked';
import { Suggestions } from './Suggestions';
import { fleetColumns } from '../parts/fleetColumns';

/** What is asked goes on without the chart changing: read again this often, ms. */
const POLL_MS = 5_000;

/** Every node of the site: those that report, those that are asked, those that could report. */
export function NodesView() {
  const { client, feed, now, route, navigate, session } = useApp();
  const revision = feed.topology.value?.revision ?? '';
  const asking = useRef(false);
  // Asked for always: what is not read in a rendering does not bring the next one.
  const beat = useComputed(() => Math.floor(now.value / POLL_MS)).value;
  const turn = asking.current || route.value.list === 'asked' ? beat : 0;
  const nodes = useResource('nodes', `${revision} ${turn}`, (s) => client.nodes(s));
  const suggestions = useResource('suggestions', revision, (s) => client.suggestions(s));
  const [adding, setAdding] = useState(false);
  asking.current = (nodes.data?.targets?.length ?? 0) > 0;
  const reload = (): void => {
    nodes.reload();
    suggestions.reload();
  };
  const rows = useMemo(() => (nodes.data ? fleetRows(nodes.data) : []), [nodes.data]);
  return (
    <div class="scroll">
      <div class="headline">
        <h1>Nodes</h1>
        {nodes.data && <span class="ink2">{fleetLine(rows)}</span>}
        <span class="gap" />
        {session.mayAdmit.value && (
          <button type="button" class="strong" onClick={() => setAdding(true)}>
            Add a node
          </button>
        )}
      </div>
      <ListTabs rows={rows} nodes={nodes.data} suggestions={suggestions.data} />
      <CurrentList rows={rows} nodes={nodes} suggestions={suggestions} reload={reload} />
      {adding && (
        <AddNode
          onClose={() => setAdding(false)}
          onAdded={() => {
            setAdding(false);
            navigate(showList(route.value, 'asked'));
            reload();
          }}
        />
      )}
    </div>
  );
}

interface TabsProps {
  rows: readonly FleetRow[];
  nodes: NodeList | null;
  suggestions: SuggestionList | null;
}

function ListTabs({ rows, nodes, suggestions }: TabsProps) {
  const { route, navigate, session } = useApp();
  const { list } = route.value;
  const tabs: readonly (readonly [NodesList, string, number | null])[] = [
    ['', 'Nodes', nodes ? fleetNodes(rows).length : null],
    ['asked', 'Asked', nodes ? (nodes.targets?.length ?? 0) : null],
    ['suggestions', 'Suggestions', suggestions ? (suggestions.total ?? suggestions.suggestions.length) : null],
    ['agents', 'Agents', null],
  ];
  return (
    <div class="segments" role="group" aria-label="List">
      {tabs
        .filter(([key]) => key !== 'agents' || session.mayAdmit.value || list === 'agents')
        .map(([key, title, count]) => (
          <button key={key} type="button" aria-pressed={list === key} onClick={() => navigate(showList(route.value, key))}>
            {title} {count !== null && <span class="count">{figure(count)}</span>}
          </button>
        ))}
    </div>
  );
}

interface ListProps {
  rows: readonly FleetRow[];
  nodes: Resource<NodeList>;
  suggestions: Resource<SuggestionList>;
  reload: () => void;
}

function CurrentList({ rows, nodes, suggestions, reload }: ListProps) {
  const { route } = useApp();
  switch (route.value.list) {
    case 'agents':
      return <Agents />;
    case 'suggestions':
      return <Suggestions resource={suggestions} onChanged={reload} />;
    case 'asked':
      return <Asked resource={nodes} onChanged={reload} />;
    default:
      return (
        <>
          {nodes.problem && <ProblemNote problem={nodes.problem} onRetry={nodes.reload} />}
          {nodes.data && <Fleet rows={rows} />}
          <Shared rows={rows} />
        </>
      );
  }
}

/** What much of the site has in common is told once, below the nodes. */
function Shared({ rows }: { rows: readonly FleetRow[] }) {
  const shared = useMemo(() => sharedNotes(rows), [rows]);
  if (shared.length === 0) return null;
  return (
    <section class="form shared" aria-label="Notes that many nodes have">
      {shared.map(({ note, nodes, of }) => (
        <div key={note.text}>
          <h3>{nodes === of ? `All ${plural(nodes, 'node')} that report` : `${figure(nodes)} of ${plural(of, 'node')} that report`}</h3>
          <NoteText note={note} />
        </div>
      ))}
    </section>
  );
}

/** The table of nodes, narrowed by what the link says. */
function Fleet({ rows }: { rows: readonly FleetRow[] }) {
  const { route, navigate } = useApp();
  const { show, find } = route.value;
  const shown = useMemo(() => narrowed(rows, show, find), [rows, show.join(), find]);
  const columns = useMemo(() => fleetColumns(rows), [rows]);
  const toggle = (filter: NodeFilter): void => {
    const next = NODE_FILTERS.map(([f]) => f).filter((f) => (f === filter) !== show.includes(f));
    navigate({ ...route.value, show: next }, true);
  };
  return (
    <>
      <div class="narrowing" role="search">
        <input
          type="search"
          class="find"
          aria-label="Search nodes by name, address or zone"
          placeholder="Name, address or zone"
          spellcheck={false}
          value={find}
          onInput={(event) => navigate({ ...route.value, find: event.currentTarget.value }, true)}
        />
        <div class="chips" role="group" aria-label="Only those that are">
          {NODE_FILTERS.map(([filter, title]) => {
            const count = rows.filter((r) => isOf(r, filter)).length;
            if (count === 0 && !show.includes(filter)) return null;
            return (
              <button key={filter} type="button" class="filter" aria-pressed={show.includes(filter)} onClick={() => toggle(filter)}>
                {title} <span>{figure(count)}</span>
              </button>
            );
          })}
        </div>
        <span class="ink3 found" role="status">
          {shown.length < rows.length && `${figure(shown.length)} of ${plural(rows.length, 'row')}`}
        </span>
      </div>
      {shown.length === 0 && rows.length > 0 ? (
        <div class="nothing">
          <p>Nothing matches{find ? ` “${find}”` : ''}.</p>
          <button type="button" onClick={() => navigate({ ...route.value, show: [], find: '' })}>
            Clear the filter
          </button>
        </div>
      ) : (
        <Table
          label="Nodes"
          columns={columns}
          items={shown}
          id={(r) => r.id}
          sort={{ key: 'state', descending: false }}
          onOpen={(r) => navigate(r.node ? showNode(route.value, r.node.name) : showList(route.value, 'asked'))}
          empty="No node reports yet."
        />
      )}
    </>
  );
}
