import type { ChartNode, ClientRow, Connection, LaneInfo, MoreRow, Service, ServiceRow, Status } from '../api/types';
import { plural } from '../lib/format';
import { openOf, severity } from '../state/checks';
import type { Growth } from '../state/growth';
import { goneBox } from '../state/gone';
import type { Mark } from '../state/compare';
import { isSuspect } from '../state/health';
import { type Topology, isMany } from '../state/topology';
import { insideNodes } from '../state/words';
import { type Point, type Rect, levelAt } from './camera';
import { type Bundle, bundle } from './bundle';
import { type DownPort, routeDown } from './down';
import { Grid, atLeast, contains, distanceTo, overlaps, union } from './hit';
import { type Path, arrival, loopChannels, middle, routeEdge, routeLoop, sample } from './route';
import { edgeWidth } from './width';

/** Geometry that the server's layout is computed with, chart units. */
export const HEADER = 27;
export const ROW = 20;
export const FOOT = 6;
/** Room for the ticks of a pool's members, under its header. */
export const MEMBERS = 12;

/** The smallest area that answers a pointer, screen pixels. */
export const MIN_HIT = 24;

export interface SceneRow {
  row: ServiceRow | ClientRow | MoreRow;
  /** Middle of the row, chart units. */
  y: number;
  service: Service | null;
  /** What grew of it while this page looked. */
  growth: Growth | undefined;
  /** How it differs from another moment. */
  mark: Mark | undefined;
}

export interface SceneBox {
  node: ChartNode;
  rect: Rect;
  rows: readonly SceneRow[];
  /** How it, or something of it, differs from another moment. */
  mark: Mark | undefined;
  /** It could not be seen at that moment. */
  unseen: boolean;
  /** The name of the lane that it stands on; its own need not say that again. */
  lane: string;
  /** It is gone, and only keeps its place. */
  gone: boolean;
}

export interface SceneEdge {
  connection: Connection;
  client: SceneBox;
  server: SceneBox;
  path: Path;
  /** The path as points, for hit tests and culling. */
  points: readonly Point[];
  area: Rect;
  /** Where its course was looked for: as long as no box comes or goes there, it holds. Null where none was. */
  reach: Rect | null;
  /** Line width at zoom 1. */
  width: number;
  label: Point;
  /** One of the busiest: its count is always written. */
  busy: boolean;
  /** To or from a shared service: all nodes have such, so that it is drawn only where somebody asks or something fails. */
  quiet: boolean;
  /** The busiest of the parallel edges between its two nodes. */
  lead: boolean;
  /** What grew of it while this page looked. */
  growth: Growth | undefined;
  /** How it differs from another moment. */
  mark: Mark | undefined;
}

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

function laneOf({ layout: { x, y, w, h } }: ChartNode, lanes: readonly LaneInfo[]): string {
  return lanes.find((l) => contains(l.layout, { x: x + w / 2, y: y + h / 2 }))?.title ?? '';
}

function sceneBox(node: ChartNode, { services, grown, marks, gaps, lanes }: Topology): SceneBox {
  const { x, y, w, h } = node.layout;
  const rows = (node.rows ?? []).map((row, i) => ({
    row,
    y: y + HEADER + (node.kind === 'pool' ? MEMBERS : 0) + (i + 0.5) * ROW,
    service: row.kind === 'service' ? (services.get(row.service) ?? null) : null,
    growth: row.kind === 'service' ? grown.get(row.service) : undefined,
    mark: row.kind === 'service' ? marks?.services.get(row.service) : undefined,
  }));
  const mark = marks?.nodes.get(node.name) ?? (rows.some((r) => r.mark && r.mark !== 'absent') ? 'changed' : undefined);
  return { gone: false, node, rect: { x, y, w, h }, rows, mark, unseen: (gaps ?? []).some((g) => g.node === node.name), lane: laneOf(node, lanes ?? []) };
}

/** The box of what is gone, where nothing else stands by now. */
function goneBoxes({ gone, lanes }: Topology): SceneBox[] {
  return (gone?.boxes ?? []).map((ghost) => {
    const node = goneBox(ghost);
    const { x, y, w, h } = node.layout;
    return { gone: true, node, rect: { x, y, w, h }, rows: [], mark: 'vanished', unseen: false, lane: laneOf(node, lanes ?? []) };
  });
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
  mark: Mark | undefined;
}

function plan(topology: Topology, boxes: ReadonlyMap<string, SceneBox>): Plan[] {
  const plans: Plan[] = [];
  for (const connection of topology.connections.values()) {
    const client = boxes.get(connection.client.node);
    const server = boxes.get(connection.server.node);
    if (!client || !server) continue;
    const growth = topology.grown.get(connection.id);
    plans.push({ connection, client, server, from: clientY(client, connection), to: serverY(server, connection), growth, mark: topology.marks?.connections.get(connection.id) });
  }
  for (const connection of topology.gone?.connections ?? []) {
    const [client, server] = [boxes.get(connection.client.node), boxes.get(connection.server.node)];
    if (client && server) plans.push({ connection, client, server, from: clientY(client, connection), to: serverY(server, connection), growth: undefined, mark: 'vanished' });
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
type Course = Pick<SceneEdge, 'path' | 'points' | 'area' | 'reach' | 'label'>;

function course(path: Path, reach: Rect | null = null): Course {
  const points = sample(path, 12);
  return { path, points, area: areaOf(points), reach, label: middle(path) };
}

function sceneEdge(p: Plan, along: Course): SceneEdge {
  return {
    ...along,
    connection: p.connection,
    client: p.client,
    server: p.server,
    width: edgeWidth(p.connection.count),
    busy: false,
    quiet: false,
    lead: false,
    growth: p.growth,
    mark: p.mark,
  };
}

function sameRect(a: Rect, b: Rect): boolean {
  return a.x === b.x && a.y === b.y && a.w === b.w && a.h === b.h;
}

/** What holds of an earlier scene: its edges, as far as no box came, went or moved where they run. */
interface Standing {
  edges: ReadonlyMap<string, SceneEdge>;
  /** Where boxes came, went or moved from and to. */
  changed: readonly Rect[];
}

/** Where so many boxes changed, all courses are looked for anew: telling which hold would take as long. */
const MANY_CHANGED = 64;

const NOTHING_STANDS: Standing = { edges: new Map(), changed: [] };

function standing(before: Scene | null, boxes: ReadonlyMap<string, SceneBox>): Standing {
  if (!before) return NOTHING_STANDS;
  const changed: Rect[] = [];
  for (const [name, { rect }] of boxes) {
    const was = before.boxByName.get(name)?.rect;
    if (was && sameRect(was, rect)) continue;
    changed.push(rect);
    if (was) changed.push(was);
    if (changed.length > MANY_CHANGED) return NOTHING_STANDS;
  }
  for (const { node, rect } of before.boxes) if (!boxes.has(node.name)) changed.push(rect);
  if (changed.length > MANY_CHANGED) return NOTHING_STANDS;
  return { edges: new Map(before.edges.map((e) => [e.connection.id, e])), changed };
}

/** The course of an edge that leaves and arrives where it did before, and has the same on its way. */
function kept(p: Plan, { edges, changed }: Standing): Course | null {
  const was = edges.get(p.connection.id);
  if (!was || was.client.node.name !== p.client.node.name || was.server.node.name !== p.server.node.name) return null;
  if (was.path.y !== p.from || arrival(was.path).y !== p.to) return null;
  if (!sameRect(was.client.rect, p.client.rect) || !sameRect(was.server.rect, p.server.rect)) return null;
  const { reach } = was;
  return reach && changed.some((r) => overlaps(r, reach)) ? null : was;
}

/** The boxes near a place, and the rectangle of all places that were asked about. */
class Surroundings {
  #left = Infinity;
  #top = Infinity;
  #right = -Infinity;
  #bottom = -Infinity;
  readonly #grid: Grid<SceneBox>;

  constructor(grid: Grid<SceneBox>) {
    this.#grid = grid;
  }

  get reach(): Rect | null {
    if (this.#right < this.#left) return null;
    return { x: this.#left, y: this.#top, w: this.#right - this.#left, h: this.#bottom - this.#top };
  }

  readonly near = (area: Rect): Rect[] => {
    this.#left = Math.min(this.#left, area.x);
    this.#top = Math.min(this.#top, area.y);
    this.#right = Math.max(this.#right, area.x + area.w);
    this.#bottom = Math.max(this.#bottom, area.y + area.h);
    const found: Rect[] = [];
    for (const { rect } of this.#grid.near(area)) if (overlaps(rect, area)) found.push(rect);
    return found;
  };
}

function routed(p: Plan, grid: Grid<SceneBox>): Course {
  const around = new Surroundings(grid);
  const path = routeEdge({ box: p.client.rect, y: p.from }, { box: p.server.rect, y: p.to }, around.near);
  return course(path, around.reach);
}

function routeAll(plans: readonly Plan[], grid: Grid<SceneBox>, known: Standing): SceneEdge[] {
  const loops = new Map<SceneBox, Plan[]>();
  const edges: SceneEdge[] = [];
  for (const p of plans) {
    if (p.client === p.server) {
      const held = loops.get(p.client);
      if (held) held.push(p);
      else loops.set(p.client, [p]);
    } else edges.push(sceneEdge(p, kept(p, known) ?? routed(p, grid)));
  }
  for (const [box, group] of loops) {
    const channels = loopChannels(group);
    group.forEach((p, i) => edges.push(sceneEdge(p, course(routeLoop(box.rect, p.from, p.to, channels[i] ?? 0)))));
  }
  return edges;
}

/** Where one end of a line meets its box, and at which other box it points. */
interface DownEnd {
  plan: Plan;
  near: SceneBox;
  far: SceneBox;
}

const DOWN_PITCH = 14;
/** How far the sheets behind a box that stands for many reach over it. */
const SHEETS = 6;

/** Lines down the page: spread over the tops and bottoms of boxes, in the order of their far ends. */
function routeAllDown(plans: readonly Plan[], grid: Grid<SceneBox>, boxes: readonly SceneBox[]): SceneEdge[] {
  const bottoms = new Map<number, number>();
  for (const { rect } of boxes) bottoms.set(rect.y, Math.max(bottoms.get(rect.y) ?? -Infinity, rect.y + rect.h));
  const sides = new Map<string, DownEnd[]>();
  const add = (plan: Plan, near: SceneBox, far: SceneBox): void => {
    if (near.rect.y === far.rect.y) return;
    const key = `${far.rect.y > near.rect.y ? 'below' : 'above'} ${near.node.name}`;
    const held = sides.get(key);
    if (held) held.push({ plan, near, far });
    else sides.set(key, [{ plan, near, far }]);
  };
  for (const p of plans) {
    add(p, p.client, p.server);
    add(p, p.server, p.client);
  }
  const at = new Map<Plan, { from: number; to: number }>();
  for (const ends of sides.values()) {
    ends.sort((a, b) => middleOf(a.far.rect).x - middleOf(b.far.rect).x || a.far.rect.y - b.far.rect.y || a.plan.connection.id.localeCompare(b.plan.connection.id));
    ends.forEach(({ plan, near }, i) => {
      const pitch = Math.min(DOWN_PITCH, (near.rect.w - 24) / Math.max(1, ends.length - 1));
      const x = middleOf(near.rect).x + (i - (ends.length - 1) / 2) * pitch;
      at.set(plan, { from: 0, to: 0, ...at.get(plan), [near === plan.client ? 'from' : 'to']: x });
    });
  }
  const rects = (area: Rect): Rect[] => grid.near(area).map((b) => b.rect);
  const port = ({ node, rect }: SceneBox, x: number): DownPort => {
    const sheets = isMany(node) || node.kind === 'network' ? SHEETS : 0;
    return { box: { ...rect, y: rect.y - sheets, h: rect.h + sheets }, x, row: { top: rect.y, bottom: bottoms.get(rect.y) ?? rect.y + rect.h } };
  };
  const loops = plans.filter((p) => p.client === p.server);
  const others = plans.filter((p) => p.client !== p.server);
  let turn = 0;
  return [
    ...others.map((p) => {
      const x = at.get(p);
      const path = x ? routeDown(port(p.client, x.from), port(p.server, x.to), rects, turn++) : null;
      return sceneEdge(p, path ? course(path) : routed(p, grid));
    }),
    ...routeAll(loops, grid, NOTHING_STANDS),
  ];
}

function pairKey({ client, server }: SceneEdge): string {
  const [a, b] = [client.node.name, server.node.name];
  return a < b ? `${a}\n${b}` : `${b}\n${a}`;
}

/** Marks the busiest edges and, for small scales, the leading one of each pair; of equals the first. */
function markBusy(edges: readonly SceneEdge[]): void {
  const busiest: SceneEdge[] = [];
  const leads = new Map<string, SceneEdge>();
  for (const edge of edges) {
    if (edge.quiet) continue;
    const { count } = edge.connection;
    if (busiest.length < BUSIEST || count > (busiest.at(-1)?.connection.count ?? 0)) {
      const at = busiest.findIndex((e) => e.connection.count < count);
      busiest.splice(at < 0 ? busiest.length : at, 0, edge);
      busiest.length = Math.min(busiest.length, BUSIEST);
    }
    const key = pairKey(edge);
    const lead = leads.get(key);
    if (!lead || count > lead.connection.count) leads.set(key, edge);
  }
  for (const edge of busiest) edge.busy = edge.connection.count > 1;
  for (const edge of leads.values()) edge.lead = true;
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

function stands(box: SceneBox, ground: Rect): boolean {
  return contains(ground, middleOf(box.rect));
}

/** The grounds that the layout gives, with what stands on them. */
function buildLanes(lanes: readonly LaneInfo[], boxes: readonly SceneBox[], topology: Topology): Lane[] {
  return lanes.map(({ id, title, layout }) => {
    const on = boxes.filter((b) => !b.gone && stands(b, layout));
    const nodes = insideNodes(on.map((b) => b.node)).length;
    const names = new Set(on.map((b) => b.node.name));
    const services = [...topology.services.values()].filter((s) => names.has(s.node)).length;
    const worst = on.map((b) => openOf(b.node)).reduce<Status>((a, b) => (severity(b) > severity(a) ? b : a), 'NONE');
    if (id === '') return { rect: layout, title: 'Shared services', subtitle: 'lines on hover', strip: true, start: Math.min(layout.x + layout.w, ...on.map((b) => b.rect.x)), end: Math.max(layout.x, ...on.map((b) => b.rect.x + b.rect.w)), worst };
    const counts = [plural(nodes, 'node'), ...(services > 0 ? [plural(services, 'service')] : [])].join(', ');
    return { rect: layout, title: title || id, subtitle: counts, worst };
  });
}

/** What goes to and from the strip is not drawn until somebody asks. */
function hush(edges: readonly SceneEdge[], lanes: readonly Lane[]): void {
  const strips = lanes.filter((l) => l.strip);
  if (strips.length === 0) return;
  const shared = (box: SceneBox): boolean => (box.node.shared ?? false) || strips.some((s) => stands(box, s.rect));
  for (const edge of edges) edge.quiet = shared(edge.client) || shared(edge.server);
}

/**
 * Topology to drawing. Pure: the same topology always gives the same scene. `before`
 * only saves work: the routes of edges are taken from it where no box has moved.
 */
export function buildScene(topology: Topology, lane: LaneTitle, before: Scene | null = null): Scene {
  const boxes = [...[...topology.nodes.values()].map((n) => sceneBox(n, topology)), ...goneBoxes(topology)];
  const boxByName = new Map(boxes.map((b) => [b.node.name, b]));
  const boxGrid = new Grid<SceneBox>();
  for (const box of boxes) boxGrid.add(box, box.rect);
  const plans = plan(topology, boxByName);
  spread(plans);
  const edges = topology.down ? routeAllDown(plans, boxGrid, boxes) : routeAll(plans, boxGrid, standing(before?.down ? null : before, boxByName));
  const lanes = buildLanes(topology.lanes ?? [], boxes, topology);
  hush(edges, lanes);
  markBusy(edges);
  let edgeGrid: Grid<SceneEdge> | null = null;
  let bundles: readonly Bundle[] | null = null;
  const ground = lanes.length > 0 ? null : buildLane(boxes, edges, lane);
  const grounds = ground ? [ground] : lanes;
  const drawn = edges.filter((e) => !e.quiet);
  const bounds = union([...boxes.map((b) => b.rect), ...drawn.map((e) => e.area), ...grounds.map((l) => l.rect)]);
  return {
    boxes,
    edges,
    suspects: edges.filter((e) => isSuspect(e.connection, e.growth)),
    at: Date.parse(topology.at) || 0,
    lane: ground,
    lanes: grounds,
    down: topology.down ?? false,
    compared: [...(topology.marks?.connections.values() ?? [])].some((m) => m !== 'absent') || [...(topology.marks?.nodes.values() ?? [])].some((m) => m !== 'absent'),
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
    if (distance < nearest && !edge.quiet) {
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
