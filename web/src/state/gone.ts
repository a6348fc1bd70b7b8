import type { ChartNode, Comparison, Connection, Ghost } from '../api/types';
import { startOf } from './around';
import type { Topology } from './topology';

/** So long before something was gone it was surely there, ms. */
const BEFORE_MS = 2_000;

/** A moment at which all that is gone was there, RFC 3339; '' where nobody saw it go. What was before it may be unknown. */
export function beforeGone(ghosts: readonly Ghost[]): string {
  const times = ghosts.flatMap((g) => (g.since ? [Date.parse(g.since)] : []));
  return times.length > 0 ? new Date(Math.min(...times) - BEFORE_MS).toISOString() : '';
}

/** What is gone from a chart, and keeps its place for a while. */
export interface Gone {
  readonly boxes: readonly Ghost[];
  /** The connections that it had, between boxes of the chart and those. */
  readonly connections: readonly Connection[];
}

export const NOTHING_GONE: Gone = { boxes: [], connections: [] };

/**
 * What is gone from a topology: the boxes whose places are kept, and of the connections that
 * vanished meanwhile those that had an end there. Without a comparison nobody knows them.
 */
export function goneOf(topology: Topology, diff: Comparison | null): Gone {
  const boxes = (topology.ghosts ?? []).filter((g) => !topology.nodes.has(g.name));
  if (boxes.length === 0) return NOTHING_GONE;
  const names = new Set(boxes.map((g) => g.name));
  const box = (node: string): string => (names.has(node) ? node : ([...startOf(topology, node).boxes][0] ?? ''));
  const found = new Map<string, Connection>();
  for (const { change, connection } of diff?.connections ?? []) {
    if (change !== 'vanished' || topology.connections.has(connection.id)) continue;
    const [from, to] = [box(connection.client.node), box(connection.server.node)];
    if (from === '' || to === '' || (!names.has(from) && !names.has(to))) continue;
    const key = `${from}\n${to}\n${connection.server.port}`;
    const last: Connection = { ...connection, count: 0, client: { ...connection.client, node: from }, server: { ...connection.server, node: to } };
    // How it fared then is nothing that fails now.
    delete last.health;
    if (!found.has(key)) found.set(key, last);
  }
  return { boxes, connections: [...found.values()] };
}

/** The box of what is gone, as a chart draws boxes: it says since when. */
export function goneBox({ name, title, kind, group, shared, since, layout }: Ghost): ChartNode {
  const at = since ?? '';
  return {
    name,
    kind: kind || 'host',
    zone: '',
    addresses: [],
    state: 'stale',
    first_seen: at,
    last_report: at,
    ...(title ? { known_as: title, title } : {}),
    ...(group ? { group } : {}),
    shared: shared ?? false,
    layout,
    rows: [],
    status: 'NONE',
    open_status: 'NONE',
  };
}
