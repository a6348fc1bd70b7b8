import type { LaneInfo } from '../api/types';
import type { Point, Rect } from './camera';
import { held } from './course';
import { sameRect, union } from './hit';
import { type Path, arrival, routeFreely } from './route';
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
  edges: Set<SceneEdge>;
  line: Bundle | null;
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
  const lanes = new Map((scene.source.lanes ?? []).map((lane, i): [LaneInfo | null, Cluster] => [lane, { key: `lane ${i}`, boxes: [], rect: lane.layout }]));
  const byName = new Map<string, Cluster>();
  for (const box of scene.boxes) {
    const lane = lanes.get(box.ground) ?? { key: box.node.name, boxes: [], rect: box.rect };
    lane.boxes.push(box);
    byName.set(box.node.name, lane);
  }
  return byName;
}

function middle(rect: Rect): number {
  return rect.y + rect.h / 2;
}

/** The end of a trunk, and the boxes that have a branch to it. */
interface Fan {
  end: Point;
  boxes: Set<SceneBox>;
}

/**
 * The connections between boxes as trunks between neighbourhoods and branches
 * from each box to its trunk's end. Connections inside a neighbourhood, and those
 * inside a box, are too short to be seen from where bundles are drawn.
 */
export class Trunks {
  readonly #branched: boolean;
  readonly #clusters: Map<string, Cluster>;
  readonly #trunks = new Map<Cluster, Map<Cluster, Trunk>>();
  #lines: readonly Bundle[] | null = null;

  constructor(scene: Scene) {
    this.#branched = scene.lanes.length <= 1;
    this.#clusters = clusters(scene);
    for (const edge of scene.edges) this.add(edge, edge.connection.count);
  }

  /** Takes in an edge, or by how much more it carries than before; without a count it is gone. */
  add(edge: SceneEdge, count: number, gone = false): void {
    const from = this.#clusters.get(edge.client.node.name);
    const to = this.#clusters.get(edge.server.node.name);
    if (edge.quiet || !from || !to || from === to) return;
    const all = held(this.#trunks, from, () => new Map<Cluster, Trunk>());
    const trunk = held(all, to, () => ({ from, to, count: 0, edges: new Set<SceneEdge>(), line: null }));
    trunk.count += count;
    if (gone) trunk.edges.delete(edge);
    else trunk.edges.add(edge);
    if (trunk.edges.size === 0) all.delete(to);
    if (trunk.edges.size > 0 && trunk.line?.width === edgeWidth(trunk.count)) return;
    trunk.line = null;
    this.#lines = null;
  }

  /** Takes in that boxes moved; false if others are neighbours now, so that all is to be counted anew. */
  move(scene: Scene): boolean {
    if (this.#branched || scene.lanes.length <= 1) return false;
    const keys = new Map((scene.source.lanes ?? []).map((lane, i): [LaneInfo | null, string] => [lane, `lane ${i}`]));
    for (const { node, ground } of scene.boxes) if (this.#clusters.get(node.name)?.key !== (keys.get(ground) ?? node.name)) return false;
    const moved = new Set<Cluster>();
    for (const { node, ground, rect } of scene.boxes) {
      const cluster = this.#clusters.get(node.name) as Cluster;
      const now = ground?.layout ?? rect;
      if (!sameRect(cluster.rect, now)) moved.add(cluster);
      cluster.rect = now;
    }
    for (const to of this.#trunks.values()) {
      for (const trunk of to.values()) {
        if (!moved.has(trunk.from) && !moved.has(trunk.to)) continue;
        trunk.line = null;
        this.#lines = null;
      }
    }
    return true;
  }

  get lines(): readonly Bundle[] {
    return (this.#lines ??= this.#drawn());
  }

  #drawn(): Bundle[] {
    const fans = new Map<string, Fan>();
    const trunks = [...this.#trunks.values()].flatMap((to) => [...to.values()]);
    const lines = trunks.map((trunk) => {
      const { from, to, count, edges } = trunk;
      trunk.line ??= line(routeFreely({ box: from.rect, y: middle(from.rect) }, { box: to.rect, y: middle(to.rect) }), edgeWidth(count));
      if (this.#branched) branch(fans, edges, trunk.line.path);
      return trunk.line;
    });
    return [...lines, ...[...fans.values()].flatMap(({ end, boxes }) => [...boxes].map((box) => line(fan(box, end), 1)))];
  }
}

/** Both ends of an edge join the trunk; a box has one branch to each end of a trunk. */
function branch(fans: Map<string, Fan>, edges: ReadonlySet<SceneEdge>, trunk: Path): void {
  const fanAt = ({ x, y }: Point): Fan => held(fans, `${x} ${y}`, () => ({ end: { x, y }, boxes: new Set() }));
  const [first, last] = [fanAt(trunk), fanAt(arrival(trunk))];
  for (const { client, server } of edges) {
    first.boxes.add(client);
    last.boxes.add(server);
  }
}

function fan({ rect }: SceneBox, end: Point): Path {
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
