import { describe, expect, it } from 'vitest';
import type { ChartNode, Connection, Delta, LaneInfo, TopologyDocument } from '../api/types';
import { dice, fixture, makeIllSite, makeSite, oneHostFixture } from '../fixtures';
import { grow } from '../state/growth';
import { type Topology, applyDelta, fromDocument } from '../state/topology';
import type { Rect } from './camera';
import { union } from './hit';
import { renewScene } from './renew';
import { HEADER, ROW, type Scene, type SceneBox, type SceneEdge, buildScene, edgesOf, hitTest, nextBox } from './scene';
import { arrival } from './route';
import { edgeWidth } from './width';

const LANE = { title: 'this site', subtitle: '' };

function scene(doc: TopologyDocument = oneHostFixture()): Scene {
  return buildScene(fromDocument(doc), LANE);
}

function box(s: Scene, name: string): SceneBox {
  const found = s.boxByName.get(name);
  if (!found) throw new Error(`no box ${name}`);
  return found;
}

function edge(s: Scene, id: string): SceneEdge {
  const found = s.edges.find((e) => e.connection.id === id);
  if (!found) throw new Error(`no edge ${id}`);
  return found;
}

function rowY(b: SceneBox, process: string, port = 0): number {
  const found = b.rows.find(({ row }) => row.kind !== 'more' && row.process === process && (port === 0 || (row.kind === 'service' && row.port === port)));
  if (!found) throw new Error(`no row ${process}`);
  return found.y;
}

/** The fixture with one connection changed. */
function changed(id: string, change: (c: Connection) => Connection): Scene {
  const doc = oneHostFixture();
  return scene({ ...doc, connections: doc.connections.map((c) => (c.id === id ? change(c) : c)) });
}

/** The site on two lanes and a strip. */
function withLanes(doc: TopologyDocument): TopologyDocument {
  const lane = (id: string, x: number, w: number): LaneInfo => ({ id, title: id, layout: { x, y: -20, w, h: 6000 } });
  return { ...doc, lanes: [lane('a', 0, 700), lane('b', 710, 500), lane('', 1220, 900)] };
}

/** A little of all that may change: numbers, states, places, what there is. */
function randomDelta(topology: Topology, step: number, roll: () => number): Delta {
  const some = <T>(items: Iterable<T>, share: number): T[] => [...items].filter(() => roll() < share);
  const { nodes, services, connections } = topology;
  const kind = step % 4;
  const changed = some(connections.values(), 0.05).map((c) => ({ ...c, count: Math.floor(roll() * 600), refused: Math.floor(roll() * 9) }));
  const moved = kind === 1 ? some(nodes.values(), 0.03).map((n) => ({ ...n, layout: { ...n.layout, y: n.layout.y + 30 } })) : [];
  const worse = kind === 2 ? some(nodes.values(), 0.05).map((n) => ({ ...n, state: 'stale' as const, rows: (n.rows ?? []).slice(roll() < 0.5 ? 0 : 1) })) : [];
  const removed = kind === 3 ? { nodes: some(nodes.keys(), 0.01), services: [], connections: some(connections.keys(), 0.02) } : { nodes: [], services: [], connections: [] };
  const copies = kind === 3 ? changed.slice(0, 3).map((c) => ({ ...c, id: `${c.id} ${step}` })) : [];
  return {
    from: topology.revision, revision: `r${step}`, at: topology.at, nodes: [...moved, ...worse], removed,
    services: some(services.values(), 0.03).map((s) => ({ ...s, state: 'gone' as const })), connections: [...changed, ...copies],
  };
}

/** All that a scene says, as plain values. */
function looksOf(s: Scene): unknown {
  const ids = (edges: Iterable<SceneEdge>): string[] => [...edges].map((e) => e.connection.id);
  const own = (e: SceneEdge): boolean => s.boxByName.get(e.client.node.name) === e.client && s.boxByName.get(e.server.node.name) === e.server;
  return {
    boxes: s.boxes, named: [...s.boxByName.values()], bounds: s.bounds, lanes: s.lanes.map((l) => ({ ...l })), suspects: ids(s.suspects),
    edges: s.edges.map((e) => [e.connection, own(e), e.path, e.area, e.label, e.width, e.quiet, e.growth, e.mark]),
    busiest: ids(s.busiest), leads: ids(s.leads).sort(), bundles: s.bundles,
    near: [...s.edgesByNode].map(([name, edges]) => [name, ids(edges)]),
    around: s.boxes.slice(0, 9).map(({ rect }) => s.boxGrid.near(rect).map((b) => b.node.name).sort()),
  };
}

/** The same, whatever the order of what comes in none. */
function inOrder(s: Scene): unknown {
  const { suspects, near, bundles, ...rest } = looksOf(s) as { suspects: string[]; near: [string, string[]][]; bundles: unknown[] };
  return {
    ...rest,
    suspects: suspects.sort(),
    near: near.map(([name, ids]) => [name, ids.sort()] as const).filter(([, ids]) => ids.length > 0).sort(([a], [b]) => (a < b ? -1 : 1)),
    bundles: bundles.map((b) => JSON.stringify(b)).sort(),
  };
}

describe('edgeWidth', () => {
  it.each([
    [0, 1], [1, 1], [4, 1], [5, 1.3], [19, 1.3], [20, 1.7], [99, 1.7], [100, 2.2], [499, 2.2],
    [500, 2.9], [1999, 2.9], [2000, 3.6], [1_000_000, 3.6],
  ])('%d connections are %d wide', (count, width) => expect(edgeWidth(count)).toBe(width));
});

describe('buildScene', () => {
  it('puts rows under the header, 20 each', () => {
    const vm = box(scene(), 'vm');
    expect(vm.rows.map((r) => r.y)).toEqual(vm.rows.map((_, i) => vm.rect.y + HEADER + (i + 0.5) * ROW));
  });

  it('leaves at the row of the client’s service and arrives at the server’s row', () => {
    const s = scene();
    const inside = edge(s, 'c5');
    expect(inside.path.y).toBe(rowY(box(s, 'vm'), 'gunicorn'));
    expect(arrival(inside.path).y).toBe(rowY(box(s, 'vm'), 'postgres'));
  });

  it('leaves at the row of the process when the client is no service', () => {
    const s = scene();
    expect(edge(s, 'c10').path.y).toBe(rowY(box(s, 'vm'), 'icinga2'));
  });

  it('leaves at the header when the process has no row', () => {
    const s = changed('c10', (c) => ({ ...c, client: { ...c.client, process: 'unheard-of' } }));
    expect(edge(s, 'c10').path.y).toBe(box(s, 'vm').rect.y + HEADER / 2);
  });

  it('arrives at the middle of the box when the service has no row', () => {
    const s = changed('c8', (c) => ({ ...c, server: { ...c.server, service: '' } }));
    const { rect } = box(s, '10.20.4.31');
    expect(arrival(edge(s, 'c8').path).y).toBe(rect.y + rect.h / 2);
  });

  it('runs from the right side of the client to the left side of a server on its right, level at the end', () => {
    const s = scene();
    const e = edge(s, 'c8');
    expect(e.path.x).toBe(box(s, 'vm').rect.x + box(s, 'vm').rect.w);
    expect(arrival(e.path)).toMatchObject({ x: box(s, '10.20.4.31').rect.x, dx: 1, dy: 0 });
  });

  it('runs back from the left side when the server stands on the left', () => {
    const s = scene();
    const e = edge(s, 'c11');
    expect(e.path.x).toBe(box(s, 'vm').rect.x);
    expect(arrival(e.path)).toMatchObject({ x: 96, dx: -1 });
  });

  it('loops a connection inside one node over its right side, outside of the box', () => {
    const s = scene();
    const { rect } = box(s, 'vm');
    for (const id of ['c4', 'c5', 'c6', 'c7']) {
      const { points, path } = edge(s, id);
      expect(path.x).toBe(rect.x + rect.w);
      expect(arrival(path)).toMatchObject({ x: rect.x + rect.w, dx: -1 });
      expect(Math.min(...points.map((p) => p.x))).toBeGreaterThanOrEqual(rect.x + rect.w);
    }
  });

  it('gives overlapping loops channels of their own', () => {
    const s = scene();
    const reach = (id: string): number => Math.max(...edge(s, id).points.map((p) => p.x));
    expect(new Set([reach('c5'), reach('c6'), reach('c7')]).size).toBe(3);
  });

  it('spreads the edges of a box without rows over its side', () => {
    const s = scene();
    const ys = ['c1', 'c2', 'c3'].map((id) => edge(s, id).path.y);
    expect(new Set(ys).size).toBe(3);
    expect([...ys].sort((a, b) => a - b)).toEqual(ys);
    // The one that comes in has a place of its own among those that go out.
    expect(ys).not.toContain(arrival(edge(s, 'c11').path).y);
  });

  it('leaves out a connection to a node that is not on the chart', () => {
    const doc = oneHostFixture();
    const s = scene({ ...doc, nodes: doc.nodes.filter((n) => n.name !== '10.20.9.7') });
    expect(s.edges.some((e) => e.connection.id === 'c10')).toBe(false);
  });

  it('passes a box in the way above or below', () => {
    const doc = oneHostFixture();
    const vm = doc.nodes.find((n) => n.name === 'vm') as ChartNode;
    const make = (name: string, x: number): ChartNode => ({ ...vm, name, rows: [], layout: { x, y: 0, w: 100, h: 60 } });
    const c = { ...(doc.connections[9] as Connection) };
    c.client = { node: 'a', process: '', service: '' };
    c.server = { node: 'c', port: 1, process: '', service: '' };
    const s = scene({ ...doc, nodes: [make('a', 0), make('b', 250), make('c', 500)], connections: [c], services: [] });
    const { rect } = box(s, 'b');
    const through = s.edges[0]?.points.filter((p) => p.x > rect.x && p.x < rect.x + rect.w && p.y > rect.y && p.y < rect.y + rect.h);
    expect(through).toEqual([]);
    expect(s.edges).toHaveLength(1);
  });

  it('calls the five busiest busy, and never a single connection', () => {
    const busy = [...scene().busiest].map((e) => e.connection.count);
    expect(busy.sort((a, b) => b - a)).toEqual([38, 24, 12, 8, 6]);
    const doc = oneHostFixture();
    const ones = scene({ ...doc, connections: doc.connections.map((c) => ({ ...c, count: 1 })) });
    expect(ones.busiest.size).toBe(0);
  });

  it('has one leading edge for each pair of nodes', () => {
    const leads = [...scene().leads].map((e) => e.connection.id);
    expect(leads.sort()).toEqual(['c1', 'c10', 'c4', 'c8', 'c9']);
  });

  it('keeps Internet beside the lane where there is room, and everything in the bounds', () => {
    const s = scene();
    const lane = s.lane?.rect;
    expect(lane && lane.x > box(s, 'Internet').rect.x + 96).toBe(true);
    for (const b of s.boxes) {
      expect(b.rect.x).toBeGreaterThanOrEqual(s.bounds.x);
      expect(b.rect.x + b.rect.w).toBeLessThanOrEqual(s.bounds.x + s.bounds.w);
    }
  });

  it('takes Internet onto the lane when they would overlap', () => {
    const doc = oneHostFixture();
    const close = doc.nodes.map((n) => (n.kind === 'internet' ? { ...n, layout: { ...n.layout, x: 130 } } : n));
    const s = scene({ ...doc, nodes: close });
    expect(s.lane && s.lane.rect.x < 130).toBe(true);
  });

  it('has a lane wide enough for its name, if nothing stands in the way', () => {
    const doc = oneHostFixture();
    const small = doc.nodes.filter((n) => n.this).map((n) => ({ ...n, layout: { x: 0, y: 0, w: 138, h: 53 }, rows: [] }));
    const alone = { ...doc, nodes: small, services: [], connections: [] };
    expect(scene(alone).lane?.rect.w).toBe(250);
    const beside = doc.nodes.filter((n) => n.kind === 'internet').map((n) => ({ ...n, layout: { x: 230, y: 0, w: 96, h: 53 } }));
    const lane = scene({ ...alone, nodes: [...small, ...beside] }).lane?.rect;
    expect(lane && lane.x + lane.w).toBe(230 - 24);
  });

  it('never moves a box because of a state', () => {
    const doc = oneHostFixture();
    const trouble = doc.nodes.map((n) => ({ ...n, state: 'stale' as const, status: 'CRITICAL' as const }));
    expect(scene({ ...doc, nodes: trouble }).boxes.map((b) => b.rect)).toEqual(scene(doc).boxes.map((b) => b.rect));
  });

  it('is the same scene with or without an earlier one to take routes from', () => {
    const doc = makeSite(60);
    const paths = (s: Scene): unknown[] => s.edges.map((e) => [e.connection.id, e.path]);
    const first = scene(doc);
    const more = { ...doc, connections: doc.connections.slice(3).map((c) => ({ ...c, count: c.count + 1 })) };
    const moved = { ...more, nodes: doc.nodes.map((n, i) => (i === 7 ? { ...n, layout: { ...n.layout, y: n.layout.y + 40 } } : n)) };
    for (const next of [more, moved]) {
      const again = buildScene(fromDocument(next), LANE, first);
      expect(paths(again)).toEqual(paths(scene(next)));
      expect(again.edges[0]?.connection.count).toBe(next.connections[0]?.count);
    }
    expect(buildScene(fromDocument(more), LANE, first).edges[0]?.path).toBe(first.edges[3]?.path);
  });

  it('looks for new routes only where boxes came, went or moved', () => {
    const doc = makeSite(60);
    const first = scene(doc);
    const at = (i: number): Rect => (doc.nodes[i] as ChartNode).layout;
    const gone = { ...doc, nodes: doc.nodes.filter((_, i) => i !== 22) };
    // In the middle of the lines between two columns.
    const between = { ...(doc.nodes[0] as ChartNode), name: 'newcomer', rows: [], layout: { x: (at(0).x + at(0).w + at(1).x) / 2, y: at(20).y, w: 20, h: 60 } };
    const come = { ...doc, nodes: [...doc.nodes, between] };
    for (const next of [gone, come]) {
      const again = buildScene(fromDocument(next), LANE, first);
      expect(again.edges.map((e) => [e.connection.id, e.path])).toEqual(scene(next).edges.map((e) => [e.connection.id, e.path]));
      const held = again.edges.filter((e) => first.edges.some((was) => was.path === e.path)).length;
      expect(held).toBeGreaterThan(again.edges.length / 2);
      expect(held).toBeLessThan(first.edges.length);
    }
  });

  it.each([1, 2, 3])('is after any deltas what it would be without an earlier one (%i)', (seed) => {
    const roll = dice(seed);
    let topology = fromDocument(withLanes(makeIllSite(60)));
    let held = buildScene(topology, LANE);
    for (let step = 0; step < 16; step++) {
      const delta = randomDelta(topology, step, roll);
      const next = applyDelta(topology, delta);
      if (!next) throw new Error('the delta does not join');
      topology = { ...next, grown: grow(topology, delta, Date.parse(topology.at)) };
      held = buildScene(topology, LANE, held);
      expect(looksOf(held)).toEqual(looksOf(buildScene(topology, LANE)));
    }
  });

  it.each([1, 2, 3, 4])('is renewed after any deltas to what it would be if it were made then (%i)', (seed) => {
    const roll = dice(seed);
    let topology = fromDocument(seed % 2 === 0 ? withLanes(makeIllSite(60)) : makeIllSite(60));
    let held = buildScene(topology, LANE);
    let renewed = 0;
    for (let step = 0; step < 24; step++) {
      const delta = randomDelta(topology, step, roll);
      const lower = (l: LaneInfo): LaneInfo => ({ ...l, layout: { ...l.layout, h: l.layout.h + 30 } });
      const next = applyDelta(topology, step % 5 === 1 && topology.lanes ? { ...delta, lanes: topology.lanes.map(lower) } : delta);
      if (!next) throw new Error('the delta does not join');
      topology = { ...next, grown: grow(topology, delta, Date.parse(topology.at)) };
      const again = renewScene(held, topology, LANE);
      if (again) renewed++;
      held = again ?? buildScene(topology, LANE, held);
      expect(inOrder(held)).toEqual(inOrder(buildScene(topology, LANE)));
    }
    expect(renewed).toBeGreaterThan(9);
  });

  it('is renewed in place, and says what of it is seen', () => {
    const doc = withLanes(makeSite(60));
    const topology = fromDocument({ ...doc, connections: doc.connections.map((c) => ({ ...c, health: { end: 'client' as const } })) });
    const first = buildScene(topology, LANE);
    const [one] = first.edges;
    if (!one) throw new Error('no edge');
    const { id, count } = one.connection;
    const told = (before: Scene, change: Partial<Delta>): Scene => {
      const after = applyDelta(before.source, { from: before.source.revision, revision: `${before.source.revision}+`, at: topology.at, ...change });
      const scene = after && renewScene(before, after, LANE);
      if (!scene) throw new Error('it is not renewed');
      return scene;
    };
    const quiet = told(first, { changed: { connections: [[id, { opened: 9999, health: { rtt_us: 7 } }]] } });
    expect(quiet.news).toEqual({ boxes: false, trouble: false, edges: false });
    expect([quiet.edges, quiet.boxes, quiet.edges[0]]).toEqual([first.edges, first.boxes, one]);
    expect(one.connection.opened).toBe(9999);
    const busy = told(quiet, { changed: { connections: [[id, { count: count + 600 }]] } });
    expect(busy.news).toEqual({ boxes: false, trouble: false, edges: true });
    expect(busy.edges[0]).toBe(one);
    expect(one.width).toBe(edgeWidth(count + 600));
    const ill = told(busy, { changed: { connections: [[id, { health: { retransmit_ratio: 0.4 } }]] } });
    expect(ill.news?.trouble).toBe(true);
    expect(ill.suspects).toEqual([one]);
    const [name, node] = [...topology.nodes][5] ?? ['', undefined];
    if (!node) throw new Error('no node');
    expect(told(ill, { nodes: [{ ...node, last_report: '2026-11-27T00:00:00Z' }] }).news?.boxes).toBe(false);
    expect(ill.boxByName.get(name)?.node.last_report).toBe('2026-11-27T00:00:00Z');
  });

  it('is made anew where boxes come or go, or nobody knows what changed', () => {
    const topology = fromDocument(makeSite(60));
    const first = buildScene(topology, LANE);
    const delta = { from: topology.revision, revision: 'r2', at: topology.at, removed: { nodes: [[...topology.nodes.keys()][3] ?? ''], services: [], connections: [] } };
    const after = applyDelta(topology, delta);
    if (!after) throw new Error('the delta does not join');
    expect(renewScene(first, after, LANE)).toBeNull();
    expect(renewScene(first, fromDocument(makeSite(60)), LANE)).toBeNull();
    expect(renewScene(first, { ...topology, marks: { nodes: new Map(), services: new Map(), connections: new Map() } }, LANE)).toBeNull();
  });

  it('makes anew only what changed when numbers did', () => {
    const topology = fromDocument(makeSite(60));
    const first = buildScene(topology, LANE);
    const [busy] = [...topology.connections.values()].slice(7);
    if (!busy) throw new Error('no connection');
    const delta = { from: topology.revision, revision: 'r2', at: topology.at, connections: [{ ...busy, count: busy.count + 700 }] };
    const again = buildScene(applyDelta(topology, delta) ?? topology, LANE, first);
    expect(again.edges.filter((e, i) => e !== first.edges[i]).map((e) => e.connection.count)).toEqual([busy.count + 700]);
    expect(again.boxes).toEqual(first.boxes);
    expect(again.boxes.every((b, i) => b === first.boxes[i])).toBe(true);
    expect([...again.busiest][0]?.connection.id).toBe(busy.id);
    expect([...first.busiest].some((e) => e.connection.count === busy.count + 700)).toBe(false);
  });

  it.each([makeSite(200, 4), withLanes(makeIllSite(60)), oneHostFixture()])('knows of each edge what it never leaves, before its way is looked for (%#)', (doc) => {
    for (const { course } of scene(doc).edges) {
      const { bound, area } = course;
      const both = union([bound, area]);
      for (const side of ['x', 'y', 'w', 'h'] as const) expect(both[side]).toBeCloseTo(bound[side], 6);
    }
  });

  it('has nothing to draw for an empty site', () => {
    expect(scene(fixture('empty'))).toMatchObject({ boxes: [], edges: [], lane: null });
  });

  it('attaches every edge of 60 nodes to its two boxes', () => {
    const s = scene(makeSite(60));
    expect(s.boxes).toHaveLength(60);
    expect(s.edges.length).toBeGreaterThan(80);
    for (const e of s.edges) {
      const end = arrival(e.path);
      expect([e.client.rect.x, e.client.rect.x + e.client.rect.w]).toContain(e.path.x);
      expect([e.server.rect.x, e.server.rect.x + e.server.rect.w]).toContain(end.x);
      expect(end.y).toBeGreaterThan(e.server.rect.y);
      expect(end.y).toBeLessThan(e.server.rect.y + e.server.rect.h);
    }
  });
});

describe('hitTest', () => {
  const s = scene();
  const vm = box(s, 'vm');
  const x = vm.rect.x + 50;

  it('finds the row, the header, and nothing beside', () => {
    expect(hitTest(s, { x, y: rowY(vm, 'sshd') }, 1)).toMatchObject({ kind: 'row', row: { row: { process: 'sshd' } } });
    expect(hitTest(s, { x, y: vm.rect.y + 5 }, 1)).toMatchObject({ kind: 'box', box: { node: { name: 'vm' } } });
    expect(hitTest(s, { x: -500, y: -500 }, 1)).toBeNull();
  });

  it('finds an edge within 12 screen pixels at every zoom, and not further', () => {
    const e = edge(s, 'c8');
    const p = e.label;
    for (const k of [0.5, 1, 3]) {
      expect(hitTest(s, { x: p.x, y: p.y }, k)).toMatchObject({ kind: 'edge', edge: { connection: { id: 'c8' } } });
    }
    expect(hitTest(s, { x: 500, y: -40 }, 1)).toBeNull();
  });

  it('takes the nearest of two edges', () => {
    const at = edge(s, 'c1').label;
    expect(hitTest(s, { x: at.x, y: at.y - 2 }, 1)).toMatchObject({ edge: { connection: { id: 'c1' } } });
  });

  it('gives a box at least 24 px on screen', () => {
    const { rect } = box(s, '10.20.9.7');
    const p = { x: rect.x + rect.w / 2, y: rect.y + rect.h + 60 };
    expect(hitTest(s, p, 1)?.kind).not.toBe('box');
    expect(hitTest(s, p, 0.05)).toMatchObject({ kind: 'box' });
  });

  it('agrees with looking at every box', () => {
    const site = scene(makeSite(60));
    for (let i = 0; i < 400; i++) {
      const p = { x: (i * 37) % site.bounds.w, y: (i * 91) % site.bounds.h };
      const slow = site.boxes.find((b) => p.x >= b.rect.x && p.x <= b.rect.x + b.rect.w && p.y >= b.rect.y && p.y <= b.rect.y + b.rect.h);
      const hit = hitTest(site, p, 4);
      if (slow) expect(hit && hit.kind !== 'edge' ? hit.box : null).toBe(slow);
      else expect(hit === null || hit.kind !== 'row').toBe(true);
    }
  });
});

describe('edgesOf', () => {
  const s = scene();
  const vm = box(s, 'vm');

  it('is all of a box, those of a row, or the edge itself', () => {
    expect(edgesOf(s, { kind: 'box', box: vm })).toHaveLength(11);
    const row = vm.rows.find((r) => r.row.kind === 'service' && r.row.process === 'gunicorn');
    if (!row) throw new Error('no gunicorn');
    expect(edgesOf(s, { kind: 'row', box: vm, row }).map((e) => e.connection.id).sort()).toEqual(['c4', 'c5', 'c6', 'c8']);
    const one = edge(s, 'c1');
    expect(edgesOf(s, { kind: 'edge', edge: one })).toEqual([one]);
  });
});

describe('nextBox', () => {
  const s = scene();
  it.each([
    ['vm', 'left', 'Internet'],
    ['vm', 'right', '10.20.4.31'],
    ['10.20.4.31', 'up', '10.20.0.53'],
    ['10.20.4.31', 'down', '10.20.9.7'],
    ['10.20.4.31', 'left', 'vm'],
    ['Internet', 'left', undefined],
    ['10.20.0.53', 'up', undefined],
  ] as const)('from %s %s is %s', (from, direction, to) => {
    expect(nextBox(s, box(s, from), direction)?.node.name).toBe(to);
  });
});
