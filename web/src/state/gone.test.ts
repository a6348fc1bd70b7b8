import { signal } from '@preact/signals';
import { describe, expect, it } from 'vitest';
import type { Comparison, Connection, Ghost, TopologyDocument } from '../api/types';
import { oneHostFixture } from '../fixtures';
import { buildScene } from '../chart/scene';
import { draw, stubCanvas } from '../testing/chart';
import { createShown } from './compare';
import { NOTHING_GONE, goneOf } from './gone';
import { HOME, formatRoute, goTo, parseRoute } from './route';
import { applyDelta, fromDocument } from './topology';

stubCanvas();

const since = '2026-11-23T05:27:00Z';
const ghost: Ghost = { name: 'db9', kind: 'host', since, layout: { x: 900, y: 40, w: 160, h: 60 } };
const line = oneHostFixture().connections[0] as Connection;

function doc(change: Partial<TopologyDocument> = {}): TopologyDocument {
  return { ...oneHostFixture(), ghosts: [ghost], ...change };
}

const edge = (id: string, from: string, to: string): Connection => ({ ...line, id, count: 3, client: { node: from, process: '', service: '' }, server: { node: to, port: 5432, process: '', service: `${to}~tcp~5432` } });

function diff(...connections: Connection[]): Comparison {
  const [first, ...rest] = connections;
  const vanished = rest.map((connection) => ({ change: 'vanished' as const, returned: false, connection }));
  return { from: since, to: since, nodes: [], services: [], gaps: [], connections: first ? [{ change: 'appeared', returned: false, connection: first }, ...vanished] : [] };
}

describe('what is gone', () => {
  it('has the connections that it lost, and no others', () => {
    const of = diff(edge('new', 'vm', 'db9'), edge('lost', 'vm', 'db9'), edge('again', 'vm', 'db9'), edge('c8', 'db9', 'vm'), edge('other', 'vm', '10.20.9.7'), edge('nowhere', 'db9', 'nobody'));
    const { boxes, connections } = goneOf(fromDocument(doc()), of);
    expect(boxes).toEqual([ghost]);
    expect(connections.map((c) => [c.id, c.count, c.health])).toEqual([['lost', 0, undefined]]);
  });

  it('is not what is back, and has no connections where nobody knows them', () => {
    expect(goneOf(fromDocument(doc({ ghosts: [{ ...ghost, name: 'vm' }] })), null)).toBe(NOTHING_GONE);
    expect(goneOf(fromDocument(doc()), null).connections).toEqual([]);
  });

  it('is shown unless the link says no, and not beside another moment', () => {
    const topology = signal(fromDocument(doc()));
    const other = signal<Parameters<typeof createShown>[1]['value']>(null);
    const gone = signal<Comparison | null | undefined>(undefined);
    const shown = createShown(topology, other, gone, signal(null));
    expect(shown.value).toBe(topology.value);
    gone.value = null;
    expect(shown.value?.gone?.boxes).toEqual([ghost]);
    other.value = { doc: doc(), diff: diff() };
    expect(shown.value?.gone).toBeUndefined();
  });

  it('comes and goes by deltas', () => {
    const held = fromDocument(doc());
    const delta = { from: held.revision, revision: 'b', at: held.at };
    expect(applyDelta(held, delta)?.ghosts).toEqual([ghost]);
    expect(applyDelta(held, { ...delta, ghosts: [] })?.ghosts).toEqual([]);
  });

  it('stands at its place, struck through, with its lines, and is no node of the site', () => {
    const shown = fromDocument(doc());
    const without = buildScene(shown, { title: '', subtitle: '' });
    const scene = buildScene({ ...shown, gone: goneOf(shown, diff(edge('x', 'vm', 'vm'), edge('lost', 'vm', 'db9'))) }, { title: '', subtitle: '' });
    expect(scene.boxByName.get('db9')).toMatchObject({ gone: true, mark: 'vanished', rect: ghost.layout });
    expect(scene.edges.find((e) => e.connection.id === 'lost')?.mark).toBe('vanished');
    expect(scene.boxes.length).toBe(without.boxes.length + 1);
    expect(scene.compared).toBe(false);
    const drawn = draw(scene);
    expect(drawn.text('gone 3 min').fill).toBe('ink3');
    expect(drawn.of('fillRect').some((m) => m.fill === 'vanished' && m.args[2] === 'db9'.length * 6)).toBe(true);
    expect(drawn.texts).not.toContain('vanished');
  });

  it('is hidden by the link, on every page', () => {
    expect(formatRoute(HOME)).not.toContain('vanished');
    expect(formatRoute(goTo({ ...HOME, vanished: false }, 'services'))).toBe('#/services?vanished=no');
    expect(parseRoute('#/chart?vanished=no').vanished).toBe(false);
    expect(parseRoute('#/chart').vanished).toBe(true);
  });
});
