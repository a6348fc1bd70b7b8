import { afterEach, describe, expect, it } from 'vitest';
import type { ChartNode, TopologyDocument } from '../api/types';
import { oneHostFixture } from '../fixtures';
import { formatRoute, levelFor, parseRoute, unfold, usualLevel } from '../state/route';
import { applyDelta, fromDocument, knownAs } from '../state/topology';
import { countInside } from '../state/words';
import { HEADER, MEMBERS, ROW, buildScene } from './scene';

afterEach(() => void (usualLevel.value = 'service'));

const TITLE = { title: 'this site', subtitle: '' };
const POOL = 'pool~1';

/** A pool of three with one row, and the one host as a shared service. */
function pooled(): TopologyDocument {
  const doc = oneHostFixture();
  const host = doc.nodes.find((n) => n.this) as ChartNode;
  const members = [1, 2, 3].map((n) => ({ name: `shop-app0${n}`, kind: 'host' as const, state: 'reporting' as const, status: n === 2 ? ('CRITICAL' as const) : ('UP' as const) }));
  const pool: ChartNode = {
    ...host, name: POOL, kind: 'pool', this: false, title: 'shop-app', group: 'group~1', members, status: 'CRITICAL', open_status: 'CRITICAL',
    layout: { x: 40, y: 60, w: 180, h: 65 }, rows: [{ kind: 'service', service: `${POOL}~tcp~80`, process: 'nginx', protocol: 'tcp', port: 80 }],
  };
  const shared: ChartNode = { ...host, shared: true, layout: { ...host.layout, x: 40, y: 400 } };
  const connection = { ...(doc.connections[0] as TopologyDocument['connections'][number]), id: 'c', client: { node: POOL, process: 'nginx', service: '' }, server: { node: host.name, port: 22, process: '', service: '' }, count: 900 };
  return {
    ...doc, level: 'pool', nodes: [shared], services: [], connections: [connection], pools: [pool],
    lanes: [{ id: 'group~1', title: 'shop', layout: { x: 0, y: 0, w: 400, h: 200 } }, { id: '', title: '', layout: { x: 0, y: 380, w: 900, h: 400 } }],
  };
}

describe('a chart of pools', () => {
  it('calls a pool by its title, and counts its members as nodes', () => {
    const topology = fromDocument(pooled());
    expect(knownAs(topology)(POOL)).toBe('shop-app');
    expect(countInside(topology.nodes.values())).toBe(4);
  });

  it('has room for the ticks of members above the rows', () => {
    const box = buildScene(fromDocument(pooled()), TITLE).boxByName.get(POOL);
    expect(box?.rows[0]?.y).toBe(60 + HEADER + MEMBERS + ROW / 2);
    expect(box?.lane).toBe('shop');
  });

  it('counts what stands on a lane, says its worst, and names the strip', () => {
    const { lanes, lane } = buildScene(fromDocument(pooled()), TITLE);
    expect(lane).toBeNull();
    expect(lanes.map((l) => [l.title, l.subtitle, l.worst])).toEqual([
      ['shop', '3 nodes', 'CRITICAL'],
      ['Shared services', 'lines on hover', 'NONE'],
    ]);
  });

  it('hushes the lines of shared services, which are never among the busiest', () => {
    const { edges, busiest } = buildScene(fromDocument(pooled()), TITLE);
    expect([edges[0]?.quiet, edges.some((e) => busiest.has(e))]).toEqual([true, false]);
  });

  it('follows deltas: null lanes are unchanged, a pool that goes is gone', () => {
    const held = fromDocument(pooled());
    const next = applyDelta(held, { from: held.revision, revision: 'r2', at: held.at, lanes: null, removed: { nodes: [POOL], services: [], connections: [] } });
    expect(next?.lanes).toBe(held.lanes);
    expect(next?.nodes.has(POOL)).toBe(false);
    const lanes = [{ id: 'group~1', title: 'store', layout: { x: 0, y: 0, w: 1, h: 1 } }];
    expect(applyDelta(held, { from: held.revision, revision: 'r2', at: held.at, lanes })?.lanes).toEqual(lanes);
  });
});

describe('the level that a visit begins with', () => {
  it.each([
    [12, 'service'],
    [30, 'service'],
    [31, 'pool'],
  ])('of %i nodes is %s', (nodes, level) => {
    const doc = pooled();
    expect(levelFor(fromDocument({ ...doc, coverage: { ...doc.coverage, nodes } }))).toBe(level);
  });

  it('is that of services where nothing is a pool', () => {
    const doc = pooled();
    expect(levelFor(fromDocument({ ...doc, pools: [], coverage: { ...doc.coverage, nodes: 500 } }))).toBe('service');
  });

  it('is written into every link of a large site, so that the link shows the same elsewhere', () => {
    usualLevel.value = 'pool';
    expect(parseRoute('#/chart').level).toBe('pool');
    expect(formatRoute(parseRoute('#/chart'))).toContain('level=pool');
    expect(formatRoute(parseRoute('#/chart?level=service'))).toContain('level=service');
  });

  it('keeps what is expanded in the link, and folds it again', () => {
    const open = unfold(parseRoute('#/chart?level=pool'), POOL);
    expect(parseRoute(formatRoute(open)).expand).toEqual([POOL]);
    expect(unfold(open, POOL).expand).toEqual([]);
  });
});
