import type { Connection, NodeInfo, Service } from '../api/types';
import { edgeText, isUsed } from '../state/words';
import { figure, micros, percent, rate } from '../lib/format';
import { type Judge, rank } from '../state/health';
import type { Namer } from '../state/topology';
import { NodeName } from './NodeName';
import { stateOf } from './shapes';
import { TroubleText } from './Signal';
import { StateIcon } from './StateIcon';
import type { Column } from './Table';
import { Age } from './Time';

/**
 * Columns that several tables share. A table sorts anew when they change, so they are
 * built once, or with the topology that a judge is of.
 *
 * What narrow tables leave out, in this order: `fourth`, `third`, `second`, `first`; and where
 * columns have no room at all, `roomy`.
 */

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
  return evidence?.seen_by?.some((s) => s.end === 'client') ? 'name hidden' : '';
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

function stateBy(judge: Judge): Column<Service> {
  return {
    key: 'state',
    title: 'State',
    class: 'state',
    cell: (s) => <StateIcon state={stateOf(s, judge.service(s).length > 0)} />,
  };
}

/** The unit and the container of a process, as far as it has them. */
function runsIn({ unit, container }: { unit?: string; container?: string }): string {
  return [container, unit].filter(Boolean).join(', ');
}

const runs: Column<Service> = {
  key: 'runs',
  spare: true,
  title: 'Unit or container',
  class: 'roomy second',
  value: runsIn,
  cell: (s) => <span title={s.image}>{runsIn(s)}</span>,
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
  class: 'mono roomy third',
  value: (s) => (s.addresses ?? []).join(' '),
  cell: (s) => (s.addresses ?? []).join(', '),
};

const user: Column<Service> = { key: 'user', spare: true, title: 'User', class: 'roomy third', value: (s) => s.user ?? '', cell: (s) => s.user ?? '' };

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

const lastUp: Column<Service> = {
  key: 'up',
  title: 'Last up',
  class: 'number time roomy',
  descending: true,
  value: (s) => time(s.last_seen),
  cell: (s) => (s.state === 'seen' ? <span class="ink3">seen by others</span> : <Age at={s.last_seen} />),
};

const firstSeen: Column<Service> = {
  key: 'first',
  title: 'First seen',
  class: 'number time wide',
  descending: true,
  value: (s) => time(s.first_seen),
  cell: (s) => <Age at={s.first_seen} />,
};

function nodeBy(named: Namer): Column<Service> {
  return { key: 'node', title: 'Node', value: (s) => named(s.node), cell: (s) => <NodeName name={s.node} /> };
}

function serviceTrouble(judge: Judge): Column<Service> {
  return {
    key: 'trouble',
    spare: true,
    title: 'Trouble',
    class: 'trouble',
    descending: true,
    value: (s) => rank(judge.service(s)),
    cell: (s) => troubleCell(judge.service(s)),
  };
}

/** No element for no trouble: an empty cell takes no room on a narrow screen. */
function troubleCell(troubles: ReturnType<Judge['service']>) {
  return troubles.length > 0 ? <TroubleText troubles={troubles} /> : null;
}

/** Services of one node. */
export function nodeServices(judge: Judge): readonly Column<Service>[] {
  return [stateBy(judge), process, port, { ...runs, class: 'roomy' }, reach, user, serviceTrouble(judge), clients, lastUp, used];
}

/** Services of many nodes. */
export function allServices(judge: Judge, named: Namer): readonly Column<Service>[] {
  return [stateBy(judge), process, port, nodeBy(named), runs, reach, user, serviceTrouble(judge), clients, firstSeen, used];
}

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
  class: 'number time fourth',
  descending: true,
  value: (c) => time(c.first_seen),
  cell: (c) => <Age at={c.first_seen} />,
};

/** The headline of a row where columns have no room. */
function edgeBy(named: Namer): Column<Connection> {
  return {
    key: 'edge',
    title: 'Connection',
    class: 'narrow',
    cell: (c) => (
      <>
        <span>{edgeText(c, named)}</span> <b>{figure(c.count)}</b>
      </>
    ),
  };
}

const roundTrip: Column<Connection> = {
  key: 'rtt',
  spare: true,
  title: 'Round trip',
  class: 'number roomy second',
  descending: true,
  value: (c) => c.health?.rtt_us ?? 0,
  cell: (c) => (c.health?.rtt_us ? micros(c.health.rtt_us) : null),
};

const sent = (c: Connection): number => c.health?.sent_bytes_per_second ?? 0;
const received = (c: Connection): number => c.health?.received_bytes_per_second ?? 0;

/** Both directions; sorted by their sum. */
const rates: Column<Connection> = {
  key: 'rate',
  spare: true,
  title: 'Rate',
  class: 'number roomy second',
  descending: true,
  value: (c) => sent(c) + received(c),
  cell: (c) =>
    sent(c) + received(c) > 0 ? (
      <span title={`to ${c.server.node}, and back`}>
        <span class="ink3">▲</span> {rate(sent(c))} <span class="ink3">▼</span> {rate(received(c))}
      </span>
    ) : null,
};

const resent: Column<Connection> = {
  key: 'resent',
  spare: true,
  title: 'Resent',
  class: 'number roomy third',
  descending: true,
  value: (c) => c.health?.retransmit_ratio ?? 0,
  cell: (c) => (c.health?.retransmit_ratio ? percent(c.health.retransmit_ratio) : null),
};

function connectionTrouble(judge: Judge): Column<Connection> {
  return {
    key: 'trouble',
    spare: true,
    title: 'Trouble',
    class: 'trouble',
    descending: true,
    value: (c) => rank(judge.connection(c)),
    cell: (c) => troubleCell(judge.connection(c)),
  };
}

/** Connections of many nodes. */
export function allConnections(judge: Judge, named: Namer): readonly Column<Connection>[] {
  return [
    edgeBy(named),
    { key: 'client', title: 'Client', class: 'bold', value: (c) => named(c.client.node), cell: (c) => <NodeName name={c.client.node} /> },
    { key: 'process', title: 'Process', class: 'roomy whole', value: clientText, cell: clientText },
    { key: 'runs', spare: true, title: 'Unit or container', class: 'roomy fourth', value: (c) => runsIn(c.client), cell: (c) => runsIn(c.client) },
    { key: 'server', title: 'Server', class: 'roomy', value: (c) => named(c.server.node), cell: (c) => <>{c.directed ? '→' : '—'} <NodeName name={c.server.node} /></> },
    { key: 'service', title: 'Service', class: 'whole', value: serverText, cell: serverText },
    { key: 'state', title: 'State', class: 'whole third', value: (c) => c.status, cell: (c) => (c.status === 'old' ? 'old' : 'open') },
    connectionTrouble(judge),
    count,
    roundTrip,
    rates,
    resent,
    connectionFirst,
    lastSeen,
  ];
}

/** A node, and what of it. */
function Far({ end: [node, what] }: { end: readonly [string, string] }) {
  return (
    <>
      <NodeName name={node} /> {what}
    </>
  );
}

/** Connections of one node, seen from it. */
export function nodeConnections({ name, state: reports }: Pick<NodeInfo, 'name' | 'state'>, judge: Judge, named: Namer): readonly Column<Connection>[] {
  const out = (c: Connection): boolean => c.client.node === name;
  const way = (c: Connection): string => (c.client.node === c.server.node ? 'inside' : out(c) ? 'out' : 'in');
  const nameless = reports === 'inferred' ? 'does not report' : 'name hidden';
  const own = (c: Connection): string => (out(c) ? c.client.process || nameless : serverText(c));
  const far = (c: Connection): readonly [string, string] => (out(c) ? [c.server.node, serverText(c)] : [c.client.node, c.client.process]);
  return [
    edgeBy(named),
    { key: 'way', title: 'Way', class: 'whole', value: way, cell: (c) => <span class="ink3">{way(c)}</span> },
    { key: 'own', title: 'Process', class: 'bold roomy', value: own, cell: (c) => (own(c) === nameless ? <span class="ink3">{nameless}</span> : own(c)) },
    { key: 'other', title: 'With', class: 'roomy', value: (c) => `${named(far(c)[0])} ${far(c)[1]}`, cell: (c) => <Far end={far(c)} /> },
    connectionTrouble(judge),
    count,
    roundTrip,
    rates,
    { ...connectionFirst, class: 'number time first' },
    lastSeen,
  ];
}
