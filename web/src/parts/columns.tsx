import type { Connection, NodeInfo, Service } from '../api/types';
import { edgeText, isUsed } from '../state/words';
import { figure } from '../lib/format';
import { stateOf } from './shapes';
import { StateIcon } from './StateIcon';
import type { Column } from './Table';
import { Age } from './Time';

/** Columns that several tables share. Built once: a table sorts anew when they change. */

export function isGone(service: Service): boolean {
  return service.state === 'gone';
}

/** Why a service has no process name: nobody reports from there, or the report could not see it. */
export function unnamed(service: Service): string {
  return service.state === 'seen' ? 'does not report' : 'name hidden';
}

/** The client's process; where its own node reports it without a name, that it is hidden. */
function clientText({ client, server, evidence }: Connection): string {
  if (client.process !== '' || server.port === 0) return client.process;
  return evidence?.seen_by.some((s) => s.end === 'client') ? 'name hidden' : '';
}

const time = (at: string | undefined): number => (at ? Date.parse(at) : 0);

const process: Column<Service> = {
  key: 'process',
  title: 'Process',
  class: 'strong',
  // Without a name last.
  value: (s) => s.process || '\uffff',
  cell: (s) => <span class={s.state === 'gone' ? 'gone' : ''}>{s.process || <span class="ink3">{unnamed(s)}</span>}</span>,
};

const state: Column<Service> = {
  key: 'state',
  title: 'State',
  class: 'state',
  cell: (s) => <StateIcon state={stateOf(s)} />,
};

const port: Column<Service> = {
  key: 'port',
  title: 'Port',
  class: 'mono',
  value: (s) => s.port,
  cell: (s) => `${s.protocol === 'udp' ? 'udp ' : ''}:${s.port}`,
};

const reach: Column<Service> = {
  key: 'reach',
  title: 'Listens on',
  class: 'mono roomy',
  value: (s) => s.addresses.join(' '),
  cell: (s) => s.addresses.join(', '),
};

const user: Column<Service> = { key: 'user', title: 'User', class: 'roomy', value: (s) => s.user ?? '', cell: (s) => s.user ?? '' };

const clients: Column<Service> = {
  key: 'clients',
  title: 'Open',
  class: 'number',
  descending: true,
  value: (s) => s.clients,
  cell: (s) => figure(s.clients),
};

const used: Column<Service> = {
  key: 'used',
  title: 'Last used',
  class: 'number time',
  descending: true,
  value: (s) => time(s.last_connection),
  cell: (s) => (isUsed(s) ? <Age at={s.last_connection} /> : <span class="ink3">no use seen</span>),
};

const firstSeen: Column<Service> = {
  key: 'first',
  title: 'First seen',
  class: 'number time wide',
  descending: true,
  value: (s) => time(s.first_seen),
  cell: (s) => <Age at={s.first_seen} />,
};

const node: Column<Service> = { key: 'node', title: 'Node', value: (s) => s.node, cell: (s) => s.node };

export const NODE_SERVICES: readonly Column<Service>[] = [state, process, port, reach, user, clients, used];
export const ALL_SERVICES: readonly Column<Service>[] = [state, process, port, node, reach, user, clients, firstSeen, used];

export function serverText(c: Connection): string {
  const port = c.server.port > 0 ? ` :${c.server.port}` : '';
  return `${c.server.process}${c.protocol === 'udp' && port ? ' udp' : ''}${port}`.trim();
}

const count: Column<Connection> = {
  key: 'count',
  title: 'Open',
  class: 'number roomy',
  descending: true,
  value: (c) => c.count,
  cell: (c) => figure(c.count),
};

const lastSeen: Column<Connection> = {
  key: 'last',
  title: 'Last seen',
  class: 'number time',
  descending: true,
  value: (c) => time(c.last_seen),
  cell: (c) => <Age at={c.last_seen} />,
};

const connectionFirst: Column<Connection> = {
  key: 'first',
  title: 'First seen',
  class: 'number time',
  descending: true,
  value: (c) => time(c.first_seen),
  cell: (c) => <Age at={c.first_seen} />,
};

/** The headline of a row where columns have no room. */
const edge: Column<Connection> = {
  key: 'edge',
  title: 'Connection',
  class: 'narrow',
  cell: (c) => (
    <>
      <span>{edgeText(c)}</span> <b>{figure(c.count)}</b>
    </>
  ),
};

export const CONNECTIONS: readonly Column<Connection>[] = [
  edge,
  { key: 'client', title: 'Client', class: 'bold', value: (c) => c.client.node, cell: (c) => c.client.node },
  { key: 'process', title: 'Process', class: 'roomy', value: clientText, cell: clientText },
  { key: 'server', title: 'Server', class: 'roomy', value: (c) => c.server.node, cell: (c) => <>{c.directed ? '→' : '—'} {c.server.node}</> },
  { key: 'service', title: 'Service', value: serverText, cell: serverText },
  { key: 'state', title: 'State', value: (c) => c.status, cell: (c) => (c.status === 'old' ? 'old' : 'open') },
  count,
  connectionFirst,
  lastSeen,
];

/** Connections of one node, seen from it. */
export function nodeConnections({ name, state: reports }: Pick<NodeInfo, 'name' | 'state'>): readonly Column<Connection>[] {
  const out = (c: Connection): boolean => c.client.node === name;
  const way = (c: Connection): string => (c.client.node === c.server.node ? 'inside' : out(c) ? 'out' : 'in');
  const nameless = reports === 'inferred' ? 'does not report' : 'name hidden';
  const own = (c: Connection): string => (out(c) ? c.client.process || nameless : serverText(c));
  const other = (c: Connection): string => (out(c) ? `${c.server.node} ${serverText(c)}` : `${c.client.node} ${c.client.process}`);
  return [
    edge,
    { key: 'way', title: 'Way', value: way, cell: (c) => <span class="ink3">{way(c)}</span> },
    { key: 'own', title: 'Process', class: 'bold roomy', value: own, cell: own },
    { key: 'other', title: 'With', class: 'roomy', value: other, cell: (c) => other(c).trim() },
    count,
    connectionFirst,
    lastSeen,
  ];
}
