import { describe, expect, it } from 'vitest';
import type { ChartNode, Connection, LaneInfo, TopologyDocument } from '../api/types';
import { makeSite, oneHostFixture } from '../fixtures';
import { fromDocument } from '../state/topology';
import type { SceneEdge } from './course';
import { BESIDE, type OneLane, PAGE, downOf, firstLane, laneOfBox, lanesOf } from './down';
import { overlaps } from './hit';
import { arrival, sample } from './route';
import { buildScene } from './scene';

const TITLE = { title: 'this site', subtitle: '' };
const doc = oneHostFixture();
const host = doc.nodes.find((n) => n.this) as ChartNode;
const line = doc.connections[0] as Connection;

function box(name: string, x: number, y: number, change: Partial<ChartNode> = {}): ChartNode {
  return { ...host, name, this: false, status: 'NONE', open_status: 'NONE', rows: [], layout: { x, y, w: 160, h: 60 }, ...change };
}

const edge = (from: string, to: string): Connection => ({ ...line, id: `${from} ${to}`, client: { node: from, process: '', service: '' }, server: { node: to, port: 80, process: '', service: '' } });

const lane = (id: string, title: string, y: number): LaneInfo => ({ id, title, layout: { x: 100, y, w: 900, h: 300 } });

/** Internet → lb → web1, web2 → db of the shop, whose db1 calls a partner and the other lane. */
function site(change: Partial<TopologyDocument> = {}): TopologyDocument {
  return {
    ...doc,
    nodes: [
      box('Internet', 0, 100, { kind: 'internet' }),
      box('lb', 120, 50),
      box('web1', 400, 50),
      box('web2', 400, 150, { layout: { x: 400, y: 150, w: 170, h: 100 } }),
      box('web3', 400, 260),
      box('db', 700, 80),
      box('partner', 1100, 100, { kind: 'network' }),
      box('mail', 400, 450, { status: 'CRITICAL', open_status: 'CRITICAL' }),
      box('dns', 200, 850, { shared: true }),
      box('lost', 200, 1400),
    ],
    services: [],
    connections: [edge('Internet', 'lb'), edge('lb', 'web1'), edge('lb', 'web2'), edge('lb', 'web3'), edge('web1', 'db'), edge('web2', 'db'), edge('lb', 'db'), edge('db', 'partner'), edge('db', 'mail'), edge('db', 'lb')],
    lanes: [lane('', '', 800), lane('m', 'mail', 400), lane('s', 'shop', 0)],
    ...change,
  };
}

const shop = () => {
  const topology = fromDocument(site());
  const found = lanesOf(topology).find((l) => l.id === 's');
  if (!found) throw new Error('no shop');
  return { topology, lane: found, scene: buildScene(downOf(topology, found), TITLE) };
};

describe('a chart lane by lane', () => {
  it('has its lanes from above, then what serves everyone, then the rest', () => {
    const lanes = lanesOf(fromDocument(site()));
    expect(lanes.map((l) => [l.title, l.boxes.length, l.worst])).toEqual([['shop', 5, 'NONE'], ['mail', 1, 'CRITICAL'], ['Shared services', 1, 'NONE'], ['in no group', 1, 'NONE']]);
    expect(laneOfBox(lanes, 'db')?.title).toBe('shop');
    expect(laneOfBox(lanes, 'Internet')).toBeUndefined();
  });

  it('begins where it is worst, else with this node, else with the most', () => {
    expect(firstLane(lanesOf(fromDocument(site())))?.title).toBe('mail');
    const calm = site().nodes.map((n) => ({ ...n, status: 'NONE' as const, open_status: 'NONE' as const }));
    expect(firstLane(lanesOf(fromDocument(site({ nodes: calm }))))?.title).toBe('shop');
    expect(firstLane(lanesOf(fromDocument(site({ nodes: calm.map((n) => ({ ...n, this: n.name === 'dns' })) }))))?.title).toBe('Shared services');
    expect(firstLane([])).toBeUndefined();
  });

  it('is one lane where it has none', () => {
    const lanes = lanesOf(fromDocument(site({ lanes: [] })));
    expect(lanes.map((l) => [l.title, l.boxes.length])).toEqual([['all of it', 8]]);
  });

  it('runs down: callers above what they call, what it has to do with outside around it', () => {
    const { scene } = shop();
    const top = (name: string): number => scene.boxByName.get(name)?.rect.y ?? NaN;
    expect([...scene.boxByName.keys()].sort()).toEqual(['Internet', 'db', 'lb', 'partner', 'web1', 'web2', 'web3']);
    expect(top('Internet')).toBeLessThan(top('lb'));
    expect(top('lb')).toBeLessThan(top('web1'));
    expect(top('web1')).toBe(top('web2'));
    expect(top('web2')).toBeLessThan(top('web3'));
    expect(top('web3')).toBeLessThan(top('db'));
    expect(top('db')).toBeLessThan(top('partner'));
    expect(scene.lanes.map((l) => [l.title, l.subtitle])).toEqual([['shop', '5 nodes']]);
  });

  it.each([['services', site()], ['a made-up site', makeSite(60)]])('fits the page, and no line runs through a box: %s', (_, of) => {
    const topology = fromDocument(of);
    for (const one of lanesOf(topology)) {
      const scene = buildScene(downOf(topology, one), TITLE);
      for (const { rect } of scene.boxes) expect([rect.x >= 0, rect.x + rect.w <= PAGE]).toEqual([true, true]);
      scene.boxes.forEach((a, i) => scene.boxes.slice(i + 1).forEach((b) => expect(overlaps(a.rect, b.rect), `${a.node.name} and ${b.node.name}`).toBe(false)));
      for (const e of scene.edges) {
        if (e.client === e.server || e.client.rect.y === e.server.rect.y) continue;
        const through = scene.boxes.filter((b) => b !== e.client && b !== e.server && sample(e.path).some((p) => p.x > b.rect.x + 1 && p.x < b.rect.x + b.rect.w - 1 && p.y > b.rect.y + 1 && p.y < b.rect.y + b.rect.h - 1));
        expect(through.map((b) => b.node.name), e.connection.id).toEqual([]);
      }
    }
  });

  it('draws few lines along its sides, the busiest, and says how many more there are', () => {
    const topology = fromDocument(makeSite(60));
    const scene = buildScene(downOf(topology, lanesOf(topology)[0] as OneLane), TITLE);
    const beside = (e: SceneEdge): boolean => e.client.rect.y !== e.server.rect.y && sample(e.path).some((p) => p.x < 0 || p.x > PAGE);
    const [drawn, quiet] = [scene.edges.filter((e) => beside(e) && !e.quiet), scene.edges.filter((e) => beside(e) && e.quiet && !e.client.hushed && !e.server.hushed)];
    expect(drawn.length).toBeGreaterThan(0);
    expect(drawn.length).toBeLessThanOrEqual(2 * BESIDE);
    expect(quiet.length).toBeGreaterThan(0);
    expect(scene.lanes[0]?.subtitle).toContain(`tap a box for its ${quiet.length} more lines`);
    const xs = new Set(drawn.map((e) => Math.min(...sample(e.path).map((p) => p.x)).toFixed(1) + Math.max(...sample(e.path).map((p) => p.x)).toFixed(1)));
    expect(xs.size, 'no two in one channel').toBe(drawn.length);
  });

  it('has lines that end upright at their boxes, down to what is below and up to what is above', () => {
    const { scene } = shop();
    for (const { path, server, connection } of scene.edges) {
      const end = arrival(path);
      const down = connection.id !== 'db lb';
      expect([end.dx, end.dy], connection.id).toEqual([0, down ? 1 : -1]);
      // A network has sheets behind it, over which a line ends.
      const sheets = server.node.kind === 'network' ? 6 : 0;
      expect(end.y).toBe(down ? server.rect.y - sheets : server.rect.y + server.rect.h);
    }
  });
});
