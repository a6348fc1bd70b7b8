import type { LaneInfo, Status } from '../api/types';
import { plural } from '../lib/format';
import { openOf, severity } from '../state/checks';
import type { Topology } from '../state/topology';
import { countInside } from '../state/words';
import { ROW, type SceneBox, type SceneRow, buildBoxes } from './box';
import { type Bundle, Trunks } from './bundle';
import { type Point, type Rect, levelAt } from './camera';
import { Router, type SceneEdge, buildEdges, clientY, held, serverY } from './course';
import { buildEdgesDown, crowdedOut } from './downcourse';
import { Grid, atLeast, contains, distanceTo, middleOf, overlaps, union } from './hit';

export { FOOT, HEADER, MEMBERS, ROW, type SceneBox, type SceneRow } from './box';
export { type SceneEdge } from './course';

/** The smallest area that answers a pointer, screen pixels. */
export const MIN_HIT = 24;

/** A ground behind boxes that belong together. */
export interface Lane {
  rect: Rect;
  title: string;
  subtitle: string;
  /** The strip of shared services: its name stands beside its boxes. */
  strip?: boolean;
  /** Of the strip: where its first box begins, and its last one ends. */
  start?: number;
  end?: number;
  /** The worst open trouble of what stands on it. */
  worst?: Status;
}

/** Everything the renderer draws. It holds no state of the viewer. */
export interface Scene {
  /** What it was made of. */
  source: Topology;
  parts: Parts;
  router: Router;
  boxes: readonly SceneBox[];
  edges: readonly SceneEdge[];
  /** The edges that may be in trouble, now or in a moment: the others need no second look. */
  suspects: readonly SceneEdge[];
  /** When its topology was made, ms. */
  at: number;
  /** The ground of the whole site, where it has no lanes. */
  lane: Lane | null;
  lanes: readonly Lane[];
  /** One lane, whose columns run down the page. */
  down: boolean;
  /** What did not change stands back. */
  compared: boolean;
  /** All that is drawn: what Fit shows. */
  bounds: Rect;
  boxByName: ReadonlyMap<string, SceneBox>;
  // What follows is made when somebody first asks: many scenes of a busy site are never asked.
  /** The edges of connections that are there. */
  readonly edgeById: ReadonlyMap<string, SceneEdge>;
  /** The edges of each node that has some. */
  readonly edgesByNode: ReadonlyMap<string, readonly SceneEdge[]>;
  readonly boxGrid: Grid<SceneBox>;
  /** The busiest edges: their counts are always written. */
  readonly busiest: ReadonlySet<SceneEdge>;
  /** The busiest of the parallel edges between two nodes, for each two. */
  readonly leads: ReadonlySet<SceneEdge>;
  /** The edges as seen from far away. */
  readonly bundles: readonly Bundle[];
  /** What the one before would be drawn otherwise in; without it, in anything. */
  news?: News;
}

/** Where a scene looks unlike the one that it was renewed from. */
export interface News {
  /** At boxes or lanes: from however far away. */
  boxes: boolean;
  /** At what may be in trouble. */
  trouble: boolean;
  /** At lines and their figures, seen from near enough. */
  edges: boolean;
}

const BUSIEST = 5;
const LANE_PAD = 24;
const LANE_HEAD = 60;

/** The busiest edges, none with a single connection; of equals the first. */
function busiestOf(edges: readonly SceneEdge[]): ReadonlySet<SceneEdge> {
  const busiest: SceneEdge[] = [];
  for (const edge of edges) {
    const { count } = edge.connection;
    if (edge.quiet || count < 2 || (busiest.length === BUSIEST && count <= (busiest.at(-1)?.connection.count ?? 0))) continue;
    const at = busiest.findIndex((e) => e.connection.count < count);
    busiest.splice(at < 0 ? busiest.length : at, 0, edge);
    busiest.length = Math.min(busiest.length, BUSIEST);
  }
  return new Set(busiest);
}

/** The busiest of the edges between each two boxes; of equals the first. */
function leadsOf(edges: readonly SceneEdge[]): ReadonlySet<SceneEdge> {
  const pairs = new Map<SceneBox, Map<SceneBox, SceneEdge>>();
  for (const edge of edges) {
    if (edge.quiet) continue;
    const { client, server } = edge;
    const [a, b] = client.node.name < server.node.name ? [client, server] : [server, client];
    const of = held(pairs, a, () => new Map<SceneBox, SceneEdge>());
    const lead = of.get(b);
    if (!lead || edge.connection.count > lead.connection.count) of.set(b, edge);
  }
  return new Set([...pairs.values()].flatMap((of) => [...of.values()]));
}

function grown(rect: Rect, pad: number, head: number): Rect {
  return { x: rect.x - pad, y: rect.y - head, w: rect.w + 2 * pad, h: rect.h + head + pad };
}

function isOutside(box: SceneBox): boolean {
  return box.node.kind === 'internet' || box.node.kind === 'network';
}

/** The ground of the site; outside boxes stand on it only where they have no room beside it. */
function buildLane(boxes: readonly SceneBox[], edges: readonly SceneEdge[], title: LaneTitle): Lane | null {
  const inside = boxes.filter((b) => !isOutside(b));
  if (inside.length === 0) return null;
  const loops = edges.filter((e) => e.client === e.server).map((e) => e.area);
  let rect = grown(union([...inside.map((b) => b.rect), ...loops]), LANE_PAD, LANE_HEAD);
  const clash = boxes.filter((b) => isOutside(b) && overlaps(atLeast(b.rect, 0), rect));
  if (clash.length > 0) rect = union([rect, grown(union(clash.map((b) => b.rect)), LANE_PAD, LANE_HEAD)]);
  return { rect: roomForTitle(rect, boxes), ...title };
}

/** So wide that a lane of one small box holds its own name. */
const LANE_LEAST = 250;

/** A narrow lane is widened to the right, as far as nothing else stands there. */
function roomForTitle(rect: Rect, boxes: readonly SceneBox[]): Rect {
  const beside = boxes.filter((b) => b.rect.x >= rect.x + rect.w && b.rect.y < rect.y + rect.h && b.rect.y + b.rect.h > rect.y);
  const free = Math.min(...beside.map((b) => b.rect.x - LANE_PAD)) - rect.x;
  return { ...rect, w: Math.max(rect.w, Math.min(LANE_LEAST, free)) };
}

export type LaneTitle = Pick<Lane, 'title' | 'subtitle'>;

/** The grounds that the layout gives, with what stands on them. */
function buildLanes(lanes: readonly LaneInfo[], boxes: readonly SceneBox[], topology: Topology, crowded: number): Lane[] {
  const standing = new Map<LaneInfo, SceneBox[]>();
  for (const box of boxes) if (box.ground && !box.gone) held(standing, box.ground, () => []).push(box);
  return lanes.map((lane) => {
    const { id, title, layout } = lane;
    const on = standing.get(lane) ?? [];
    const worst = on.map((b) => openOf(b.node)).reduce<Status>((a, b) => (severity(b) > severity(a) ? b : a), 'NONE');
    if (id === '') return { rect: layout, title: 'Shared services', subtitle: 'lines on hover', strip: true, start: Math.min(layout.x + layout.w, ...on.map((b) => b.rect.x)), end: Math.max(layout.x, ...on.map((b) => b.rect.x + b.rect.w)), worst };
    const subtitle = lazy(() => `${countsOf(on, topology)}${crowded > 0 ? `; tap a box for its ${plural(crowded, 'more line')}` : ''}`);
    return {
      rect: layout,
      title: title || id,
      get subtitle() {
        return subtitle();
      },
      worst,
    };
  });
}

/** `12 nodes, 30 services`: what stands on a lane. */
function countsOf(boxes: readonly SceneBox[], topology: Topology): string {
  const names = new Set(boxes.map((b) => b.node.name));
  let services = 0;
  for (const s of topology.services.values()) if (names.has(s.node)) services++;
  return [plural(countInside(boxes.map((b) => b.node)), 'node'), ...(services > 0 ? [plural(services, 'service')] : [])].join(', ');
}

/** Makes something when it is first asked for. */
export function lazy<T extends object | string>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}

/**
 * Topology to drawing. Pure: the same topology always gives the same scene. `before`
 * only saves work: what did not change is taken from it. Afterwards it is over: what it
 * was never asked for it would tell of the boxes of now.
 */
export function buildScene(topology: Topology, lane: LaneTitle, before: Scene | null = null): Scene {
  const boxes = buildBoxes(topology, before);
  const boxGrid = lazy(() => gridOf(boxes.all));
  const router = routerOf(boxes.all, before);
  router.look(boxGrid);
  const same = before !== null && router === before.router && !before.down;
  const edges = topology.down ? buildEdgesDown(topology, boxes, boxGrid(), router) : buildEdges(topology, boxes, same ? before.edges : [], router);
  router.only(edges);
  return sceneOf(topology, lane, {
    boxes: boxes.all,
    boxByName: boxes.byName,
    boxGrid,
    router,
    edges,
    suspects: edges.filter((e) => e.suspect),
    compared: [...(topology.marks?.connections.values() ?? [])].some((m) => m !== 'absent') || [...(topology.marks?.nodes.values() ?? [])].some((m) => m !== 'absent'),
  });
}

/** What a scene is made of. */
export interface Parts extends Pick<Scene, 'boxes' | 'boxByName' | 'router' | 'edges' | 'suspects' | 'compared'> {
  boxGrid: () => Grid<SceneBox>;
  // Made when somebody first asks.
  byId?: Map<string, SceneEdge> | undefined;
  byNode?: Map<string, SceneEdge[]> | undefined;
  /** Those that make room for each other. */
  loose?: readonly SceneEdge[] | undefined;
  trunks?: Trunks | undefined;
  /** Where nothing of them is otherwise than before. */
  lanes?: readonly Lane[] | undefined;
  bounds?: Rect | undefined;
}

export function sceneOf(topology: Topology, lane: LaneTitle, parts: Parts): Scene {
  const { boxes, edges } = parts;
  const lanes = parts.lanes ?? buildLanes(topology.lanes ?? [], boxes, topology, topology.down ? crowdedOut(edges) : 0);
  const ground = lanes.length > 0 ? null : buildLane(boxes, edges, lane);
  const grounds = ground ? [ground] : lanes;
  const [busiest, leads] = [lazy(() => busiestOf(edges)), lazy(() => leadsOf(edges))];
  const scene: Scene = {
    source: topology,
    parts,
    boxes,
    edges,
    suspects: parts.suspects,
    at: Date.parse(topology.at) || 0,
    lane: ground,
    lanes: grounds,
    down: topology.down ?? false,
    compared: parts.compared,
    bounds: parts.bounds ?? union([...boxes.map((b) => b.rect), ...grounds.map((l) => l.rect)]),
    boxByName: parts.boxByName,
    router: parts.router,
    get edgeById() {
      return edgesById(parts);
    },
    get edgesByNode() {
      return (parts.byNode ??= indexByNode(edges));
    },
    get boxGrid() {
      return parts.boxGrid();
    },
    get busiest() {
      return busiest();
    },
    get leads() {
      return leads();
    },
    get bundles() {
      return (parts.trunks ??= new Trunks(scene)).lines;
    },
  };
  return scene;
}

/** Finds ways as before, as long as no box is higher than those were. */
function routerOf(boxes: readonly SceneBox[], before: Scene | null): Router {
  const tallest = boxes.reduce((most, b) => Math.max(most, b.rect.h), 0);
  return before && tallest <= before.router.tallest ? before.router : new Router(tallest);
}

export function gridOf(boxes: readonly SceneBox[]): Grid<SceneBox> {
  const grid = new Grid<SceneBox>();
  for (const box of boxes) grid.add(box, box.rect);
  return grid;
}

export function edgesById(parts: Parts): Map<string, SceneEdge> {
  return (parts.byId ??= new Map(parts.edges.filter((e) => e.mark !== 'vanished').map((e) => [e.connection.id, e])));
}

export function indexByNode(edges: readonly SceneEdge[]): Map<string, SceneEdge[]> {
  const byNode = new Map<string, SceneEdge[]>();
  for (const edge of edges) {
    held(byNode, edge.client.node.name, () => []).push(edge);
    if (edge.server !== edge.client) held(byNode, edge.server.node.name, () => []).push(edge);
  }
  return byNode;
}

/** What lies under a pointer. */
export type Hit =
  | { kind: 'row'; box: SceneBox; row: SceneRow }
  | { kind: 'box'; box: SceneBox }
  | { kind: 'edge'; edge: SceneEdge };

/**
 * The thing at `p` (chart units): rows and boxes first, then the nearest edge within
 * half the smallest hit area. `k` is the zoom: areas are at least 24 px on screen.
 * Where edges are drawn as bundles, none is hit: nobody could tell which.
 */
export function hitTest(scene: Scene, p: Point, k: number): Hit | null {
  const side = MIN_HIT / k;
  const reach = { x: p.x - side / 2, y: p.y - side / 2, w: side, h: side };
  const boxes = scene.boxGrid.near(reach);
  const inside = boxes.find((b) => contains(b.rect, p));
  if (inside) return inBox(inside, p);
  const edge = levelAt(k, null) === 'dot' ? null : nearestEdge(scene, p, reach, side / 2);
  const near = boxes.find((b) => contains(atLeast(b.rect, side), p));
  if (near) return { kind: 'box', box: near };
  return edge ? { kind: 'edge', edge } : null;
}

function inBox(box: SceneBox, p: Point): Hit {
  const row = box.rows.find((r) => Math.abs(r.y - p.y) <= ROW / 2);
  return row && row.row.kind !== 'more' ? { kind: 'row', box, row } : { kind: 'box', box };
}

function nearestEdge(scene: Scene, p: Point, reach: Rect, max: number): SceneEdge | null {
  let best: SceneEdge | null = null;
  let nearest = max;
  for (const edge of scene.edges) {
    if (edge.quiet || !edge.touches(reach)) continue;
    const distance = distanceTo(edge.points, p);
    if (distance < nearest) {
      nearest = distance;
      best = edge;
    }
  }
  return best;
}

/** The edges that belong to a hit: of the row, of the box, or the edge itself. */
export function edgesOf(scene: Scene, hit: Hit): readonly SceneEdge[] {
  if (hit.kind === 'edge') return [hit.edge];
  const all = scene.edgesByNode.get(hit.box.node.name) ?? [];
  if (hit.kind === 'box') return all;
  return all.filter((e) => touchesRow(e, hit.box, hit.row));
}

function touchesRow(edge: SceneEdge, box: SceneBox, row: SceneRow): boolean {
  const leaves = edge.client === box && clientY(box, edge.connection) === row.y;
  const arrives = edge.server === box && serverY(box, edge.connection) === row.y;
  return leaves || arrives;
}

export type Direction = 'left' | 'right' | 'up' | 'down';

/** The next box in a direction: near counts, and straight ahead counts more than aside. */
export function nextBox(scene: Scene, from: SceneBox, direction: Direction): SceneBox | null {
  const at = middleOf(from.rect);
  let best: SceneBox | null = null;
  let least = Infinity;
  for (const box of scene.boxes) {
    if (box === from) continue;
    const to = middleOf(box.rect);
    const [ahead, beside] = along(direction, to.x - at.x, to.y - at.y);
    const cost = ahead + 2 * Math.abs(beside);
    if (ahead > 0 && Math.abs(beside) <= 3 * ahead && cost < least) {
      least = cost;
      best = box;
    }
  }
  return best;
}

function along(direction: Direction, dx: number, dy: number): [number, number] {
  if (direction === 'right') return [dx, dy];
  if (direction === 'left') return [-dx, dy];
  return direction === 'down' ? [dy, dx] : [-dy, dx];
}
