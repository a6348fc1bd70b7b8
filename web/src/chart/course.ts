import type { Connection } from '../api/types';
import type { Growth } from '../state/growth';
import type { Mark } from '../state/compare';
import { isSuspect } from '../state/health';
import type { Topology } from '../state/topology';
import { type Boxes, HEADER, type SceneBox, type SceneRow } from './box';
import type { Point, Rect } from './camera';
import { Grid, overlaps, sameRect } from './hit';
import { type Path, type Port, extent, loopBound, loopChannels, middle, routeBound, routeEdge, routeLoop, sample } from './route';
import { edgeWidth } from './width';

/** Points on each curve of a line, for hit tests and culling. */
const FINE = 12;

/** Finds ways past the boxes of the newest scene. */
export class Router {
  /** No box is higher. */
  readonly tallest: number;
  #grid: () => Grid<SceneBox> = () => new Grid();
  /** The courses that were found past other boxes: they may have to be found anew. */
  #found = new Set<Course>();

  constructor(tallest: number) {
    this.tallest = tallest;
  }

  /** From now on ways lead past these boxes. */
  look(grid: () => Grid<SceneBox>): void {
    this.#grid = grid;
  }

  route(client: Port, server: Port, course: Course): Way {
    const around = new Surroundings(this.#grid());
    const path = routeEdge(client, server, around.near);
    if (around.reach) this.#found.add(course);
    return { path, area: extent(path, FINE), reach: around.reach };
  }

  /** A course that nothing runs along any more. */
  forget(course: Course): void {
    this.#found.delete(course);
  }

  /** Boxes came, went or moved in these places: who runs there finds another way, when that is asked for. */
  moved(changed: readonly Rect[]): void {
    for (const course of this.#found) {
      if (course.holds(changed)) continue;
      course.lose();
      this.#found.delete(course);
    }
  }

  /** Of a chart that was built anew: the courses of others are over. */
  only(edges: readonly SceneEdge[]): void {
    if (this.#found.size === 0) return;
    const all = this.#found;
    this.#found = new Set();
    for (const { known } of edges) if (known && all.has(known)) this.#found.add(known);
  }
}

/** A way that was found. */
interface Way {
  path: Path;
  area: Rect;
  /** Where it was looked for: as long as no box comes or goes there, it holds. Null where none was. */
  reach: Rect | null;
}

/**
 * Where an edge runs. That is found when it is first asked for: from far away, where
 * bundles are drawn, it never is. It outlives its scene as long as nothing moves there.
 */
export class Course {
  /** The heights of the rows that it joins. */
  readonly from: number;
  readonly to: number;
  /** Of a loop: which of the channels beside its box it takes. */
  readonly channel: number;
  readonly router: Router;
  readonly #client: Rect;
  readonly #server: Rect;
  #bound: Rect | null = null;
  #way: Way | null = null;
  #points: readonly Point[] | null = null;
  #label: Point | null = null;

  /** With a path it is known, and needs no router. */
  constructor({ client, server, from, to, channel }: Plan, router: Router, path: Path | null = null) {
    this.from = from;
    this.to = to;
    this.channel = channel;
    this.#client = client.rect;
    this.#server = server.rect;
    this.router = router;
    if (path) this.#bound = (this.#way = { path, area: extent(path, FINE), reach: null }).area;
  }

  /** It runs inside of this, and mostly of far less. */
  get bound(): Rect {
    return (this.#bound ??= this.channel >= 0 ? loopBound(this.#client, this.from, this.to, this.channel) : routeBound(this.#ports(), this.router.tallest));
  }

  #ports(): [Port, Port] {
    return [{ box: this.#client, y: this.from }, { box: this.#server, y: this.to }];
  }

  #found(): Way {
    return (this.#way ??= this.channel >= 0 ? this.#loop() : this.router.route(...this.#ports(), this));
  }

  #loop(): Way {
    const path = routeLoop(this.#client, this.from, this.to, this.channel);
    return { path, area: extent(path, FINE), reach: null };
  }

  get path(): Path {
    return this.#found().path;
  }

  get area(): Rect {
    return this.#found().area;
  }

  /** The path as points; few edges are ever asked for them. */
  get points(): readonly Point[] {
    return (this.#points ??= sample(this.path, FINE));
  }

  /** Where its label stands. */
  get label(): Point {
    return (this.#label ??= middle(this.path));
  }

  /** Whether it still runs so where boxes came, went or moved in these places. */
  holds(changed: readonly Rect[]): boolean {
    const reach = this.#way?.reach;
    return !reach || !changed.some((r) => overlaps(r, reach));
  }

  /** Its way is to be found anew, from the same place to the same. */
  lose(): void {
    this.#way = this.#points = this.#label = null;
  }
}

/** A connection as it is drawn. Scenes share it; only what renews a scene writes it. */
export class SceneEdge {
  connection: Connection;
  readonly client: SceneBox;
  readonly server: SceneBox;
  #course: Course | null;
  readonly #router: Router;
  /** Line width at zoom 1. */
  width: number;
  /** To or from a shared service, as all nodes have such, or one of too many beside each other: drawn only where somebody asks or something fails. */
  readonly quiet: boolean;
  /** It may be in trouble, now or in a moment. */
  suspect: boolean;
  /** What grew of it while this page looked. */
  growth: Growth | undefined;
  /** How it differs from another moment. */
  readonly mark: Mark | undefined;

  constructor({ connection, client, server, growth, mark }: Ends, course: Course, crowded = false) {
    this.connection = connection;
    this.client = client;
    this.server = server;
    this.#course = course;
    this.#router = course.router;
    this.width = edgeWidth(connection.count);
    this.quiet = crowded || client.hushed || server.hushed;
    this.suspect = isSuspect(connection, growth);
    this.growth = growth;
    this.mark = mark;
  }

  get course(): Course {
    return (this.#course ??= new Course(planOf(this), this.#router));
  }

  set course(course: Course) {
    this.lose();
    this.#course = course;
  }

  /** Its course, as far as somebody has asked for that. */
  get known(): Course | null {
    return this.#course;
  }

  /** One of its boxes moved, or it is over. Of a loose one its course is to be given anew. */
  lose(): void {
    if (this.#course) this.#router.forget(this.#course);
    this.#course = null;
  }

  /** Tells of a newer state of the same connection. */
  take(connection: Connection, growth: Growth | undefined): void {
    this.connection = connection;
    this.width = edgeWidth(connection.count);
    this.suspect = isSuspect(connection, growth);
    this.growth = growth;
  }

  get path(): Path {
    return this.course.path;
  }

  get points(): readonly Point[] {
    return this.course.points;
  }

  get area(): Rect {
    return this.course.area;
  }

  get label(): Point {
    return this.course.label;
  }

  /** Whether some of it may be seen in a place. */
  touches(area: Rect): boolean {
    return overlaps(this.course.bound, area) && overlaps(this.course.area, area);
  }
}

/** A connection and the boxes that it joins. */
export interface Ends {
  connection: Connection;
  client: SceneBox;
  server: SceneBox;
  growth: Growth | undefined;
  mark: Mark | undefined;
}

/** With the heights at which it meets them. */
export interface Plan extends Ends {
  from: number;
  to: number;
  /** Of a loop, -1 of others. */
  channel: number;
}

/** The edges of an earlier scene. They mostly come in the same order again. */
class Earlier {
  readonly #edges: readonly SceneEdge[];
  #next = 0;
  #all: Map<string, number> | null = null;

  constructor(edges: readonly SceneEdge[]) {
    this.#edges = edges;
  }

  find(id: string): SceneEdge | undefined {
    const next = this.#edges[this.#next];
    if (next?.connection.id === id) {
      this.#next++;
      return next;
    }
    if (this.#edges.length === 0) return undefined;
    this.#all ??= new Map(this.#edges.map((e, i) => [e.connection.id, i]));
    const at = this.#all.get(id);
    if (at === undefined) return undefined;
    this.#next = at + 1;
    return this.#edges[at];
  }
}

/**
 * The edges of a topology, in its order. Those in which nothing changed are the ones of
 * before, and the others run where they did as far as nothing came, went or moved there.
 */
export function buildEdges(topology: Topology, boxes: Boxes, before: readonly SceneEdge[], router: Router): readonly SceneEdge[] {
  const earlier = new Earlier(before);
  const edges: SceneEdge[] = [];
  const open: { plan: Plan; was: SceneEdge | undefined; at: number }[] = [];
  for (const [connection, gone] of linesOf(topology)) {
    const was = earlier.find(connection.id);
    if (!gone && was && was.connection === connection && isUntouched(was, topology, boxes)) {
      edges.push(was);
      continue;
    }
    const ends = endsOf(connection, gone, topology, boxes, was);
    if (!ends) continue;
    if (was && isSteady(was, ends)) edges.push(renewed(was, ends, boxes, router));
    else {
      open.push({ plan: planOf(ends), was, at: edges.length });
      edges.length++;
    }
  }
  settle(open.map((o) => o.plan));
  for (const { plan, was, at } of open) {
    const course = was && runsAlike(plan, was) && was.course.holds(boxes.changed) ? was.course : new Course(plan, router);
    edges[at] = was && course === was.course && isSame(was, plan) ? was : new SceneEdge(plan, course);
  }
  return edges;
}

/** The connections that are drawn, and whether they are gone. */
function* linesOf({ connections, gone }: Topology): Generator<[Connection, boolean]> {
  for (const c of connections.values()) yield [c, false];
  for (const c of gone?.connections ?? []) yield [c, true];
}

/** Whether nothing of an edge changed but, at most, its connection: asked of all edges of a chart, so that it makes nothing. */
function isUntouched({ client, server, course, growth, mark, connection: { id } }: SceneEdge, { grown, marks }: Topology, { renewed, changed }: Boxes): boolean {
  if (isLoose(client, server) || renewed.has(client) || renewed.has(server)) return false;
  return (grown.size === 0 ? undefined : grown.get(id)) === growth && marks?.connections.get(id) === mark && course.holds(changed);
}

/** Loops, and edges of boxes without rows, make room for each other. */
export function isLoose(client: SceneBox, server: SceneBox): boolean {
  return client === server || client.rows.length === 0 || server.rows.length === 0;
}

/** What a connection joins; null if one of its boxes is not there. */
function endsOf(connection: Connection, gone: boolean, { grown, marks }: Topology, { byName, renewed }: Boxes, was: SceneEdge | undefined): Ends | null {
  const { id, client: c, server: s } = connection;
  const box = (name: string, old: SceneBox | undefined): SceneBox | undefined => (old?.node.name === name && !renewed.has(old) ? old : byName.get(name));
  const client = box(c.node, was?.client);
  const server = box(s.node, was?.server);
  return client && server ? { connection, client, server, growth: gone ? undefined : grown.get(id), mark: gone ? 'vanished' : marks?.connections.get(id) } : null;
}

/** Whether an edge leaves and arrives where it did. */
function isSteady(was: SceneEdge, { connection, client, server }: Ends): boolean {
  if (isLoose(client, server)) return false;
  return client.rect === was.client.rect && server.rect === was.server.rect && (was.connection === connection || sameEnds(was.connection, connection));
}

/** The edge that stands for one of before that leaves and arrives where it did. */
function renewed(was: SceneEdge, ends: Ends, { changed }: Boxes, router: Router): SceneEdge {
  const { from, to, channel } = was.course;
  if (!was.course.holds(changed)) return new SceneEdge(ends, new Course({ ...ends, from, to, channel }, router));
  return isSame(was, ends) ? was : new SceneEdge(ends, was.course);
}

/** Whether a connection joins what it joined. */
export function sameEnds(a: Connection, b: Connection): boolean {
  const [c, d, s, t] = [a.client, b.client, a.server, b.server];
  return c.node === d.node && c.process === d.process && c.service === d.service && s.node === t.node && s.service === t.service;
}

function isSame(edge: SceneEdge, { connection, client, server, growth, mark }: Ends): boolean {
  return edge.connection === connection && edge.client === client && edge.server === server && edge.growth === growth && edge.mark === mark;
}

/** Whether a planned edge joins the same places as before. */
export function runsAlike(p: Plan, { client, server, course }: SceneEdge): boolean {
  if (course.from !== p.from || course.to !== p.to || course.channel !== p.channel) return false;
  return client.node.name === p.client.node.name && server.node.name === p.server.node.name && sameRect(client.rect, p.client.rect) && sameRect(server.rect, p.server.rect);
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

/** The edges of a topology before anybody looks for their ways. */
export function plansOf(topology: Topology, boxes: Boxes): Plan[] {
  const plans: Plan[] = [];
  for (const [connection, gone] of linesOf(topology)) {
    const ends = endsOf(connection, gone, topology, boxes, undefined);
    if (ends) plans.push(planOf(ends));
  }
  settle(plans);
  return plans;
}

/** Has plans make room for each other. */
export function settle(plans: readonly Plan[]): void {
  spread(plans);
  channel(plans);
}

export function planOf({ connection, client, server, growth, mark }: Ends): Plan {
  return { connection, client, server, growth, mark, from: clientY(client, connection), to: serverY(server, connection), channel: -1 };
}

/** One end of a plan at a box without rows. */
interface LooseEnd {
  plan: Plan;
  near: 'from' | 'to';
  /** The height of the other end. */
  far: number;
}

interface Sides {
  left: LooseEnd[];
  right: LooseEnd[];
}

const SPREAD_PITCH = 12;

/**
 * A box without rows, such as Internet: its edges, in and out, spread over each of
 * its sides, in the order of their far ends, so that none hides another. Far ends count
 * as they were before anything moves: the order must not depend on the order of boxes.
 */
function spread(plans: readonly Plan[]): void {
  const loose = new Map<SceneBox, Sides>();
  const add = (box: SceneBox, other: SceneBox, end: LooseEnd): void => {
    const sides = held(loose, box, () => ({ left: [], right: [] }));
    sides[other.rect.x + other.rect.w <= box.rect.x ? 'left' : 'right'].push(end);
  };
  for (const plan of plans) {
    const { client, server } = plan;
    if (client === server) continue;
    if (client.rows.length === 0) add(client, server, { plan, near: 'from', far: plan.to });
    if (server.rows.length === 0) add(server, client, { plan, near: 'to', far: plan.from });
  }
  for (const [box, { left, right }] of loose) {
    place(box, left);
    place(box, right);
  }
}

function place({ rect }: SceneBox, ends: LooseEnd[]): void {
  ends.sort((a, b) => a.far - b.far || (a.plan.connection.id < b.plan.connection.id ? -1 : 1));
  const room = rect.h - 2 * Math.min(10, rect.h / 4);
  const pitch = ends.length < 2 ? 0 : Math.min(SPREAD_PITCH, room / (ends.length - 1));
  ends.forEach(({ plan, near }, i) => {
    plan[near] = rect.y + rect.h / 2 + (i - (ends.length - 1) / 2) * pitch;
  });
}

/** Gives the loops of each box their channels. */
function channel(plans: readonly Plan[]): void {
  const loops = new Map<SceneBox, Plan[]>();
  for (const p of plans) if (p.client === p.server) held(loops, p.client, () => []).push(p);
  for (const group of loops.values()) {
    const channels = loopChannels(group);
    group.forEach((p, i) => (p.channel = channels[i] ?? 0));
  }
}

/** What a map has for a key; what is missing is made. */
export function held<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}

const NOTHING_NEAR: readonly Rect[] = [];

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

  readonly near = (area: Rect): readonly Rect[] => {
    this.#left = Math.min(this.#left, area.x);
    this.#top = Math.min(this.#top, area.y);
    this.#right = Math.max(this.#right, area.x + area.w);
    this.#bottom = Math.max(this.#bottom, area.y + area.h);
    let found: Rect[] | null = null; // mostly nothing is there, thousands of times
    for (const { rect } of this.#grid.near(area)) if (overlaps(rect, area)) (found ??= []).push(rect);
    return found ?? NOTHING_NEAR;
  };
}
