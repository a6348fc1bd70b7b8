import type { Member, Status } from '../api/types';
import { openOf, severity } from './checks';
import { type Topology, isMany } from './topology';

/** A pool or group of a chart, as a list has it. */
export interface Many {
  id: string;
  title: string;
  kind: 'pool' | 'group';
  /** Whether it has a box: a group that is a lane has none, nor has a pool whose members stand on the chart. */
  boxed: boolean;
  /** Its own box, or the boxes that it is the ground of. */
  nodes: readonly string[];
  members: number;
  trouble: number;
  silent: number;
  worst: Status;
  services: number;
  connections: number;
  /** The title of its group. */
  group: string;
}

/** The pools and groups that a chart shows, as boxes or as lanes; those by name. */
export function manyOf(topology: Topology): Many[] {
  const boxes = [...topology.nodes.values()];
  const lanes = (topology.lanes ?? []).filter((l) => l.id !== '');
  const titles = new Map(lanes.map((l) => [l.id, l.title || l.id]));
  const boxed = boxes.filter(isMany).map((n) => countsOf(topology, { id: n.name, title: n.title || n.name, kind: n.kind as Many['kind'], boxed: true, nodes: [n.name], group: titles.get(n.group ?? '') ?? '' }));
  const grounds = lanes.filter((l) => !topology.nodes.has(l.id)).map((l) => countsOf(topology, { id: l.id, title: l.title || l.id, kind: 'group', boxed: false, nodes: boxes.filter((n) => n.group === l.id).map((n) => n.name), group: '' }));
  return [...boxed, ...grounds].sort((a, b) => a.title.localeCompare(b.title, 'en', { numeric: true }));
}

function countsOf(topology: Topology, base: Pick<Many, 'id' | 'title' | 'kind' | 'boxed' | 'nodes' | 'group'>): Many {
  const names = new Set(base.nodes);
  const members = base.nodes.flatMap((name): readonly Member[] => {
    const node = topology.nodes.get(name);
    return node ? (node.members ?? [node]) : [];
  });
  const open = members.map(openOf);
  return {
    ...base,
    members: members.length,
    trouble: open.filter((s) => s !== 'NONE').length,
    silent: members.filter((m) => m.state === 'stale' || m.state === 'stopped').length,
    worst: open.reduce<Status>((a, b) => (severity(b) > severity(a) ? b : a), 'NONE'),
    services: [...topology.services.values()].filter((s) => names.has(s.node)).length,
    connections: [...topology.connections.values()].filter((c) => names.has(c.client.node) || names.has(c.server.node)).length,
  };
}
