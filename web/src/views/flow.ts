import type { Connection, Service, Verdict } from '../api/types';
import { figure, plural } from '../lib/format';
import { CALM, type Judge, type Trouble, worstFirst } from '../state/health';
import { type Topology, serviceLabel } from '../state/topology';

/** The picture of one node: who connects in, its rows, what it connects to. Pixels. */

export const PEER = 36;
export const PEER_GAP = 8;
export const HUB_HEAD = 38;
export const HUB_ROW = 32;
const MOST = 12;

export interface Peer {
  key: string;
  node: string;
  what: string;
  count: number;
  old: boolean;
  directed: boolean;
  /** The service at the other end, '' where the port or the process alone is known. */
  service: string;
  /** The row of the hub it belongs to. */
  row: string;
  /** What is wrong with it, the worst first. */
  troubles: readonly Trouble[];
}

export interface HubRow {
  key: string;
  process: string;
  /** Null for a client. */
  service: Service | null;
}

export interface Wire {
  key: string;
  /** Heights at the left and the right end. */
  from: number;
  to: number;
  count: number;
  old: boolean;
  directed: boolean;
  /** How bad it is, if it is in trouble. */
  severity: Trouble['severity'] | '';
}

/** How many connections are open in one direction, and with how many nodes. */
export interface Total {
  open: number;
  nodes: number;
}

export interface Flow {
  rows: readonly HubRow[];
  into: readonly Peer[];
  out: readonly Peer[];
  /** Peers that did not fit. */
  moreInto: number;
  moreOut: number;
  totalInto: Total;
  totalOut: Total;
  height: number;
  hubTop: number;
  wiresIn: readonly Wire[];
  wiresOut: readonly Wire[];
}

function hubRows(services: readonly Service[], out: readonly Connection[]): HubRow[] {
  const rows: HubRow[] = services.map((s) => ({ key: s.id, process: s.process, service: s }));
  const known = new Set(services.map((s) => s.process).filter(Boolean));
  for (const { client } of out) {
    if (client.service !== '' || client.process === '' || known.has(client.process)) continue;
    known.add(client.process);
    rows.push({ key: `client ${client.process}`, process: client.process, service: null });
  }
  return rows;
}

function rowOf(rows: readonly HubRow[], service: string, process: string): string {
  const row = rows.find((r) => r.service?.id === service && service !== '') ?? rows.find((r) => r.process === process && process !== '');
  return row?.key ?? '';
}

function toPeer(c: Connection, far: 'client' | 'server', rows: readonly HubRow[], judge: Judge): Peer {
  const own = far === 'client' ? c.server : c.client;
  const port = c.server.port > 0 ? `:${c.server.port}` : '';
  return {
    key: c.id,
    node: far === 'client' ? c.client.node : c.server.node,
    what: far === 'client' ? c.client.process || (port && `to ${port}`) : [c.server.process, port].filter(Boolean).join(' '),
    service: c[far].service,
    count: c.count,
    old: c.status === 'old',
    directed: c.directed,
    row: rowOf(rows, own.service, own.process),
    troubles: worstFirst(judge.connection(c)),
  };
}

function stack(n: number): number {
  return n === 0 ? 0 : n * (PEER + PEER_GAP) - PEER_GAP;
}

function middleOfPeer(i: number, n: number, height: number): number {
  return (height - stack(n)) / 2 + i * (PEER + PEER_GAP) + PEER / 2;
}

function totalOf(connections: readonly Connection[], far: 'client' | 'server'): Total {
  return {
    open: connections.reduce((n, c) => n + c.count, 0),
    nodes: new Set(connections.map((c) => c[far].node)).size,
  };
}

/** Lays out one node's page. Connections come sorted, busiest first. */
export function buildFlow(services: readonly Service[], into: readonly Connection[], out: readonly Connection[], judge = CALM): Flow {
  const rows = hubRows(services, out);
  const order = (a: Peer, b: Peer): number => indexOf(rows, a.row) - indexOf(rows, b.row);
  const peersIn = into.slice(0, MOST).map((c) => toPeer(c, 'client', rows, judge)).sort(order);
  const peersOut = out.slice(0, MOST).map((c) => toPeer(c, 'server', rows, judge)).sort(order);
  const moreInto = Math.max(0, into.length - MOST);
  const moreOut = Math.max(0, out.length - MOST);
  const slotsIn = peersIn.length + (moreInto > 0 ? 1 : 0);
  const slotsOut = peersOut.length + (moreOut > 0 ? 1 : 0);
  const hub = HUB_HEAD + Math.max(1, rows.length) * HUB_ROW;
  const height = Math.max(hub, stack(slotsIn), stack(slotsOut)) + 2;
  const hubTop = (height - hub) / 2;
  const rowY = (key: string): number => {
    const i = indexOf(rows, key);
    return i < rows.length ? hubTop + HUB_HEAD + (i + 0.5) * HUB_ROW : hubTop + HUB_HEAD / 2;
  };
  const wire = (p: Peer, from: number, to: number): Wire => {
    const { key, count, old, directed, troubles } = p;
    return { key, from, to, count, old, directed, severity: troubles[0]?.severity ?? '' };
  };
  return {
    rows,
    into: peersIn,
    out: peersOut,
    moreInto,
    moreOut,
    totalInto: totalOf(into, 'client'),
    totalOut: totalOf(out, 'server'),
    height,
    hubTop,
    wiresIn: peersIn.map((p, i) => wire(p, middleOfPeer(i, slotsIn, height), rowY(p.row))),
    wiresOut: peersOut.map((p, i) => wire(p, rowY(p.row), middleOfPeer(i, slotsOut, height))),
  };
}

/** Unknown rows come last, so that they sort to the end and are drawn at the header. */
function indexOf(rows: readonly HubRow[], key: string): number {
  const i = rows.findIndex((r) => r.key === key);
  return i < 0 ? rows.length : i;
}

/** The top of the `i`th of `n` peers. */
export function peerTop(i: number, n: number, height: number): number {
  return middleOfPeer(i, n, height) - PEER / 2;
}

/** What the checks say of the other end: of its service, else of its node, which may stand in a pool. */
export function peerSign(topology: Pick<Topology, 'nodes' | 'services'> | null, { node, service }: Pick<Peer, 'node' | 'service'>): Verdict | null {
  const known = topology?.services.get(service) ?? topology?.nodes.get(node);
  if (known) return known;
  for (const box of topology?.nodes.values() ?? []) {
    const member = box.members?.find((m) => m.name === node);
    if (member) return member;
  }
  return null;
}

/** What is wrong at a node's sockets, in clauses that name both ends, the worst first. */
export function troublesOf(services: readonly Service[], connections: readonly Connection[], node: string, judge: Judge): Trouble[] {
  const own = services.flatMap((s) => judge.service(s).map((t) => ({ ...t, text: `${serviceLabel(s)}: ${t.text}` })));
  const shared = connections.flatMap((c) => judge.connection(c).map((t) => ({ ...t, text: `${endsOf(c, node)}: ${t.text}` })));
  return worstFirst([...own, ...shared]);
}

/** `java to db01 postgres :5432`, or `web01 nginx to java :8080`. */
function endsOf({ client, server }: Connection, node: string): string {
  const service = [server.process, server.port > 0 ? `:${server.port}` : ''].filter(Boolean).join(' ');
  if (client.node === node) return `${client.process || 'a process'} to ${server.node} ${service}`;
  return `${client.node} ${client.process} to ${service}`.replace(/ {2,}/g, ' ');
}

/** How many sockets are open, and of those how many wait, as far as any do. */
export function socketFacts(connections: readonly Connection[]): string[] {
  const sum = (of: (c: Connection) => number | undefined): number => connections.reduce((n, c) => n + (of(c) ?? 0), 0);
  const waiting = sum((c) => c.health?.connecting);
  const unclosed = sum((c) => c.health?.close_wait);
  const vain = sum((c) => (c.refused ?? 0) + (c.timed_out ?? 0) + (c.failed ?? 0));
  return [
    `${figure(sum((c) => c.count))} open`,
    ...(waiting > 0 ? [`${figure(waiting)} waiting for an answer`] : []),
    ...(unclosed > 0 ? [`${figure(unclosed)} closed by the other end only`] : []),
    ...(vain > 0 ? [`${plural(vain, 'attempt')} failed since first seen`] : []),
  ];
}
