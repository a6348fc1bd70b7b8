import { type ReadonlySignal, computed } from '@preact/signals';
import type { ChartNode, Check, Comparison, Connection, Difference, Layout, Service, TopologyDocument } from '../api/types';
import { goneOf } from './gone';
import type { Topology } from './topology';

/** How something differs from another moment: `absent` is there then, and not today; or from what is declared, of which `missing` is not there. */
export type Mark = 'appeared' | 'returned' | 'changed' | 'vanished' | 'absent' | 'unexpected' | 'forbidden' | 'missing';

/** What differs, by name or id. */
export interface Marks {
  readonly nodes: ReadonlyMap<string, Mark>;
  readonly services: ReadonlyMap<string, Mark>;
  readonly connections: ReadonlyMap<string, Mark>;
}

/** Another moment beside the one that is shown: with a comparison the earlier one, else today. */
export interface Other {
  doc: TopologyDocument;
  diff: Comparison | null;
}

/** Each in a word. */
export const MARK_WORDS: Readonly<Record<Mark, string>> = {
  appeared: 'new',
  returned: 'back again',
  changed: 'changed',
  vanished: 'vanished',
  absent: 'not there today',
  unexpected: 'unexpected',
  forbidden: 'forbidden',
  missing: 'declared, not seen',
};

/** The order in which they are listed. */
export const MARK_ORDER: readonly Mark[] = ['forbidden', 'unexpected', 'missing', 'appeared', 'returned', 'changed', 'vanished', 'absent'];

export function markOf({ change, returned }: Difference): Mark {
  return change === 'appeared' && returned ? 'returned' : change;
}

/** The marks of a comparison. */
export function marksOf(diff: Comparison): Marks {
  return {
    nodes: new Map(diff.nodes.map((n) => [n.node.name, markOf(n)])),
    services: new Map(diff.services.map((s) => [s.service.id, markOf(s)])),
    connections: new Map(diff.connections.map((c) => [c.connection.id, markOf(c)])),
  };
}

const pair = ({ client, server }: Connection): string => `${client.node}\n${server.node}`;

/**
 * The marks of a chart of nodes, whose connections are those of two nodes: new where
 * the earlier chart has none, and back again where all that appeared between the two is.
 */
function nodeMarks(now: Topology, before: TopologyDocument, diff: Comparison): Marks {
  const fresh = new Set(diff.connections.filter((c) => markOf(c) === 'appeared').map((c) => pair(c.connection)));
  const earlier = new Set(before.connections.map((c) => c.id));
  const connections = new Map<string, Mark>();
  for (const c of now.connections.values()) if (!earlier.has(c.id)) connections.set(c.id, fresh.has(pair(c)) ? 'appeared' : 'returned');
  for (const c of before.connections) if (!now.connections.has(c.id)) connections.set(c.id, 'vanished');
  return { nodes: marksOf(diff).nodes, services: new Map(), connections };
}

function overlap(a: Layout, b: Layout): boolean {
  return a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
}

const BELOW = 40;

/** Ghosts stand where they stood; where something else stands now, below everything. */
function placed(ghosts: readonly ChartNode[], nodes: Iterable<ChartNode>): ChartNode[] {
  const taken = [...nodes].map((n) => n.layout);
  return ghosts.map((ghost) => {
    const clash = taken.some((t) => overlap(t, ghost.layout));
    const layout = clash ? { ...ghost.layout, y: Math.max(...taken.map((t) => t.y + t.h)) + BELOW } : ghost.layout;
    taken.push(layout);
    return { ...ghost, layout };
  });
}

/** A topology with the marks of a comparison; what vanished is drawn from the earlier one. */
export function compared(now: Topology, before: TopologyDocument, diff: Comparison): Topology {
  const marks = now.level === 'node' ? nodeMarks(now, before, diff) : marksOf(diff);
  const gone = before.nodes.filter((n) => marks.nodes.get(n.name) === 'vanished' && !now.nodes.has(n.name));
  const nodes = new Map([...now.nodes, ...placed(gone, now.nodes.values()).map((n) => [n.name, n] as const)]);
  const services = new Map(now.services);
  for (const s of ghostServices(before, diff, marks)) if (!services.has(s.id)) services.set(s.id, s);
  const connections = new Map(now.connections);
  for (const c of ghostConnections(now, before, diff, marks)) {
    if (!connections.has(c.id) && nodes.has(c.client.node) && nodes.has(c.server.node)) connections.set(c.id, c);
  }
  return { ...now, nodes, services, connections, marks };
}

/** Services that vanished, and those of nodes that did. */
function ghostServices(before: TopologyDocument, diff: Comparison, marks: Marks): Service[] {
  const vanished = diff.services.filter((s) => s.change === 'vanished').map((s) => s.service);
  return [...vanished, ...before.services.filter((s) => marks.nodes.get(s.node) === 'vanished')];
}

function ghostConnections(now: Topology, before: TopologyDocument, diff: Comparison, marks: Marks): Connection[] {
  if (now.level === 'node') return before.connections.filter((c) => marks.connections.get(c.id) === 'vanished');
  return diff.connections.filter((c) => c.change === 'vanished').map((c) => c.connection);
}

/** A topology of the past with marks on what is not there today. */
export function remembered(then: Topology, today: TopologyDocument): Topology {
  const nodes = new Set(today.nodes.map((n) => n.name));
  const services = new Map(today.services.map((s) => [s.id, s]));
  const connections = new Map(today.connections.map((c) => [c.id, c]));
  const absent = <T>(items: ReadonlyMap<string, T>, is: (item: T, id: string) => boolean): ReadonlyMap<string, Mark> =>
    new Map([...items].filter(([id, item]) => is(item, id)).map(([id]) => [id, 'absent']));
  return {
    ...then,
    marks: {
      nodes: absent(then.nodes, (_, id) => !nodes.has(id)),
      services: absent(then.services, (s, id) => s.state !== 'gone' && (services.get(id)?.state ?? 'gone') === 'gone'),
      connections: absent(then.connections, (c, id) => c.status === 'fresh' && (connections.get(id)?.status ?? 'old') === 'old'),
    },
  };
}

/** What is drawn: the topology, with marks where there is another moment of the same view beside it. */
export function withOther(topology: Topology | null, other: Other | null): Topology | null {
  if (!topology || !other || other.doc.level !== topology.level) return topology;
  return other.diff ? compared(topology, other.doc, other.diff) : remembered(topology, other.doc);
}

/** Marks a topology; null marks nothing. */
export type Marker = ((topology: Topology) => Topology) | null;

/**
 * The same as a signal, and with what is gone where that is asked for: `gone` is what
 * vanished in the last minutes, or undefined where that is not to be seen. Beside another
 * moment the comparison tells that, and no more. `marker` marks what differs from what is declared.
 */
export function createShown(topology: ReadonlySignal<Topology | null>, other: ReadonlySignal<Other | null>, gone: ReadonlySignal<Comparison | null | undefined>, marker: ReadonlySignal<Marker>): ReadonlySignal<Topology | null> {
  return computed(() => {
    const shown = withOther(topology.value, other.value);
    if (!shown || shown !== topology.value) return shown;
    const left = gone.value === undefined || !shown.ghosts?.length ? shown : { ...shown, gone: goneOf(shown, gone.value) };
    return marker.value?.(left) ?? left;
  });
}

/** One line of the list of changes. */
export interface ChangeRow {
  key: string;
  mark: Mark;
  subject: 'node' | 'service' | 'connection' | 'check';
  id: string;
  what: readonly string[];
  /** When it appeared, or was last seen. */
  at: string;
  node?: string;
  service?: Service;
  connection?: Connection;
  check?: Check;
}

/** Everything that changed, by kind of change, then by what it is about. */
export function changeRows(diff: Comparison): ChangeRow[] {
  const rows: ChangeRow[] = [
    ...diff.nodes.map((d) => row(d, 'node', d.node.name, d.node.first_seen, d.node.last_report, { node: d.node.name })),
    ...diff.services.map((d) => row(d, 'service', d.service.id, d.service.first_seen, d.service.last_seen, { service: d.service })),
    ...diff.connections.map((d) => row(d, 'connection', d.connection.id, d.connection.first_seen, d.connection.last_seen, { connection: d.connection })),
    ...(diff.checks ?? []).map((d) => row(d, 'check', d.check.id, d.check.since ?? '', d.check.last_check, { check: d.check })),
  ];
  return rows.sort((a, b) => MARK_ORDER.indexOf(a.mark) - MARK_ORDER.indexOf(b.mark));
}

function row(
  d: Difference,
  subject: ChangeRow['subject'],
  id: string,
  first: string,
  last: string | undefined,
  thing: Pick<ChangeRow, 'node' | 'service' | 'connection' | 'check'>,
): ChangeRow {
  const mark = markOf(d);
  return { key: `${subject} ${id}`, mark, subject, id, what: d.what ?? [], at: (mark === 'vanished' ? last : first) ?? '', ...thing };
}

/** How many there are of each mark. */
export function counts(rows: readonly Pick<ChangeRow, 'mark'>[]): ReadonlyMap<Mark, number> {
  const found = new Map<Mark, number>();
  for (const { mark } of rows) found.set(mark, (found.get(mark) ?? 0) + 1);
  return found;
}

/** `3 new, 1 back again, 2 vanished`; `no change` where there is none. */
export function countsLine(rows: readonly Pick<ChangeRow, 'mark'>[]): string {
  const by = counts(rows);
  return MARK_ORDER.flatMap((m) => (by.get(m) ? [`${by.get(m)} ${MARK_WORDS[m]}`] : [])).join(', ') || 'no change';
}
