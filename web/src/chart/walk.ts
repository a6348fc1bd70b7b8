import type { Selection } from '../state/route';
import { arrival } from './route';
import { ROW, type Scene, type SceneEdge } from './scene';

/** Along connections: `out` from client to server, `in` against them. */
export type Heading = 'out' | 'in';

function near(edge: SceneEdge, heading: Heading) {
  return heading === 'out' ? edge.connection.client : edge.connection.server;
}

/** Where an edge meets its near end. */
function height(edge: SceneEdge, heading: Heading): number {
  return heading === 'out' ? edge.path.y : arrival(edge.path).y;
}

/** Where a walk can go from a node or service. */
function ways(scene: Scene, from: Selection, heading: Heading): SceneEdge[] {
  if (from.kind === 'node') return (scene.edgesByNode.get(from.id) ?? []).filter((e) => near(e, heading).node === from.id);
  return scene.edges.filter((e) => near(e, heading).service === from.id);
}

/** What lies at the far end of a connection: its service where it has a row, else its node. */
function farEnd(scene: Scene, edge: SceneEdge, heading: Heading): Selection {
  const end = heading === 'out' ? edge.connection.server : edge.connection.client;
  const row = scene.boxByName.get(end.node)?.rows.find((r) => r.service !== null && r.service.id === end.service);
  return row ? { kind: 'service', id: end.service } : { kind: 'node', id: end.node };
}

/**
 * One step along the connections: from a node or service to its busiest
 * connection, from a connection to the end it leads to. Null where it ends.
 */
export function step(scene: Scene, from: Selection, heading: Heading): Selection | null {
  if (from.kind === 'connection') {
    const edge = scene.edges.find((e) => e.connection.id === from.id);
    return edge ? farEnd(scene, edge, heading) : null;
  }
  const [first] = ways(scene, from, heading).sort((a, b) => b.connection.count - a.connection.count || height(a, heading) - height(b, heading));
  return first ? { kind: 'connection', id: first.connection.id } : null;
}

/** The next or previous connection of the same node, from top to bottom and round. */
export function sibling(scene: Scene, id: string, heading: Heading, by: 1 | -1): Selection | null {
  const edge = scene.edges.find((e) => e.connection.id === id);
  if (!edge) return null;
  const all = ways(scene, { kind: 'node', id: near(edge, heading).node }, heading);
  all.sort((a, b) => height(a, heading) - height(b, heading) || a.connection.id.localeCompare(b.connection.id));
  const next = all[(all.indexOf(edge) + by + all.length) % all.length];
  return next && next !== edge ? { kind: 'connection', id: next.connection.id } : null;
}

/** What to bring into view for a selection. */
export function placeOf(scene: Scene, selection: Selection) {
  if (selection.kind === 'node') return scene.boxByName.get(selection.id)?.rect ?? null;
  if (selection.kind === 'connection') return scene.edges.find((e) => e.connection.id === selection.id)?.area ?? null;
  for (const { rect, rows } of scene.boxes) {
    const row = rows.find((r) => r.service?.id === selection.id);
    if (row) return { x: rect.x, y: row.y - ROW / 2, w: rect.w, h: ROW };
  }
  return null;
}
