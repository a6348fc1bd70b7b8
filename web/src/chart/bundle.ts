import type { Point, Rect } from './camera';
import { contains, union } from './hit';
import { type Path, arrival, routeEdge } from './route';
import type { Scene, SceneBox, SceneEdge } from './scene';
import { edgeWidth } from './width';

/** A neighbourhood is at least this large, chart units: a column, and what is seen at once. */
const LEAST = { w: 120, h: 600 };
/** A large chart has at most this many neighbourhoods across and down. */
const MOST = { across: 6, down: 3 };
/** Between a box and the end of its trunk. */
const FAN = 40;

/** Many connections as one line: what the eye can still follow from far away. */
export interface Bundle {
  path: Path;
  /** On screen, px: a trunk's by all connections that run through it, a branch's always 1. */
  width: number;
  area: Rect;
}

interface Cluster {
  key: string;
  boxes: SceneBox[];
  rect: Rect;
}

interface Trunk {
  from: Cluster;
  to: Cluster;
  count: number;
}

interface Branch {
  box: SceneBox;
  end: Point;
}

/** The neighbourhoods, by name of their boxes. */
function clusters(scene: Scene): Map<string, Cluster> {
  const { x: left, y: top, w: width, h: height } = scene.bounds;
  const w = Math.max(LEAST.w, width / MOST.across);
  const h = Math.max(LEAST.h, height / MOST.down);
  const byKey = new Map<string, Cluster>();
  const byName = new Map<string, Cluster>();
  if (scene.lanes.length > 1) return laneClusters(scene);
  for (const box of scene.boxes) {
    const key = `${Math.floor((box.rect.x - left) / w)} ${Math.floor((box.rect.y - top) / h)}`;
    const cluster = byKey.get(key) ?? { key, boxes: [], rect: box.rect };
    cluster.boxes.push(box);
    byKey.set(key, cluster);
    byName.set(box.node.name, cluster);
  }
  for (const cluster of byKey.values()) {
    const all = union(cluster.boxes.map((b) => b.rect));
    cluster.rect = { ...all, x: all.x - FAN, w: all.w + 2 * FAN };
  }
  return byName;
}

/** Where the layout has lanes, they are the neighbourhoods; what stands beside them is one for itself. */
function laneClusters(scene: Scene): Map<string, Cluster> {
  const lanes = scene.lanes.map((lane, i): Cluster => ({ key: `lane ${i}`, boxes: [], rect: lane.rect }));
  const byName = new Map<string, Cluster>();
  for (const box of scene.boxes) {
    const at = { x: box.rect.x + box.rect.w / 2, y: box.rect.y + box.rect.h / 2 };
    const lane = lanes.find((l) => contains(l.rect, at)) ?? { key: box.node.name, boxes: [], rect: box.rect };
    lane.boxes.push(box);
    byName.set(box.node.name, lane);
  }
  return byName;
}

function middle(rect: Rect): number {
  return rect.y + rect.h / 2;
}

/**
 * The connections between boxes as trunks between neighbourhoods and branches
 * from each box to its trunk's end. Connections inside a neighbourhood, and those
 * inside a box, are too short to be seen from where bundles are drawn.
 */
export function bundle(scene: Scene): Bundle[] {
  const byName = clusters(scene);
  const trunks = new Map<string, Trunk>();
  const members = new Map<Trunk, SceneEdge[]>();
  for (const edge of scene.edges) {
    const from = byName.get(edge.client.node.name);
    const to = byName.get(edge.server.node.name);
    if (!from || !to || from === to || edge.quiet) continue;
    const key = `${from.key} ${to.key}`;
    const trunk = trunks.get(key) ?? { from, to, count: 0 };
    trunk.count += edge.connection.count;
    trunks.set(key, trunk);
    const held = members.get(trunk);
    if (held) held.push(edge);
    else members.set(trunk, [edge]);
  }
  const branches = new Map<string, Branch>();
  const trunkLines = [...members].map(([trunk, edges]) => {
    const path = routeEdge({ box: trunk.from.rect, y: middle(trunk.from.rect) }, { box: trunk.to.rect, y: middle(trunk.to.rect) }, () => []);
    if (scene.lanes.length <= 1) for (const edge of edges) branch(branches, edge, path);
    return line(path, edgeWidth(trunk.count));
  });
  return [...trunkLines, ...[...branches.values()].map((b) => line(fan(b), 1))];
}

/** Both ends of an edge join the trunk; a box has one branch to each end of a trunk. */
function branch(branches: Map<string, Branch>, edge: SceneEdge, trunk: Path): void {
  const last = arrival(trunk);
  const ends = [
    { box: edge.client, end: { x: trunk.x, y: trunk.y } },
    { box: edge.server, end: { x: last.x, y: last.y } },
  ];
  for (const { box, end } of ends) {
    const key = `${box.node.name} ${end.x} ${end.y}`;
    branches.set(key, { box, end });
  }
}

function fan({ box: { rect }, end }: Branch): Path {
  const x = end.x > rect.x + rect.w / 2 ? rect.x + rect.w : rect.x;
  const y = middle(rect);
  const bend = (x + end.x) / 2;
  return { x, y, curves: [bend, y, bend, end.y, end.x, end.y] };
}

function line(path: Path, width: number): Bundle {
  const xs = [path.x];
  const ys = [path.y];
  path.curves.forEach((v, i) => (i % 2 === 0 ? xs : ys).push(v));
  const x = Math.min(...xs);
  const y = Math.min(...ys);
  return { path, width, area: { x, y, w: Math.max(...xs) - x, h: Math.max(...ys) - y } };
}
