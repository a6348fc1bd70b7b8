import type {
  Changes,
  ChartNode,
  Connection,
  Coverage,
  Delta,
  Gap,
  Ghost,
  Hidden,
  HideKind,
  LaneInfo,
  Layout,
  Level,
  Patched,
  Service,
  TopologyDocument,
} from '../api/types';
import { isLater } from '../api/revision';
import type { Marks } from './compare';
import type { Gone } from './gone';
import { type Grown, NOTHING_GROWN } from './growth';
import { Versions } from './versions';

const names = new Intl.Collator('en', { numeric: true });

/**
 * The topology as the browser holds it. Immutable: a delta gives a new one, and
 * what did not change keeps its identity.
 */
export interface Topology {
  readonly revision: string;
  readonly at: string;
  readonly level: Level;
  readonly hide: readonly HideKind[];
  readonly hidden: Hidden;
  readonly width: number;
  readonly height: number;
  readonly coverage: Coverage;
  /** Nodes, pools and groups: all that is a box. */
  readonly nodes: ReadonlyMap<string, ChartNode>;
  readonly lanes?: readonly LaneInfo[] | null;
  /** Boxes that are gone and keep their places, and where somebody asks for that, what they had. */
  readonly ghosts?: readonly Ghost[] | null;
  readonly gone?: Gone;
  /** It is one lane of a chart, whose columns run down the page. */
  readonly down?: boolean;
  readonly services: ReadonlyMap<string, Service>;
  readonly connections: ReadonlyMap<string, Connection>;
  /** What could not be seen at a moment gone by. */
  readonly gaps?: readonly Gap[];
  /** What grew in the revisions that this page has seen. */
  readonly grown: Grown;
  /** What differs from another moment, if there is one beside it. */
  readonly marks?: Marks;
  /** They are of what is declared. */
  readonly declared?: boolean;
}

/** What a node is called: its name, or what others call it where that is an address. */
export type Namer = (node: string) => string;

/** The names of the nodes of a topology; what it does not have keeps its own. */
export function knownAs(topology: Pick<Topology, 'nodes'> | null): Namer {
  return (name) => topology?.nodes.get(name)?.known_as || name;
}

/** Names nothing anew. */
export const AS_IS: Namer = (name) => name;

function index<T>(items: readonly T[] | null | undefined, key: (item: T) => string): Versions<T> {
  return new Versions((items ?? []).map((item) => [key(item), item]));
}

/** Whether a box stands for several nodes. */
export function isMany({ kind }: Pick<ChartNode, 'kind'>): boolean {
  return kind === 'pool' || kind === 'group';
}

type Boxes = { [kind in 'pools' | 'groups' | 'nodes']?: readonly ChartNode[] | null | undefined };

/** All that is a box; a pool and a group are known by their title, for their name is an id. */
function boxesOf({ pools, groups, nodes }: Boxes): ChartNode[] {
  const titled = [...(pools ?? []), ...(groups ?? [])].map((n) => ({ ...n, known_as: n.title ?? '' }));
  return titled.length > 0 ? [...titled, ...(nodes ?? [])] : [...(nodes ?? [])];
}

export function fromDocument({ pools, groups, ...doc }: TopologyDocument): Topology {
  return {
    ...doc,
    nodes: index(boxesOf({ pools, groups, nodes: doc.nodes }), (n) => n.name),
    services: index(doc.services, (s) => s.id),
    connections: index(doc.connections, (c) => c.id),
    grown: NOTHING_GROWN,
  };
}

type Patch = Readonly<Record<string, unknown>>;

/** What a JSON merge patch (RFC 7396) makes of something that is not written itself. */
function patched<T>(held: T, patch: Patch): T {
  const next = { ...held } as Record<string, unknown>;
  for (const name in patch) {
    const value = patch[name];
    if (value === null) Reflect.deleteProperty(next, name);
    else next[name] = typeof value === 'object' && !Array.isArray(value) ? patched(next[name], value as Patch) : value;
  }
  return next as T;
}

/** What changed of boxes, each once, with their members. Null if one isn't there. */
function patchedBoxes(held: ReadonlyMap<string, ChartNode>, { pools = [], groups = [], nodes = [], members = [] }: Changes): Map<string, ChartNode> | null {
  const next = new Map<string, ChartNode>();
  for (const [name, patch] of [...pools, ...groups, ...nodes]) {
    const was = held.get(name);
    if (!was) return null;
    next.set(name, patched(was, patch));
  }
  for (const [name, patches] of members) {
    const was = next.get(name) ?? held.get(name);
    if (!was) return null;
    const of = new Map(Object.entries(patches));
    next.set(name, { ...was, members: (was.members ?? []).map((m) => (of.has(m.name) ? patched(m, of.get(m.name) as Patch) : m)) });
  }
  return next;
}

/** Removals first: an object that a delta both removes and brings is there afterwards. Null if a patch is of what isn't there. */
function merge<T>(
  held: ReadonlyMap<string, T>,
  upserts: readonly T[] | null | undefined,
  removed: readonly string[] | null | undefined,
  key: (item: T) => string,
  patches: readonly Patched[] = [],
): ReadonlyMap<string, T> | null {
  const put = (upserts ?? []).map((item) => [key(item), item] as [string, T]);
  for (const [id, patch] of patches) {
    const was = held.get(id);
    if (was === undefined) return null;
    put.push([id, patched(was, patch)]);
  }
  return (held instanceof Versions ? (held as Versions<T>) : new Versions(held)).with(put, removed ?? []);
}

/** Lanes that are told all together; those in which nothing changed are what they were. */
function lanesAfter(held: readonly LaneInfo[] | null, told: readonly LaneInfo[] | null | undefined): readonly LaneInfo[] | null {
  if (!told || !held) return told ?? held;
  const before = new Map(held.map((lane) => [lane.id, lane]));
  return told.map((lane) => {
    const was = before.get(lane.id);
    return was && was.title === lane.title && sameLayout(was.layout, lane.layout) ? was : lane;
  });
}

function sameLayout(a: Layout, b: Layout): boolean {
  return a.x === b.x && a.y === b.y && a.w === b.w && a.h === b.h && a.pinned === b.pinned;
}

/** The topology after `delta`, or null if the delta does not start from this revision. */
export function applyDelta(held: Topology, delta: Delta): Topology | null {
  if (delta.from !== held.revision) return null;
  const boxes = patchedBoxes(held.nodes, delta.changed ?? {});
  const nodes = boxes && merge(held.nodes, [...boxesOf(delta), ...boxes.values()], delta.removed?.nodes, (n) => n.name);
  const services = merge(held.services, delta.services, delta.removed?.services, (s) => s.id, delta.changed?.services);
  const connections = merge(held.connections, delta.connections, delta.removed?.connections, (c) => c.id, delta.changed?.connections);
  return nodes && services && connections && {
    ...held,
    revision: delta.revision,
    at: delta.at,
    width: delta.width ?? held.width,
    height: delta.height ?? held.height,
    coverage: delta.coverage ?? held.coverage,
    hidden: delta.hidden ?? held.hidden,
    lanes: lanesAfter(held.lanes ?? null, delta.lanes),
    ghosts: delta.ghosts ?? held.ghosts ?? null,
    nodes,
    services,
    connections,
  };
}

/**
 * Applies deltas that came while the topology was being read. Those that lead up
 * to the held revision are already in it. Null when the chain does not join.
 */
export function catchUp(held: Topology, waiting: readonly Delta[]): Topology | null {
  const start = waiting.findIndex((d) => d.from === held.revision);
  if (start < 0) {
    const known = waiting.every((d) => d.revision === held.revision || isLater(held.revision, d.revision));
    return known ? held : null;
  }
  let current: Topology | null = held;
  for (const delta of waiting.slice(start)) {
    current = applyDelta(current, delta);
    if (!current) return null;
  }
  return current;
}

/** A container's node is named by its host and itself; null for what is no container. */
export function containerName({ kind, name }: Pick<ChartNode, 'kind' | 'name'>): { host: string; container: string } | null {
  const at = kind === 'container' ? name.indexOf('/') : -1;
  return at < 0 ? null : { host: name.slice(0, at), container: name.slice(at + 1) };
}

/** The containers of a host that have a network of their own, by name. */
export function containersOf(topology: Topology | null, host: string): ChartNode[] {
  const found = [...(topology?.nodes.values() ?? [])].filter((n) => containerName(n)?.host === host);
  return found.sort((a, b) => names.compare(a.name, b.name));
}

/** `nginx :80`, or `udp :53` when the process is not known. */
export function serviceLabel(service: Pick<Service, 'process' | 'protocol' | 'port'>): string {
  const port = service.protocol === 'udp' ? `:${service.port} udp` : `:${service.port}`;
  return service.process ? `${service.process} ${port}` : port;
}

/** A service that is not at hand, by its id: `node~protocol~port`, at times with an address behind it. */
export function idLabel(id: string): string {
  const [, protocol, port = ''] = /~(tcp|udp)~(\d+)/.exec(id) ?? [];
  if (!port) return id;
  return protocol === 'udp' ? `:${port} udp` : `:${port}`;
}

/** Services as people look for them: by port number, those that are gone last. */
export function byPort(a: Service, b: Service): number {
  const gone = Number(a.state === 'gone') - Number(b.state === 'gone');
  return gone || a.port - b.port || a.protocol.localeCompare(b.protocol) || a.id.localeCompare(b.id);
}

/** Connections by the name of their server as people count, then by port number. */
export function byServer({ server: a }: Connection, { server: b }: Connection): number {
  return names.compare(a.node, b.node) || a.port - b.port;
}

/** The node that a selection belongs to; '' when there is none. */
export function selectedNode(topology: Topology | null, selection: { kind: string; id: string } | null): string {
  if (!selection || !topology) return '';
  if (selection.kind === 'node') return selection.id;
  if (selection.kind === 'service') return topology.services.get(selection.id)?.node ?? '';
  return topology.connections.get(selection.id)?.server.node ?? '';
}

/** Things of which a delta tells the state, with that and what was there before. */
function* turned<T extends { state: string }>(before: ReadonlyMap<string, T>, told: readonly T[] | null | undefined, key: (item: T) => string, patches: readonly Patched[] = []): Generator<readonly [T, T['state'], T['state'] | undefined]> {
  for (const item of told ?? []) yield [item, item.state, before.get(key(item))?.state];
  for (const [id, { state }] of patches) {
    const was = before.get(id);
    if (was && state) yield [was, state as T['state'], was.state];
  }
}

/** What changed for the worse or came back, as sentences for the live region. */
export function announcements(before: Topology, delta: Delta): string[] {
  const said: string[] = [];
  for (const [service, is, was] of turned(before.services, delta.services, (s) => s.id, delta.changed?.services)) {
    const name = `${serviceLabel(service)} on ${service.node}`;
    if (is === 'gone' && was && was !== 'gone') said.push(`service vanished: ${name}`);
    if (is === 'listening' && was === 'gone') said.push(`service is back: ${name}`);
  }
  for (const [node, is, was] of turned(before.nodes, delta.nodes, (n) => n.name, delta.changed?.nodes)) {
    if (is === 'stale' && was === 'reporting') said.push(`node does not report: ${node.name}`);
    if (is === 'reporting' && was === 'stale') said.push(`node reports again: ${node.name}`);
  }
  return said;
}
