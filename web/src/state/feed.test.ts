import { beforeEach, describe, expect, it } from 'vitest';
import { FakeSource } from '../api/fake';
import { DirectLines } from '../api/line';
import type { Connection, Delta, Service, TopologyDocument } from '../api/types';
import { oneHostFixture } from '../fixtures';
import { ManualClock } from '../lib/clock';
import { Feed } from './feed';

/** A server whose answers the test gives, one by one. */
class FakeServer {
  at = '';
  readonly asked: string[] = [];
  readonly sources: FakeSource[] = [];
  #answers: { resolve: (doc: TopologyDocument) => void; reject: (error: Error) => void }[] = [];

  topology = (level: string, hide: readonly string[]): Promise<TopologyDocument> => {
    this.asked.push(`${level} ${hide.join()}`);
    return new Promise((resolve, reject) => this.#answers.push({ resolve, reject }));
  };

  open = (url: string): FakeSource => {
    const source = new FakeSource(url);
    this.sources.push(source);
    return source;
  };

  get source(): FakeSource {
    const source = this.sources.at(-1);
    if (!source) throw new Error('no stream was opened');
    return source;
  }

  async answer(revision: string): Promise<void> {
    this.#answers.shift()?.resolve({ ...oneHostFixture(), revision });
    await settled();
  }

  async refuse(): Promise<void> {
    this.#answers.shift()?.reject(new TypeError('failed to fetch'));
    await settled();
  }
}

async function settled(): Promise<void> {
  for (let i = 0; i < 5; i++) await Promise.resolve();
}

let clock: ManualClock;
let server: FakeServer;
let feed: Feed;

beforeEach(() => {
  clock = new ManualClock(1_000_000);
  server = new FakeServer();
  feed = new Feed({ client: server, clock, random: () => 0, lines: new DirectLines({ clock, random: () => 0, open: server.open }) });
});

function delta(from: string, revision: string, change: Partial<Delta> = {}): Delta {
  return { from, revision, at: '2026-11-23T05:31:00Z', ...change };
}

async function live(): Promise<void> {
  feed.watch('service', ['ignored']);
  await server.answer('a-1');
  server.source.send('snapshot', { revision: 'a-1' });
}

describe('Feed', () => {
  it('reads first, then follows', async () => {
    feed.watch('service', ['ignored']);
    expect(server.sources).toHaveLength(0);
    expect(feed.phase.value).toBe('connecting');
    await server.answer('a-1');
    expect(feed.topology.value?.revision).toBe('a-1');
    server.source.send('snapshot', { revision: 'a-1' });
    expect(feed.phase.value).toBe('live');
    expect(server.asked).toEqual(['service ignored']);
  });

  it('asks for what changed of things, and counts what grows by that', async () => {
    await live();
    expect(server.source.url).toContain('&delta=fields');
    const before = feed.topology.value;
    const [one] = before?.connections.values() ?? [];
    if (!before || !one) throw new Error('the fixture has no connection');
    const patch = { refused: (one.refused ?? 0) + 3 };
    server.source.send('delta', delta('a-1', 'a-2', { changed: { connections: [[one.id, patch]] } }));
    expect(feed.topology.value?.connections.get(one.id)).toEqual({ ...one, ...patch });
    expect(feed.topology.value?.grown.get(one.id)?.refused?.by).toBe(3);
    expect(feed.topology.value?.nodes).toBe(before.nodes);
    server.source.send('delta', delta('a-2', 'a-3', { changed: { connections: [['nobody knows it', patch]] } }));
    expect(server.asked).toHaveLength(2);
    expect(feed.topology.value?.revision).toBe('a-2');
  });

  it('says that incidents are to be read: when a line opens, when it is back, and when the stream says so', async () => {
    await live();
    const first = feed.news.value;
    expect(first).toBeGreaterThan(0);
    server.source.send('beat', { revision: 'a-1' });
    server.source.send('delta', delta('a-1', 'a-2'));
    expect(feed.news.value).toBe(first);
    server.source.send('incidents', { incidents: [{ id: 'x', state: 'open', what: 'opened' }] });
    expect(feed.news.value).toBe(first + 1);
    server.source.send('error', null);
    clock.advance(1000);
    server.source.send('snapshot', { revision: 'a-2' });
    expect(feed.news.value).toBeGreaterThan(first + 1);
    expect(server.asked).toEqual(['service ignored']);
  });

  it('applies deltas without reading again', async () => {
    await live();
    clock.advance(3_000);
    server.source.send('delta', delta('a-1', 'a-2', { removed: { connections: ['c1'] } }));
    expect(feed.topology.value?.connections.has('c1')).toBe(false);
    expect(feed.changedAt.value).toBe(clock.now());
    expect(server.asked).toHaveLength(1);
  });

  it.each([
    ['a delta with a gap', 'delta', delta('a-7', 'a-8')],
    ['a resync', 'resync', { revision: 'b-1' }],
    ['a snapshot of another revision', 'snapshot', { revision: 'b-1' }],
    ['a beat of another revision', 'beat', { revision: 'b-1' }],
  ])('reads again after %s, and keeps the chart meanwhile', async (_, type, data) => {
    await live();
    server.source.send(type, data);
    expect(server.asked).toHaveLength(2);
    expect(feed.topology.value?.revision).toBe('a-1');
    await server.answer('b-1');
    expect(feed.topology.value?.revision).toBe('b-1');
  });

  it('applies deltas that came during the reading', async () => {
    await live();
    server.source.send('resync', { revision: 'b-1' });
    server.source.send('delta', delta('b-1', 'b-2', { removed: { nodes: ['10.20.9.7'] } }));
    await server.answer('b-1');
    expect(feed.topology.value?.revision).toBe('b-2');
    expect(feed.topology.value?.nodes.has('10.20.9.7')).toBe(false);
  });

  it('keeps everything on screen while the line is lost, says so, and says when it is back', async () => {
    await live();
    server.source.send('error', null);
    expect(feed.phase.value).toBe('reconnecting');
    expect(feed.lostAt.value).toBe(clock.now());
    expect(feed.topology.value?.nodes.size).toBe(5);
    expect(feed.spoken.value).toBe('connection lost, reconnecting');
    clock.advance(1_000);
    server.source.send('snapshot', { revision: 'a-1' });
    expect(feed.phase.value).toBe('live');
    expect(feed.lostAt.value).toBe(0);
    expect(server.asked).toHaveLength(1);
    clock.advance(5_000);
    expect(feed.spoken.value).toBe('connection is back');
  });

  it('shows why there is nothing, and tries again by itself', async () => {
    feed.watch('service', []);
    await server.refuse();
    expect(feed.problem.value?.title).toBe('dotm does not answer');
    expect(feed.phase.value).toBe('reconnecting');
    clock.advance(clock.untilNext() ?? 0);
    expect(server.asked).toHaveLength(2);
    await server.answer('a-1');
    expect(feed.problem.value).toBeNull();
    expect(feed.topology.value?.revision).toBe('a-1');
  });

  it('keeps the old chart until another view has come', async () => {
    await live();
    const first = server.source;
    feed.watch('node', []);
    expect(first.closed).toBe(true);
    expect(feed.topology.value?.revision).toBe('a-1');
    await server.answer('n-1');
    expect(feed.topology.value?.revision).toBe('n-1');
    expect(server.source.url).toContain('level=node&hide=none');
  });

  it('ignores an answer for a view that was left', async () => {
    feed.watch('service', []);
    feed.watch('node', []);
    await server.answer('s-1');
    expect(feed.topology.value).toBeNull();
    await server.answer('n-1');
    expect(feed.topology.value?.revision).toBe('n-1');
  });

  it('speaks at most once in 5 s and folds what came in between', async () => {
    await live();
    const gone = (port: number): Service[] =>
      oneHostFixture().services.filter((s) => s.port === port && s.node === 'vm').map((s) => ({ ...s, state: 'gone' }));
    server.source.send('delta', delta('a-1', 'a-2', { services: gone(80) }));
    expect(feed.spoken.value).toBe('service vanished: nginx :80 on vm');
    [443, 22, 5432, 8000, 9100].forEach((port, i) => {
      server.source.send('delta', delta(`a-${i + 2}`, `a-${i + 3}`, { services: gone(port) }));
    });
    expect(feed.spoken.value).toBe('service vanished: nginx :80 on vm');
    clock.advance(5_000);
    expect(feed.spoken.value).toMatch(/nginx :443 on vm\. .*sshd :22.*postgres :5432 on vm\. and 2 more changes$/);
  });
});

describe('what grows while the page looks', () => {
  const refused = (n: number) => ({ ...(oneHostFixture().connections[0] as Connection), refused: n });
  const grown = (): unknown => feed.topology.value?.grown.get('c1');

  it('is known from the second revision on', async () => {
    await live();
    expect(feed.topology.value?.grown.size).toBe(0);
    server.source.send('delta', delta('a-1', 'a-2', { connections: [refused(3)] }));
    expect(grown()).toMatchObject({ refused: { by: 3 } });
    server.source.send('delta', delta('a-2', 'a-3', { connections: [refused(5)] }));
    expect(grown()).toMatchObject({ refused: { by: 5 } });
  });

  it('outlasts a delta about something else, and a new reading', async () => {
    await live();
    server.source.send('delta', delta('a-1', 'a-2', { connections: [refused(3)] }));
    server.source.send('delta', delta('a-2', 'a-3', {}));
    expect(grown()).toMatchObject({ refused: { by: 3 } });
    server.source.send('resync', { revision: 'a-9' });
    await server.answer('a-9');
    expect(feed.topology.value?.revision).toBe('a-9');
    expect(grown()).toMatchObject({ refused: { by: 3 } });
  });
});
