import type { Connection } from '../api/types';
import type { Growth } from '../state/growth';
import type { Mark } from '../state/compare';
import type { Topology } from '../state/topology';
import { type Boxes, HEADER, type SceneBox, type SceneRow } from './box';
import type { Point, Rect } from './camera';
import { type Grid, overlaps, sameRect } from './hit';
import { type Path, extent, loopChannels, middle, routeEdge, routeLoop, sample } from './route';
import { edgeWidth } from './width';

/** Points on each curve of a line, for hit tests and culling. */
const FINE = 12;

/** Where an edge runs: it outlives its scene as long as nothing moves there. */
export class Course {
  readonly path: Path;
  /** The heights of the rows that it joins. */
  readonly from: number;
  readonly to: number;
  /** Of a loop: which of the channels beside its box it takes. */
  readonly channel: number;
  /** Where its way was looked for: as long as no box comes or goes there, it holds. Null where none was. */
  readonly reach: Rect | null;
  readonly area: Rect;
  #points: readonly Point[] | null = null;
  #label: Point | null = null;

  constructor(path: Path, { from, to, channel }: Plan, reach: Rect | null) {
    this.path = path;
    this.from = from;
    this.to = to;
    this.channel = channel;
    this.reach = reach;
    this.area = extent(path, FINE);
  }

  /** The path as points; few edges are ever asked for them. */
  get points(): readonly Point[] {
    return (this.#points ??= sample(this.path, FINE));
  }

  /** Where its label stands. */
  get label(): Point {
    return (this.#label ??= middle(this.path));
  }
}

/** A connection as it is drawn. Never written, so that scenes may share it. */
export class SceneEdge {
  readonly connection: Connection;
  readonly client: SceneBox;
  readonly server: SceneBox;
  readonly course: Course;
  /** Line width at zoom 1. */
  readonly width: number;
  /** To or from a shared service: all nodes have such, so that it is drawn only where somebody asks or something fails. */
  readonly quiet: boolean;
  /** What grew of it while this page looked. */
  readonly growth: Growth | undefined;
  /** How it differs from another moment. */
  readonly mark: Mark | undefined;

  constructor({ connection, client, server, growth, mark }: Ends, course: Course) {
    this.connection = connection;
    this.client = client;
    this.server = server;
    this.course = course;
    this.width = edgeWidth(connection.count);
    this.quiet = client.hushed || server.hushed;
    this.growth = growth;
    this.mark = mark;
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
}

/** A connection and the boxes that it joins. */
interface Ends {
  connection: Connection;
  client: SceneBox;
  server: SceneBox;
  growth: Growth | undefined;
  mark: Mark | undefined;
}

/** With the heights at which it meets them. */
interface Plan extends Ends {
  from: number;
  to: number;
  /** Of a loop, -1 of others. */
  channel: number;
}

/** The edges of an earlier scene, and what they were made of. */
export interface EdgesBefore {
  edges: readonly SceneEdge[];
  source: Topology;
}

/**
 * The edges of a topology, in its order. Those in which nothing changed are the ones of
 * before, and of the others the way as far as nothing came, went or moved there.
 */
export function buildEdges(topology: Topology, boxes: Boxes, before: EdgesBefore | null, grid: () => Grid<SceneBox>): { edges: readonly SceneEdge[]; still: boolean } {
  const still = before && boxes.still ? renewed(topology, boxes, before) : null;
  if (still) return { edges: still, still: true };
  const plans = plan(topology, boxes.byName);
  spread(plans);
  channel(plans);
  return { edges: routeAll(plans, standing(before, boxes), grid), still: false };
}

/** The edges of a chart in which nothing moved: each where it was. Null if connections came, went or changed their ends. */
function renewed(topology: Topology, boxes: Boxes, { edges, source }: EdgesBefore): readonly SceneEdge[] | null {
  const { connections, grown, marks } = topology;
  if (connections.size !== edges.length || marks !== source.marks) return null;
  const next: SceneEdge[] = [];
  for (const connection of connections.values()) {
    const was = edges[next.length];
    if (!was || (was.connection !== connection && !sameEnds(was.connection, connection))) return null;
    const client = boxes.renewed.get(was.client) ?? was.client;
    const server = boxes.renewed.get(was.server) ?? was.server;
    const ends = { connection, client, server, growth: grown.get(connection.id), mark: was.mark };
    next.push(isSame(was, ends) ? was : new SceneEdge(ends, was.course));
  }
  return next;
}

/** Whether a connection joins what it joined. */
function sameEnds(a: Connection, b: Connection): boolean {
  if (a.id !== b.id) return false;
  const [c, d, s, t] = [a.client, b.client, a.server, b.server];
  return c.node === d.node && c.process === d.process && c.service === d.service && s.node === t.node && s.service === t.service;
}

function isSame(edge: SceneEdge, { connection, client, server, growth, mark }: Ends): boolean {
  return edge.connection === connection && edge.client === client && edge.server === server && edge.growth === growth && edge.mark === mark;
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

function plan({ connections, grown, marks }: Topology, boxes: ReadonlyMap<string, SceneBox>): Plan[] {
  const plans: Plan[] = [];
  for (const connection of connections.values()) {
    const client = boxes.get(connection.client.node);
    const server = boxes.get(connection.server.node);
    if (!client || !server) continue;
    const { id } = connection;
    plans.push({ connection, client, server, from: clientY(client, connection), to: serverY(server, connection), channel: -1, growth: grown.get(id), mark: marks?.connections.get(id) });
  }
  return plans;
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

/** What holds of an earlier scene: its edges, as far as no box came, went or moved where they run. */
interface Standing {
  edges: ReadonlyMap<string, SceneEdge>;
  /** Where boxes came, went or moved from and to. */
  changed: readonly Rect[];
}

/** Where so many boxes changed, all courses are looked for anew: telling which hold would take as long. */
const MANY_CHANGED = 64;

const NOTHING_STANDS: Standing = { edges: new Map(), changed: [] };

function standing(before: EdgesBefore | null, { changed }: Boxes): Standing {
  if (!before || changed.length > MANY_CHANGED) return NOTHING_STANDS;
  return { edges: new Map(before.edges.map((e) => [e.connection.id, e])), changed };
}

/** The course of an edge that leaves and arrives where it did before, and has the same on its way. */
function kept(p: Plan, was: SceneEdge | undefined, changed: readonly Rect[]): Course | null {
  if (!was || was.client.node.name !== p.client.node.name || was.server.node.name !== p.server.node.name) return null;
  const { from, to, channel, reach } = was.course;
  if (from !== p.from || to !== p.to || channel !== p.channel) return null;
  if (!sameRect(was.client.rect, p.client.rect) || !sameRect(was.server.rect, p.server.rect)) return null;
  return reach && changed.some((r) => overlaps(r, reach)) ? null : was.course;
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

function routed(p: Plan, grid: Grid<SceneBox>): Course {
  if (p.client === p.server) return new Course(routeLoop(p.client.rect, p.from, p.to, p.channel), p, null);
  const around = new Surroundings(grid);
  const path = routeEdge({ box: p.client.rect, y: p.from }, { box: p.server.rect, y: p.to }, around.near);
  return new Course(path, p, around.reach);
}

function routeAll(plans: readonly Plan[], { edges, changed }: Standing, grid: () => Grid<SceneBox>): SceneEdge[] {
  return plans.map((p) => {
    const was = edges.get(p.connection.id);
    const course = kept(p, was, changed) ?? routed(p, grid());
    return was && course === was.course && isSame(was, p) ? was : new SceneEdge(p, course);
  });
}
