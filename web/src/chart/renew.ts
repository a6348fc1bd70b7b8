import type { ChartNode, Connection, LaneInfo, Service } from '../api/types';
import type { Gone } from '../state/gone';
import type { Topology } from '../state/topology';
import { type Turns, changedSince } from '../state/versions';
import { type SceneBox, boxOf, commonOf } from './box';
import type { Rect } from './camera';
import { Course, type Plan, SceneEdge, isLoose, planOf, sameEnds, settle } from './course';
import { Grid, contains, middleOf, sameRect } from './hit';
import { type LaneTitle, type News, type Parts, type Scene, edgesById, indexByNode, lazy, sceneOf } from './scene';

/** What differs between two topologies. */
interface Change {
  nodes: Turns<ChartNode>;
  services: Turns<Service>;
  connections: Turns<Connection>;
  /** Connections and services of which more or less grew. */
  grown: ReadonlySet<string>;
}

/**
 * The scene of a later topology, made of the one before: what changed is written into its
 * boxes and edges, so that it costs what changed, however large the chart is. The one before
 * is over then. Null, and nothing is written, where that can't be: boxes came or went, or
 * nobody knows what changed. `news` says what of it is seen.
 */
export function renewScene(before: Scene, topology: Topology, lane: LaneTitle): Scene | null {
  const { source } = before;
  if (before.down || topology.down || source.marks || topology.marks || source.gaps || topology.gaps || source.level !== topology.level) return null;
  const change = sameGone(source.gone, topology.gone) && changeOf(source, topology);
  const fresh = change && freshBoxes(before, topology, change);
  return fresh ? new Renewal(before, topology, change).scene(fresh, lane) : null;
}

function changeOf(a: Topology, b: Topology): Change | null {
  const nodes = changedSince(a.nodes, b.nodes);
  const services = changedSince(a.services, b.services);
  const connections = changedSince(a.connections, b.connections);
  if (!nodes || !services || !connections) return null;
  const grown = new Set(a.grown === b.grown ? [] : [...a.grown.keys(), ...b.grown.keys()].filter((id) => a.grown.get(id) !== b.grown.get(id)));
  return { nodes, services, connections, grown };
}

function sameGone(a: Gone | undefined, b: Gone | undefined): boolean {
  if (!a || !b) return a === b;
  const same = <T>(x: readonly T[], y: readonly T[], key: (item: T) => unknown): boolean => x.length === y.length && x.every((item, i) => key(item) === key(y[i] as T));
  return same(a.boxes, b.boxes, (g) => g) && same(a.connections, b.connections, (c) => c.id);
}

interface Fresh {
  /** The boxes that changed, and what they are now. */
  boxes: readonly (readonly [SceneBox, SceneBox])[];
  /** Others that stand on another ground, or on one that is another now. */
  grounds: readonly (readonly [SceneBox, LaneInfo | null])[];
}

/** What is to be written into boxes; null where lines would meet them in other ways. */
function freshBoxes({ boxByName, boxes, router, source }: Scene, topology: Topology, change: Change): Fresh | null {
  const names = new Set(change.nodes.keys());
  for (const turn of change.services.values()) for (const s of turn) if (s) names.add(s.node);
  for (const id of change.grown) names.add(topology.services.get(id)?.node ?? '');
  const common = commonOf(topology);
  const fresh: [SceneBox, SceneBox][] = [];
  for (const name of names) {
    const [was, node] = [boxByName.get(name), topology.nodes.get(name)];
    if ((!was || was.gone || !node) && change.nodes.has(name)) return null;
    if (!was || !node || was.gone) continue;
    const is = boxOf(node, common, was);
    if (is.hushed !== was.hushed || (is.rows.length === 0) !== (was.rows.length === 0) || is.rect.h > router.tallest) return null;
    fresh.push([was, is]);
  }
  const grounds: [SceneBox, LaneInfo | null][] = [];
  if (topology.lanes === source.lanes) return { boxes: fresh, grounds };
  const groundOf = groundsOf(source.lanes ?? [], topology.lanes ?? []);
  for (const box of boxes) {
    if (names.has(box.node.name)) continue;
    const ground = groundOf(box);
    if ((common.strip && ((box.node.shared ?? false) || ground?.id === '')) !== box.hushed) return null;
    if (ground !== box.ground) grounds.push([box, ground]);
  }
  return { boxes: fresh, grounds };
}

/** Finds the ground of a box that stays where it is: lanes are looked at as far as they are others than before. */
function groundsOf(before: readonly LaneInfo[], lanes: readonly LaneInfo[]): (box: SceneBox) => LaneInfo | null {
  const known = new Set(before);
  const at = new Map(lanes.map((lane, i) => [lane, i]));
  const others = lanes.filter((lane) => !known.has(lane));
  return ({ ground, rect }) => {
    const until = ground ? at.get(ground) : undefined;
    if (ground && until === undefined) return lanes.find((l) => contains(l.layout, middleOf(rect))) ?? null;
    return others.find((l) => (until === undefined || (at.get(l) ?? 0) < until) && contains(l.layout, middleOf(rect))) ?? ground;
  };
}

/** What merely advances, or is not drawn. */
const UNSEEN = ['last_report', 'cost', 'clock_skew', 'last_seen', 'last_connection', 'clients'];

/** Whether two states of a thing are drawn alike. */
function looksAlike(a: object | null, b: object | null): boolean {
  return a === b || JSON.stringify(a, seen) === JSON.stringify(b, seen);
}

function seen(name: string, value: unknown): unknown {
  return UNSEEN.includes(name) ? undefined : value;
}

function sameBox(a: SceneBox, b: SceneBox): boolean {
  return a.rect === b.rect && a.lane === b.lane && looksAlike(a.node, b.node) && a.rows.every((r, i) => r.growth === b.rows[i]?.growth && looksAlike(r.service, b.rows[i]?.service ?? null));
}

/** One scene that becomes the next. */
class Renewal {
  readonly #before: Scene;
  readonly #topology: Topology;
  readonly #change: Change;
  readonly #news: News = { boxes: false, trouble: false, edges: false };
  readonly #suspects: Set<SceneEdge>;
  readonly #moved = new Set<SceneBox>();
  /** Where boxes moved from and to. */
  readonly #changed: Rect[] = [];
  readonly #added: SceneEdge[] = [];
  readonly #dead = new Set<SceneEdge>();

  constructor(before: Scene, topology: Topology, change: Change) {
    this.#before = before;
    this.#topology = topology;
    this.#change = change;
    this.#suspects = new Set(before.suspects);
  }

  scene(fresh: Fresh, lane: LaneTitle): Scene {
    const { parts } = this.#before;
    const lanes = this.#topology.lanes === this.#before.source.lanes;
    for (const [was, is] of fresh.boxes) this.#box(was, is);
    for (const [box, ground] of fresh.grounds) Object.assign(box, { ground, lane: ground?.title ?? '' });
    if (!lanes) this.#news.boxes = true;
    const boxGrid = this.#moved.size > 0 ? lazy(() => gridOf(parts.boxes)) : parts.boxGrid;
    parts.router.look(boxGrid);
    this.#connections();
    const edges = this.#edges();
    this.#ways(edges);
    const next: Parts = {
      ...parts,
      boxGrid,
      edges,
      suspects: this.#suspects.size === parts.suspects.length && parts.suspects.every((e) => this.#suspects.has(e)) ? parts.suspects : [...this.#suspects],
      lanes: fresh.boxes.length === 0 && lanes && this.#before.source.lanes?.length ? this.#before.lanes : undefined,
      bounds: this.#moved.size === 0 && lanes && this.#before.source.lanes?.length ? this.#before.bounds : undefined,
    };
    const scene = sceneOf(this.#topology, lane, next);
    if (next.trunks && (this.#moved.size > 0 || !lanes) && !next.trunks.move(scene)) next.trunks = undefined;
    scene.news = this.#news;
    return scene;
  }

  #box(was: SceneBox, is: SceneBox): void {
    if (!sameBox(was, is)) this.#news.boxes = true;
    this.#news.edges = true;
    if (was.rect !== is.rect) {
      this.#moved.add(was);
      if (!sameRect(was.rect, is.rect)) this.#changed.push(was.rect, is.rect);
    }
    Object.assign(was, is);
  }

  #connections(): void {
    const { connections, grown } = this.#topology;
    for (const id of this.#change.grown) this.#told(id, connections.get(id), grown.has(id));
    for (const [id, [, is]] of this.#change.connections) this.#told(id, is, false);
  }

  /** Takes in what a connection is now; undefined is gone. */
  #told(id: string, is: Connection | undefined, ill: boolean): void {
    const { parts } = this.#before;
    const edge = edgesById(parts).get(id);
    if (edge && is && sameEnds(edge.connection, is) && edge.connection.directed === is.directed) {
      const { connection: was, suspect } = edge;
      edge.take(is, this.#topology.grown.get(id));
      if (was.count !== is.count) parts.trunks?.add(edge, is.count - was.count);
      if (suspect || edge.suspect || ill) this.#news.trouble = true;
      if (was.count !== is.count || was.status !== is.status || was.observer !== is.observer) this.#news.edges = true;
      if (edge.suspect) this.#suspects.add(edge);
      else this.#suspects.delete(edge);
      return;
    }
    if (edge) this.#remove(edge);
    if (is) this.#add(is);
  }

  #remove(edge: SceneEdge): void {
    const { parts } = this.#before;
    this.#dead.add(edge);
    edge.lose();
    this.#news.edges = true;
    if (this.#suspects.delete(edge)) this.#news.trouble = true;
    edgesById(parts).delete(edge.connection.id);
    parts.trunks?.add(edge, -edge.connection.count, true);
    for (const { node } of new Set([edge.client, edge.server])) {
      const all = parts.byNode?.get(node.name);
      all?.splice(all.indexOf(edge), 1);
    }
  }

  #add(connection: Connection): void {
    const { parts } = this.#before;
    const client = parts.boxByName.get(connection.client.node);
    const server = parts.boxByName.get(connection.server.node);
    if (!client || !server) return;
    const plan = planOf({ connection, client, server, growth: this.#topology.grown.get(connection.id), mark: undefined });
    const edge = new SceneEdge(plan, new Course(plan, parts.router));
    this.#added.push(edge);
    this.#news.edges = true;
    if (edge.suspect) {
      this.#suspects.add(edge);
      this.#news.trouble = true;
    }
    edgesById(parts).set(connection.id, edge);
    parts.trunks?.add(edge, connection.count);
    if (parts.byNode) for (const { node } of new Set([client, server])) {
      const all = parts.byNode.get(node.name);
      if (all) all.push(edge);
      else parts.byNode.set(node.name, [edge]);
    }
  }

  /** What is gone stays behind all others. */
  #edges(): readonly SceneEdge[] {
    const { edges } = this.#before;
    if (this.#added.length + this.#dead.size === 0) return edges;
    const left = edges.filter((e) => !this.#dead.has(e));
    const gone = this.#topology.gone?.connections.length ? left.filter((e) => e.mark) : [];
    return gone.length > 0 ? [...left.filter((e) => !e.mark), ...this.#added, ...gone] : left.concat(this.#added);
  }

  /** Edges run anew where a box of theirs moved, or another came into their way. */
  #ways(edges: readonly SceneEdge[]): void {
    const { parts } = this.#before;
    const { router } = parts;
    const others = this.#added.some(looseEdge) || [...this.#dead].some(looseEdge);
    if (others) parts.loose = undefined;
    if (this.#moved.size > 0) {
      const byNode = (parts.byNode ??= indexByNode(edges));
      for (const { node } of this.#moved) for (const e of byNode.get(node.name) ?? []) if (!looseEdge(e)) e.lose();
      router.moved(this.#changed);
    }
    const loose = (parts.loose ??= edges.filter(looseEdge));
    if (!others && (this.#moved.size === 0 || !loose.some((e) => this.#moved.has(e.client) || this.#moved.has(e.server)))) return;
    const plans = loose.map(planOf);
    settle(plans);
    loose.forEach((e, i) => {
      const plan = plans[i] as Plan;
      const { from, to, channel } = e.course;
      const stays = from === plan.from && to === plan.to && channel === plan.channel && !this.#moved.has(e.client) && !this.#moved.has(e.server);
      if (!stays) e.course = new Course(plan, router);
    });
  }
}

function looseEdge({ client, server }: SceneEdge): boolean {
  return isLoose(client, server);
}

function gridOf(boxes: readonly SceneBox[]): Grid<SceneBox> {
  const grid = new Grid<SceneBox>();
  for (const box of boxes) grid.add(box, box.rect);
  return grid;
}
