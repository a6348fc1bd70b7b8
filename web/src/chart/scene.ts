import type { ChartNode, ClientRow, Connection, MoreRow, Service, ServiceRow } from '../api/types';
import type { Growth } from '../state/growth';
import { isSuspect } from '../state/health';
import type { Topology } from '../state/topology';
import { type Point, type Rect, levelAt } from './camera';
import { type Bundle, bundle } from './bundle';
import { Grid, atLeast, contains, distanceTo, overlaps, union } from './hit';
import { type Path, type Port, arrival, loopChannels, middle, routeEdge, routeLoop, sample } from './route';
import { edgeWidth } from './width';

/** Geometry that the server's layout is computed with, chart units. */
export const HEADER = 27;
export const ROW = 20;
export const FOOT = 6;

/** The smallest area that answers a pointer, screen pixels. */
export const MIN_HIT = 24;

export interface SceneRow {
  row: ServiceRow | ClientRow | MoreRow;
  /** Middle of the row, chart units. */
  y: number;
  service: Service | null;
  /** What grew of it while this page looked. */
  growth: Growth | undefined;
}

export interface SceneBox {
  node: ChartNode;
  rect: Rect;
  rows: readonly SceneRow[];
}

export interface SceneEdge {
  connection: Connection;
  client: SceneBox;
  server: SceneBox;
  path: Path;
  /** The path as points, for hit tests and culling. */
  points: readonly Point[];
  area: Rect;
  /** Line width at zoom 1. */
  width: number;
  label: Point;
  /** One of the busiest: its count is always written. */
  busy: boolean;
  /** The busiest of the parallel edges between its two nodes. */
  lead: boolean;
  /** What grew of it while this page looked. */
  growth: Growth | undefined;
}

/** A ground behind boxes that belong together. */
export interface Lane {
  rect: Rect;
  title: string;
  subtitle: string;
}

/** Everything the renderer draws. It holds no state of the viewer. */
export interface Scene {
  boxes: readonly SceneBox[];
  edges: readonly SceneEdge[];
  /** The edges that may be in trouble, now or in a moment: the others need no second look. */
  suspects: readonly SceneEdge[];
  /** When its topology was made, ms. */
  at: number;
  lane: Lane | null;
  /** All that is drawn: what Fit shows. */
  bounds: Rect;
  boxByName: ReadonlyMap<string, SceneBox>;
  edgesByNode: ReadonlyMap<string, readonly SceneEdge[]>;
  boxGrid: Grid<SceneBox>;
  /** Built when a pointer first asks: many scenes of a busy site are never pointed at. */
  readonly edgeGrid: Grid<SceneEdge>;
  /** The edges as seen from far away; built when first seen so. */
  readonly bundles: readonly Bundle[];
}

const BUSIEST = 5;
const LANE_PAD = 24;
const LANE_HEAD = 60;

function sceneBox(node: ChartNode, { services, grown }: Topology): SceneBox {
  const { x, y, w, h } = node.layout;
  const rows = (node.rows ?? []).map((row, i) => ({
    row,
    y: y + HEADER + (i + 0.5) * ROW,
    service: row.kind === 'service' ? (services.get(row.service) ?? null) : null,
    growth: row.kind === 'service' ? grown.get(row.service) : undefined,
  }));
  return { node, rect: { x, y, w, h }, rows };
}

function rowOfService(box: SceneBox, id: string): SceneRow | undefined {
  return id === '' ? undefined : box.rows.find(({ row }) => row.kind === 'service' && row.service === id);
}

function rowOfProcess(box: SceneBox, process: string): SceneRow | undefined {
  if (process === '') return undefined;
  return box.rows.find(({ row }) => row.kind !== 'more' && row.process === process);
}

/** Where a connection leaves: its service's row, else its process's, else the header. */
export function clientY(box: SceneBox, connection: Connection): number {
  const { service, process } = connection.client;
  const row = rowOfService(box, service) ?? rowOfProcess(box, process);
  if (row) return row.y;
  return box.rows.length === 0 ? box.rect.y + box.rect.h / 2 : box.rect.y + HEADER / 2;
}

/** Where a connection arrives: its service's row, else the middle of the box. */
export function serverY(box: SceneBox, connection: Connection): number {
  return rowOfService(box, connection.server.service)?.y ?? box.rect.y + box.rect.h / 2;
}

interface Plan {
  connection: Connection;
  client: SceneBox;
  server: SceneBox;
  from: number;
  to: number;
  growth: Growth | undefined;
}

function plan(topology: Topology, boxes: ReadonlyMap<string, SceneBox>): Plan[] {
  const plans: Plan[] = [];
  for (const connection of topology.connections.values()) {
    const client = boxes.get(connection.client.node);
    const server = boxes.get(connection.server.node);
    if (!client || !server) continue;
    const growth = topology.grown.get(connection.id);
    plans.push({ connection, client, server, from: clientY(client, connection), to: serverY(server, connection), growth });
  }
  return plans;
}

/** One end of a plan at a box without rows. */
interface LooseEnd {
  plan: Plan;
  near: 'from' | 'to';
  far: 'from' | 'to';
}

const SPREAD_PITCH = 12;

/**
 * A box without rows, such as Internet: its edges, in and out, spread over each of
 * its sides, in the order of their far ends, so that none hides another.
 */
function spread(plans: readonly Plan[]): void {
  const sides = new Map<string, { box: SceneBox; ends: LooseEnd[] }>();
  const add = (box: SceneBox, other: SceneBox, end: LooseEnd): void => {
    if (box.rows.length > 0 || box === other) return;
    const side = other.rect.x + other.rect.w <= box.rect.x ? 'left' : 'right';
    const key = `${side} ${box.node.name}`;
    const held = sides.get(key);
    if (held) held.ends.push(end);
    else sides.set(key, { box, ends: [end] });
  };
  for (const plan of plans) {
    add(plan.client, plan.server, { plan, near: 'from', far: 'to' });
    add(plan.server, plan.client, { plan, near: 'to', far: 'from' });
  }
  // Heights of the far ends before anything moves: the order must not depend on the order of boxes.
  const heights = new Map(plans.map((p) => [p, { from: p.from, to: p.to }]));
  for (const { box, ends } of sides.values()) place(box, ends, (e) => heights.get(e.plan)?.[e.far] ?? 0);
}

function place({ rect }: SceneBox, ends: LooseEnd[], farHeight: (end: LooseEnd) => number): void {
  ends.sort((a, b) => farHeight(a) - farHeight(b) || a.plan.connection.id.localeCompare(b.plan.connection.id));
  const room = rect.h - 2 * Math.min(10, rect.h / 4);
  const pitch = ends.length < 2 ? 0 : Math.min(SPREAD_PITCH, room / (ends.length - 1));
  ends.forEach(({ plan, near }, i) => {
    plan[near] = rect.y + rect.h / 2 + (i - (ends.length - 1) / 2) * pitch;
  });
}

function areaOf(points: readonly Point[]): Rect {
  const xs = points.map((p) => p.x);
  const ys = points.map((p) => p.y);
  const x = Math.min(...xs);
  const y = Math.min(...ys);
  return { x, y, w: Math.max(...xs) - x, h: Math.max(...ys) - y };
}

/** What of an edge follows from its path alone. */
type Course = Pick<SceneEdge, 'path' | 'points' | 'area' | 'label'>;

function course(path: Path): Course {
  const points = sample(path, 12);
  return { path, points, area: areaOf(points), label: middle(path) };
}

function sceneEdge(p: Plan, along: Course): SceneEdge {
  return {
    ...along,
    connection: p.connection,
    client: p.client,
    server: p.server,
    width: edgeWidth(p.connection.count),
    busy: false,
    lead: false,
    growth: p.growth,
  };
}

function sameRect(a: Rect, b: Rect): boolean {
  return a.x === b.x && a.y === b.y && a.w === b.w && a.h === b.h;
}

/** The edges of an earlier scene whose courses still hold: no box came, went or moved. */
function standing(before: Scene | null, boxes: readonly SceneBox[]): ReadonlyMap<string, SceneEdge> {
  const same =
    before?.boxes.length === boxes.length &&
    boxes.every((b) => {
      const was = before.boxByName.get(b.node.name);
      return was !== undefined && sameRect(was.rect, b.rect);
    });
  return new Map(same ? before.edges.map((e) => [e.connection.id, e]) : []);
}

/** The course of an edge that leaves and arrives where it did before. */
function kept(p: Plan, known: ReadonlyMap<string, SceneEdge>): Course | null {
  const was = known.get(p.connection.id);
  if (!was || was.client.node.name !== p.client.node.name || was.server.node.name !== p.server.node.name) return null;
  return was.path.y === p.from && arrival(was.path).y === p.to ? was : null;
}

function routeAll(plans: readonly Plan[], grid: Grid<SceneBox>, known: ReadonlyMap<string, SceneEdge>): SceneEdge[] {
  const obstacles = (area: Rect): Rect[] =>
    grid.near(area).map((b) => b.rect).filter((r) => overlaps(r, area));
  const loops = new Map<SceneBox, Plan[]>();
  const edges: SceneEdge[] = [];
  for (const p of plans) {
    if (p.client === p.server) {
      loops.set(p.client, [...(loops.get(p.client) ?? []), p]);
      continue;
    }
    const client: Port = { box: p.client.rect, y: p.from };
    const server: Port = { box: p.server.rect, y: p.to };
    edges.push(sceneEdge(p, kept(p, known) ?? course(routeEdge(client, server, obstacles))));
  }
  for (const [box, group] of loops) {
    const channels = loopChannels(group);
    group.forEach((p, i) => edges.push(sceneEdge(p, course(routeLoop(box.rect, p.from, p.to, channels[i] ?? 0)))));
  }
  return edges;
}

function pairKey(edge: SceneEdge): string {
  return [edge.client.node.name, edge.server.node.name].sort().join('\n');
}

/** Marks the busiest edges and, for small scales, the leading one of each pair. */
function markBusy(edges: readonly SceneEdge[]): void {
  const order = [...edges].sort((a, b) => b.connection.count - a.connection.count);
  for (const edge of order.slice(0, BUSIEST)) edge.busy = edge.connection.count > 1;
  const seen = new Set<string>();
  for (const edge of order) {
    edge.lead = !seen.has(pairKey(edge));
    seen.add(pairKey(edge));
  }
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

type LaneTitle = Pick<Lane, 'title' | 'subtitle'>;

/**
 * Topology to drawing. Pure: the same topology always gives the same scene. `before`
 * only saves work: routes are taken from it while no box has moved.
 */
export function buildScene(topology: Topology, lane: LaneTitle, before: Scene | null = null): Scene {
  const boxes = [...topology.nodes.values()].map((n) => sceneBox(n, topology));
  const boxByName = new Map(boxes.map((b) => [b.node.name, b]));
  const boxGrid = new Grid<SceneBox>();
  for (const box of boxes) boxGrid.add(box, box.rect);
  const plans = plan(topology, boxByName);
  spread(plans);
  const edges = routeAll(plans, boxGrid, standing(before, boxes));
  markBusy(edges);
  let edgeGrid: Grid<SceneEdge> | null = null;
  let bundles: readonly Bundle[] | null = null;
  const ground = buildLane(boxes, edges, lane);
  const bounds = union([...boxes.map((b) => b.rect), ...edges.map((e) => e.area), ...(ground ? [ground.rect] : [])]);
  return {
    boxes,
    edges,
    suspects: edges.filter((e) => isSuspect(e.connection, e.growth)),
    at: Date.parse(topology.at) || 0,
    lane: ground,
    bounds,
    boxByName,
    edgesByNode: indexByNode(edges),
    boxGrid,
    get edgeGrid() {
      return (edgeGrid ??= indexEdges(edges));
    },
    get bundles() {
      return (bundles ??= bundle(this));
    },
  };
}

function indexByNode(edges: readonly SceneEdge[]): Map<string, SceneEdge[]> {
  const byNode = new Map<string, SceneEdge[]>();
  for (const edge of edges) {
    for (const name of new Set([edge.client.node.name, edge.server.node.name])) {
      const held = byNode.get(name);
      if (held) held.push(edge);
      else byNode.set(name, [edge]);
    }
  }
  return byNode;
}

function indexEdges(edges: readonly SceneEdge[]): Grid<SceneEdge> {
  const grid = new Grid<SceneEdge>();
  for (const edge of edges) {
    edge.points.forEach((p, i) => {
      const before = edge.points[i - 1];
      if (before) grid.add(edge, areaOf([before, p]));
    });
  }
  return grid;
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
  for (const edge of scene.edgeGrid.near(reach)) {
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

function middleOf(r: Rect): Point {
  return { x: r.x + r.w / 2, y: r.y + r.h / 2 };
}

function along(direction: Direction, dx: number, dy: number): [number, number] {
  if (direction === 'right') return [dx, dy];
  if (direction === 'left') return [-dx, dy];
  return direction === 'down' ? [dy, dx] : [-dy, dx];
}
