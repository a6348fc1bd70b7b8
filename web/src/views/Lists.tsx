import { useMemo } from 'preact/hooks';
import { useApp } from '../app';
import type { ListedNode, Service } from '../api/types';
import { figure, plural } from '../lib/format';
import { allServices, isGone } from '../parts/columns';
import { ProblemNote } from '../parts/Problem';
import { StateIcon } from '../parts/StateIcon';
import { type Column, Table } from '../parts/Table';
import { Age } from '../parts/Time';
import { judgeOf } from '../state/health';
import { useResource } from '../state/resource';
import { showNode, showOnChart } from '../state/route';
import { byPort } from '../state/topology';
import { insideNodes, stateWord } from '../state/words';

const EMPTY_SERVICES: readonly Service[] = [];
const EMPTY_NODES: readonly ListedNode[] = [];

/** Every service of the site. */
export function ServicesView() {
  const { client, feed, now, route, navigate } = useApp();
  const topology = feed.topology.value;
  const columns = useMemo(() => allServices(judgeOf(topology, now.peek())), [topology]);
  const { data, problem, reload } = useResource('services', topology?.revision ?? '', (s) => client.services(s));
  const items = useMemo(() => [...(data?.services ?? EMPTY_SERVICES)].sort(byPort), [data]);
  const open = (s: Service): void => {
    const onChart = feed.topology.peek()?.services.has(s.id) ?? false;
    navigate(onChart ? showOnChart(route.value, { kind: 'service', id: s.id }) : showNode(route.value, s.node));
  };
  return (
    <div class="scroll">
      <div class="headline">
        <h1>Services</h1>
        {data && <span class="ink2">{plural(items.length, 'service')}, also those hidden on the chart</span>}
      </div>
      {problem && <ProblemNote problem={problem} onRetry={reload} />}
      {data && (
        <Table
          label="Services"
          columns={columns}
          items={items}
          id={(s) => s.id}
          sort={{ key: 'process', descending: false }}
          last={isGone}
          onOpen={open}
          empty="No service is known yet."
        />
      )}
    </div>
  );
}

const NODE_COLUMNS: readonly Column<ListedNode>[] = [
  { key: 'status', title: 'State', class: 'state', cell: (n) => <StateIcon state={n.status} /> },
  {
    key: 'name',
    title: 'Node',
    class: 'strong',
    value: (n) => n.name,
    cell: (n) => (
      <>
        {n.name} {n.this && <span class="chip">this node</span>}
      </>
    ),
  },
  { key: 'state', title: 'Reports', value: stateWord, cell: stateWord },
  { key: 'kind', title: 'Kind', value: (n) => n.kind, cell: (n) => n.kind },
  {
    key: 'addresses',
    title: 'Addresses',
    class: 'mono',
    value: (n) => n.addresses.join(' '),
    cell: (n) => n.addresses.slice(0, 2).join(', ') + (n.addresses.length > 2 ? ` + ${n.addresses.length - 2}` : ''),
  },
  { key: 'services', title: 'Services', class: 'number', descending: true, value: (n) => n.services, cell: (n) => figure(n.services) },
  {
    key: 'connections',
    title: 'Connections',
    class: 'number',
    descending: true,
    value: (n) => n.connections,
    cell: (n) => figure(n.connections),
  },
  {
    key: 'report',
    title: 'Last report',
    class: 'number time',
    descending: true,
    value: (n) => (n.last_report ? Date.parse(n.last_report) : 0),
    cell: (n) => <Age at={n.last_report} />,
  },
];

/** Every node of the site, those that never reported too. */
export function NodesView() {
  const { client, feed, route, navigate } = useApp();
  const { data, problem, reload } = useResource('nodes', feed.topology.value?.revision ?? '', (s) => client.nodes(s));
  const items = data?.nodes ?? EMPTY_NODES;
  const inside = insideNodes(items);
  const silent = inside.filter((n) => n.state !== 'reporting').length;
  return (
    <div class="scroll">
      <div class="headline">
        <h1>Nodes</h1>
        {data && (
          <span class="ink2">
            {plural(inside.length, 'node')}
            {silent > 0 && `, ${silent} of them ${silent === 1 ? 'does' : 'do'} not report`}
          </span>
        )}
      </div>
      {problem && <ProblemNote problem={problem} onRetry={reload} />}
      {data && (
        <Table
          label="Nodes"
          columns={NODE_COLUMNS}
          items={items}
          id={(n) => n.name}
          sort={{ key: 'report', descending: true }}
          onOpen={(n) => navigate(showNode(route.value, n.name))}
          empty="No node reports yet."
        />
      )}
    </div>
  );
}
