import { describe, expect, it } from 'vitest';
import type { Delta, Service } from '../api/types';
import { containersFixture, oneHostFixture } from '../fixtures';
import { shopPools } from '../fixtures/shop';
import { type Topology, announcements, applyDelta, catchUp, containerName, containersOf, fromDocument, serviceLabel } from './topology';

function held(): Topology {
  return fromDocument(oneHostFixture());
}

function delta(change: Partial<Delta>): Delta {
  return { from: 'k3f9zq-1', revision: 'k3f9zq-2', at: '2026-11-23T05:30:10Z', ...change };
}

function nginx(topology: Topology): Service {
  const service = [...topology.services.values()].find((s) => s.process === 'nginx' && s.port === 80);
  if (!service) throw new Error('the fixture has no nginx :80');
  return service;
}

describe('applyDelta', () => {
  it('refuses a delta that does not start from the held revision', () => {
    expect(applyDelta(held(), delta({ from: 'k3f9zq-0' }))).toBeNull();
  });

  it('puts whole objects in place and leaves the rest as it is', () => {
    const before = held();
    const after = applyDelta(before, delta({ services: [{ ...nginx(before), process: 'caddy' }] }));
    expect(after?.revision).toBe('k3f9zq-2');
    expect(after?.services.get(nginx(before).id)?.process).toBe('caddy');
    expect(after?.nodes).toBe(before.nodes);
    expect(after?.connections).toBe(before.connections);
    expect(before.services.get(nginx(before).id)?.process).toBe('nginx');
  });

  it('takes away what is removed, and survives names it never knew', () => {
    const after = applyDelta(
      held(),
      delta({ removed: { nodes: ['10.20.9.7', 'nobody'], services: ['nothing'], connections: ['c10'] } }),
    );
    expect(after?.nodes.has('10.20.9.7')).toBe(false);
    expect(after?.nodes.size).toBe(4);
    expect(after?.connections.has('c10')).toBe(false);
    expect(after?.services.size).toBe(held().services.size);
  });

  it('keeps an object that one delta both removes and brings', () => {
    const before = held();
    const back = nginx(before);
    const after = applyDelta(before, delta({ services: [back], removed: { services: [back.id] } }));
    expect(after?.services.get(back.id)).toEqual(back);
  });

  it('puts patches into what is there, and leaves what was as it was', () => {
    const before = held();
    const [was] = [...before.connections.values()].filter((c) => c.health);
    if (!was) throw new Error('the fixture has no health');
    const after = applyDelta(before, delta({ changed: { connections: [[was.id, { count: 77, last_connection: null, peers: 3, health: { rtt_us: 5, retransmit_ratio: null } }]] } }));
    const want = { ...was, count: 77, peers: 3, health: { ...was.health, rtt_us: 5 } } as Record<string, unknown> & { health: Record<string, unknown> };
    delete want['last_connection'];
    delete want.health['retransmit_ratio'];
    expect(after?.connections.get(was.id)).toStrictEqual(want);
    expect(before.connections.get(was.id)).toBe(was);
    expect(before.connections.get(was.id)?.count).not.toBe(77);
    expect(after?.services).toBe(before.services);
    const other = [...before.connections.values()].find((c) => c !== was);
    expect(after?.connections.get(other?.id ?? '')).toBe(other);
    const ill = applyDelta(before, delta({ changed: { connections: [[other?.id ?? '', { health: { end: 'client', close_wait: 3 } }]], services: [[nginx(before).id, { clients: 9 }]] } }));
    expect(ill?.connections.get(other?.id ?? '')?.health).toEqual({ ...other?.health, end: 'client', close_wait: 3 });
    expect(ill?.services.get(nginx(before).id)).toEqual({ ...nginx(before), clients: 9 });
  });

  it('puts patches into boxes and their members', () => {
    const before = fromDocument({ ...shopPools(), revision: 'k3f9zq-1' });
    const pool = [...before.nodes.values()].find((n) => n.kind === 'pool' && (n.members?.length ?? 0) > 1);
    const [first, second] = pool?.members ?? [];
    if (!pool || !first || !second) throw new Error('the fixture has no pool');
    const after = applyDelta(before, delta({ changed: { pools: [[pool.name, { layout: { y: 777 }, status: 'CRITICAL' }]], members: [[pool.name, { [second.name]: { state: 'stale' }, constructor: {} }]] } }));
    const [a, b] = after?.nodes.get(pool.name)?.members ?? [];
    expect(after?.nodes.get(pool.name)).toEqual({ ...pool, layout: { ...pool.layout, y: 777 }, status: 'CRITICAL', members: [first, { ...second, state: 'stale' }, ...(pool.members ?? []).slice(2)] });
    expect([a, b?.state, before.nodes.get(pool.name)]).toEqual([first, 'stale', pool]);
    expect(after?.nodes.get(pool.name)?.known_as).toBe(pool.title);
    const alone = applyDelta(before, delta({ changed: { members: [[pool.name, { [first.name]: { state: 'stale' } }]] } }));
    expect(alone?.nodes.get(pool.name)?.members?.map((m) => m.state).slice(0, 2)).toEqual(['stale', second.state]);
    expect(applyDelta(before, delta({ changed: { members: [['nobody', {}]] } }))).toBeNull();
  });

  it('can’t go on where a patch is of something that is not there', () => {
    expect(applyDelta(held(), delta({ changed: { connections: [['nothing', { count: 1 }]] } }))).toBeNull();
  });

  it('keeps the lanes in which nothing changed', () => {
    const [a, b] = [{ id: 'a', title: 'shop', layout: { x: 0, y: 0, w: 9, h: 9 } }, { id: 'b', title: 'erp', layout: { x: 0, y: 9, w: 9, h: 9 } }];
    const before = { ...held(), lanes: [a, b] };
    const lower = { ...b, layout: { ...b.layout, y: 10 } };
    const after = applyDelta(before, delta({ lanes: [structuredClone(a), lower] }));
    expect(after?.lanes).toEqual([a, lower]);
    expect(after?.lanes?.[0]).toBe(a);
  });

  it('keeps the order of survivors and puts newcomers at the end', () => {
    const before = held();
    const names = [...before.nodes.keys()];
    const first = before.nodes.get('Internet');
    if (!first) throw new Error('the fixture has no Internet');
    const after = applyDelta(before, delta({ nodes: [{ ...first, name: 'new' }, first] }));
    expect([...(after?.nodes.keys() ?? [])]).toEqual([...names, 'new']);
  });

  it('takes extent, coverage and hidden counts when they come, and null lists as none', () => {
    const after = applyDelta(held(), delta({ width: 1000, hidden: { services: 9, connections: 1, ignored: 0, infrastructure: 0, old: 0, observers: 0 }, nodes: null, removed: null }));
    expect(after).toMatchObject({ width: 1000, height: 300, hidden: { services: 9, connections: 1, ignored: 0, infrastructure: 0, old: 0, observers: 0 } });
    expect(after?.coverage).toEqual(held().coverage);
  });
});

describe('catchUp', () => {
  const one = delta({ removed: { connections: ['c1'] } });
  const two = delta({ from: 'k3f9zq-2', revision: 'k3f9zq-3', removed: { connections: ['c2'] } });
  const earlier = delta({ from: 'k3f9zq-0', revision: 'k3f9zq-1', removed: { connections: ['c3'] } });

  it.each<[string, Delta[], string | undefined]>([
    ['nothing waited', [], 'k3f9zq-1'],
    ['two in order', [one, two], 'k3f9zq-3'],
    ['one that is already in the reading', [earlier], 'k3f9zq-1'],
    ['one already in, two to come', [earlier, one, two], 'k3f9zq-3'],
    ['a hole before the first', [two], undefined],
    ['a hole in the middle', [one, delta({ from: 'k3f9zq-8', revision: 'k3f9zq-9' })], undefined],
  ])('%s', (_, waiting, revision) => {
    expect(catchUp(held(), waiting)?.revision).toBe(revision);
  });

  it('does not apply what the reading already has', () => {
    expect(catchUp(held(), [earlier])?.connections.has('c3')).toBe(true);
  });
});

describe('announcements', () => {
  it('says once that a service stopped listening, and that it is back', () => {
    const before = held();
    const gone = delta({ services: [{ ...nginx(before), state: 'gone' }] });
    expect(announcements(before, gone)).toEqual(['service vanished: nginx :80 on vm']);
    const after = applyDelta(before, gone);
    if (!after) throw new Error('the delta did not apply');
    expect(announcements(after, gone)).toEqual([]);
    expect(announcements(after, delta({ services: [nginx(before)] }))).toEqual(['service is back: nginx :80 on vm']);
  });

  it('says when a node goes silent, and nothing about newcomers', () => {
    const before = held();
    const vm = before.nodes.get('vm');
    if (!vm) throw new Error('the fixture has no vm');
    const silent = delta({ nodes: [{ ...vm, state: 'stale' }, { ...vm, name: 'new', state: 'stale' }] });
    expect(announcements(before, silent)).toEqual(['node does not report: vm']);
    const patch = delta({ changed: { nodes: [['vm', { state: 'stale' }], ['Internet', { layout: { x: 1 } }]], services: [[nginx(before).id, { state: 'gone' }]] } });
    expect(announcements(before, patch)).toEqual(['service vanished: nginx :80 on vm', 'node does not report: vm']);
  });
});

describe('serviceLabel', () => {
  it.each([
    [{ process: 'nginx', protocol: 'tcp', port: 80 }, 'nginx :80'],
    [{ process: 'dnsmasq', protocol: 'udp', port: 53 }, 'dnsmasq :53 udp'],
    [{ process: '', protocol: 'tcp', port: 22 }, ':22'],
  ] as const)('%j', (service, label) => expect(serviceLabel(service)).toBe(label));
});

describe('containers', () => {
  it.each([
    ['container', 'web01/redis', { host: 'web01', container: 'redis' }],
    ['container', 'web01/pod/redis', { host: 'web01', container: 'pod/redis' }],
    ['container', 'web01', null],
    ['host', 'web01/redis', null],
  ] as const)('a %s named %s', (kind, name, parts) => expect(containerName({ kind, name })).toEqual(parts));

  it('of a host are found by its name, as people count', () => {
    const topology = fromDocument(containersFixture());
    expect(containersOf(topology, 'shop01').map((n) => n.name)).toEqual(['shop01/shop-cache', 'shop01/shop-web', 'shop01/worker']);
    expect(containersOf(topology, 'shop0')).toEqual([]);
    expect(containersOf(topology, 'db01')).toEqual([]);
    expect(containersOf(null, 'shop01')).toEqual([]);
  });
});
