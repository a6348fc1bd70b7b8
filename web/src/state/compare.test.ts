import { describe, expect, it } from 'vitest';
import type { Comparison, Connection, Difference, NodeInfo, Service, TopologyDocument } from '../api/types';
import { makeSite } from '../fixtures';
import { changeRows, compared, counts, countsLine, createShown, markOf, marksOf, remembered, withOther } from './compare';
import { fromDocument } from './topology';
import { signal } from '@preact/signals';

const now = makeSite(20);
const node = now.nodes[3] as NodeInfo;
const service = now.services[4] as Service;
const connection = now.connections[5] as Connection;

function diff(change: Partial<Comparison> = {}): Comparison {
  return { from: '2026-11-22T05:30:00Z', to: now.at, nodes: [], services: [], connections: [], gaps: [], ...change };
}

const appeared = { change: 'appeared', returned: false } as const;
const returned = { change: 'appeared', returned: true } as const;
const vanished = { change: 'vanished', returned: false } as const;
const changed: Difference = { change: 'changed', returned: false, what: ['process'] };

describe('a mark', () => {
  it.each([
    ['what was never there before is new', appeared, 'appeared'],
    ['what had been there before is back again', returned, 'returned'],
    ['changed', changed, 'changed'],
    ['vanished, however often it returned before', { change: 'vanished', returned: true } as const, 'vanished'],
  ])('%s', (_, d, want) => expect(markOf(d)).toBe(want));

  it('is on each thing of a comparison', () => {
    const marks = marksOf(diff({ nodes: [{ ...changed, what: ['agent'], node }], services: [{ ...appeared, service }], connections: [{ ...vanished, connection }] }));
    expect(marks.nodes.get(node.name)).toBe('changed');
    expect(marks.services.get(service.id)).toBe('appeared');
    expect(marks.connections.get(connection.id)).toBe('vanished');
  });
});

/** The site before a node with all that is its own came, and another went. */
function before(without: string, extra: TopologyDocument['nodes'] = []): TopologyDocument {
  return {
    ...now,
    nodes: [...now.nodes.filter((n) => n.name !== without), ...extra],
    services: now.services.filter((s) => s.node !== without),
    connections: now.connections.filter((c) => c.client.node !== without && c.server.node !== without),
  };
}

describe('a comparison on the chart', () => {
  const first = now.nodes[0] as TopologyDocument['nodes'][number];
  const free = { ...first, name: 'old01', layout: { x: 5000, y: 5000, w: 158, h: 60 } };
  const taken = { ...first, name: 'old02' };
  const gone: Connection = { ...connection, id: 'gone', client: { ...connection.client, node: 'old01' } };
  const was = before(node.name, [free, taken]);
  const d = diff({
    nodes: [{ ...appeared, node }, { ...vanished, node: free }, { ...vanished, node: taken }],
    services: [{ ...vanished, service: { ...service, id: 'old01~tcp~80', node: 'old01' } }],
    connections: [{ ...vanished, connection: gone }],
  });
  const shown = compared(fromDocument(now), was, d);

  it('has the vanished where they stood', () => {
    expect(shown.nodes.get('old01')?.layout).toEqual(free.layout);
    expect(shown.services.has('old01~tcp~80')).toBe(true);
    expect(shown.connections.get('gone')).toBe(gone);
    expect(shown.marks?.nodes.get('old01')).toBe('vanished');
  });

  it('has them below everything where something else stands now', () => {
    const below = shown.nodes.get('old02')?.layout;
    expect(below?.y).toBeGreaterThan(Math.max(...now.nodes.map((n) => n.layout.y + n.layout.h)));
    expect(below?.x).toBe(first.layout.x);
  });

  it('moves nothing that is there', () => {
    for (const n of now.nodes) expect(shown.nodes.get(n.name)?.layout).toEqual(n.layout);
  });

  it('has no line to where no box is', () => {
    const nowhere = diff({ connections: [{ ...vanished, connection: { ...gone, id: 'nowhere', client: { ...gone.client, node: 'hidden' } } }] });
    expect(compared(fromDocument(now), was, nowhere).connections.has('nowhere')).toBe(false);
  });

  it('of nodes marks the connections of two nodes: new, back again and vanished', () => {
    const level = { ...now, level: 'node' as const };
    const [a, b, c] = now.connections as [Connection, Connection, Connection];
    const earlier = { ...level, connections: [...level.connections.filter((x) => x !== a && x !== b), { ...c, id: 'was' }] };
    const marks = compared(fromDocument(level), earlier, diff({ connections: [{ ...appeared, connection: a }, { ...returned, connection: b }] })).marks;
    expect(marks?.connections.get(a.id)).toBe('appeared');
    expect(marks?.connections.get(b.id)).toBe('returned');
    expect(marks?.connections.get('was')).toBe('vanished');
    expect(marks?.connections.has(c.id)).toBe(false);
  });
});

describe('the past beside today', () => {
  const then = fromDocument({ ...now, past: true });

  it('marks what is not there today', () => {
    const marks = remembered(then, before(node.name)).marks;
    expect(marks?.nodes.get(node.name)).toBe('absent');
    expect([...(marks?.services.keys() ?? [])]).toEqual(now.services.filter((s) => s.node === node.name).map((s) => s.id));
    expect(marks?.connections.size).toBe(now.connections.filter((c) => c.client.node === node.name || c.server.node === node.name).length);
  });

  it('takes a service that stopped for one that is not there', () => {
    const today = { ...now, services: now.services.map((s) => (s === service ? { ...s, state: 'gone' as const } : s)) };
    expect([...(remembered(then, today).marks?.services ?? [])]).toEqual([[service.id, 'absent']]);
  });

  it('says nothing of what had stopped then already', () => {
    const stopped = fromDocument({ ...now, services: now.services.map((s) => (s === service ? { ...s, state: 'gone' as const } : s)) });
    expect(remembered(stopped, { ...now, services: now.services.filter((s) => s !== service) }).marks?.services.size).toBe(0);
  });
});

describe('what is drawn', () => {
  const topology = fromDocument(now);

  it('is the topology alone where there is no other moment, or one of another level', () => {
    expect(withOther(topology, null)).toBe(topology);
    expect(withOther(null, { doc: now, diff: null })).toBeNull();
    expect(withOther(topology, { doc: { ...now, level: 'node' }, diff: null })).toBe(topology);
  });

  it('follows both', () => {
    const other = signal<Parameters<typeof withOther>[1]>(null);
    const shown = createShown(signal(topology), other, signal(undefined), signal(null));
    expect(shown.value?.marks).toBeUndefined();
    other.value = { doc: before(node.name), diff: diff({ nodes: [{ ...appeared, node }] }) };
    expect(shown.value?.marks?.nodes.get(node.name)).toBe('appeared');
    other.value = { doc: before(node.name), diff: null };
    expect(shown.value?.marks?.nodes.get(node.name)).toBe('absent');
  });
});

describe('the list of changes', () => {
  const rows = changeRows(
    diff({
      nodes: [{ ...vanished, node: { ...node, last_report: '2026-11-22T09:00:00Z' } }],
      services: [{ ...appeared, service }, { ...changed, service: now.services[0] as Service, what: ['process'] }],
      connections: [{ ...returned, connection }],
    }),
  );

  it('has what is new first, then what is back, changed, vanished', () => {
    expect(rows.map((r) => [r.mark, r.subject])).toEqual([['appeared', 'service'], ['returned', 'connection'], ['changed', 'service'], ['vanished', 'node']]);
  });

  it('says since when, or when something was seen last', () => {
    expect(rows.map((r) => r.at)).toEqual([service.first_seen, connection.first_seen, expect.anything(), '2026-11-22T09:00:00Z']);
  });

  it('is counted in words', () => {
    expect(counts(rows).get('appeared')).toBe(1);
    expect(countsLine(rows)).toBe('1 new, 1 back again, 1 changed, 1 vanished');
    expect(countsLine([])).toBe('no change');
  });
});
