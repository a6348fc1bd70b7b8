import { beforeEach, describe, expect, it } from 'vitest';
import { ProblemError } from '../api/client';
import { FakeSource } from '../api/fake';
import { DirectLines } from '../api/line';
import { SILENCE_MS, backoff } from '../api/stream';
import type { Delta, TopologyDocument } from '../api/types';
import { oneHostFixture } from '../fixtures';
import { ManualClock } from '../lib/clock';
import { Feed } from './feed';

/** Answers at once with the revision it stands at; fails while `problem` is set. */
class Server {
  at = '';
  revision = 'a-1';
  problem: Error | null = null;
  reads = 0;
  readonly sources: FakeSource[] = [];

  topology = (): Promise<TopologyDocument> => {
    this.reads++;
    return this.problem ? Promise.reject(this.problem) : Promise.resolve({ ...oneHostFixture(), revision: this.revision });
  };

  open = (url: string): FakeSource => {
    const source = new FakeSource(url);
    this.sources.push(source);
    return source;
  };

  get line(): FakeSource {
    const source = this.sources.at(-1);
    if (!source) throw new Error('no line was opened');
    return source;
  }
}

let clock: ManualClock;
let server: Server;
let chance: number;
let feed: Feed;

async function settled(): Promise<void> {
  for (let i = 0; i < 6; i++) await Promise.resolve();
}

async function pass(ms: number): Promise<void> {
  clock.advance(ms);
  await settled();
}

beforeEach(async () => {
  clock = new ManualClock(1_000_000);
  server = new Server();
  chance = 0;
  feed = new Feed({ client: server, clock, random: () => chance, lines: new DirectLines({ clock, random: () => chance, open: server.open }) });
  feed.watch('service', []);
  await settled();
  server.line.send('snapshot', { revision: 'a-1' });
});

function delta(from: string, revision: string, change: Partial<Delta> = {}): Delta {
  return { from, revision, at: '2026-11-23T05:31:00Z', ...change };
}

describe('beats', () => {
  it('of the held revision read nothing', () => {
    for (let i = 0; i < 5; i++) server.line.send('beat', { revision: 'a-1' });
    expect(server.reads).toBe(1);
  });

  it('of another revision read once, however many come meanwhile', async () => {
    server.revision = 'a-9';
    server.line.send('beat', { revision: 'a-9' });
    server.line.send('beat', { revision: 'a-9' });
    await settled();
    expect(server.reads).toBe(2);
    expect(feed.topology.value?.revision).toBe('a-9');
  });

  it('keep the line: it counts as lost only after 15 s without any event', async () => {
    for (let i = 0; i < 4; i++) {
      await pass(SILENCE_MS - 1);
      server.line.send('beat', { revision: 'a-1' });
    }
    expect(feed.phase.value).toBe('live');
    expect(server.sources).toHaveLength(1);
    await pass(SILENCE_MS);
    expect(feed.phase.value).toBe('reconnecting');
    expect(server.sources[0]?.closed).toBe(true);
  });
});

describe('a gap', () => {
  it('is closed by reading, and deltas that lead on are kept', async () => {
    server.revision = 'a-5';
    server.line.send('delta', delta('a-4', 'a-5'));
    server.line.send('delta', delta('a-5', 'a-6', { removed: { nodes: ['10.20.9.7'] } }));
    await settled();
    expect(feed.topology.value?.revision).toBe('a-6');
    expect(feed.topology.value?.nodes.has('10.20.9.7')).toBe(false);
    expect(server.reads).toBe(2);
  });

  it('that the reading does not close is read again later', async () => {
    server.revision = 'a-5';
    server.line.send('delta', delta('a-4', 'a-5'));
    server.line.send('delta', delta('a-7', 'a-8'));
    await settled();
    expect(feed.topology.value?.revision).toBe('a-1');
    server.revision = 'a-8';
    await pass(backoff(0, () => 0));
    expect(feed.topology.value?.revision).toBe('a-8');
  });

  it('never shows a delta twice: what is in the reading already is skipped', async () => {
    server.revision = 'a-3';
    server.line.send('resync', { revision: 'a-3' });
    server.line.send('delta', delta('a-1', 'a-2', { removed: { nodes: ['vm'] } }));
    server.line.send('delta', delta('a-2', 'a-3'));
    await settled();
    expect(feed.topology.value?.revision).toBe('a-3');
    expect(feed.topology.value?.nodes.has('vm')).toBe(true);
  });
});

describe('reconnecting', () => {
  it('waits longer each time, up to a ceiling, and by chance differently', async () => {
    const pauses: number[] = [];
    for (let i = 0; i < 8; i++) {
      chance = i % 2 === 0 ? 0 : 0.5;
      server.line.send('error', null);
      pauses.push(clock.untilNext() ?? NaN);
      await pass(pauses.at(-1) ?? 0);
    }
    // The live region's pause of 5 s may be the next timer; it is never shorter than the ceiling's lower half.
    expect(pauses.slice(0, 5)).toEqual([250, 750, 1000, 3000, 4000]);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(15_000);
    expect(server.sources).toHaveLength(9);
  });

  it('goes on where it was when the server stands at the same revision', async () => {
    server.line.send('error', null);
    await pass(250);
    server.line.send('snapshot', { revision: 'a-1' });
    await settled();
    expect(server.reads).toBe(1);
    expect(feed.phase.value).toBe('live');
  });

  it('takes the deltas that a resumed line brings', async () => {
    server.line.send('error', null);
    await pass(250);
    server.line.send('delta', delta('a-1', 'a-2', { removed: { connections: ['c1'] } }));
    await settled();
    expect(server.reads).toBe(1);
    expect(feed.topology.value?.connections.has('c1')).toBe(false);
  });

  it('tries at once when asked, and only then', async () => {
    feed.retry();
    expect(server.sources).toHaveLength(1);
    server.line.send('error', null);
    feed.retry();
    expect(server.sources).toHaveLength(2);
    await pass(60_000);
    expect(server.sources.filter((s) => !s.closed).length).toBeLessThanOrEqual(1);
  });

  it('ignores what an abandoned line still says', async () => {
    const old = server.line;
    old.send('error', null);
    await pass(250);
    old.send('delta', delta('a-1', 'a-2', { removed: { nodes: ['vm'] } }));
    expect(feed.topology.value?.nodes.has('vm')).toBe(true);
  });

  it('reads again after text that is no JSON', async () => {
    server.revision = 'a-2';
    server.line.sendText('delta', '{"from":');
    await settled();
    expect(server.reads).toBe(2);
    expect(feed.phase.value).toBe('live');
    expect(feed.topology.value?.revision).toBe('a-2');
  });

  it('tells the server what it has, so that only what it missed comes', async () => {
    expect(server.line.url).toContain('&after=a-1');
    server.line.send('delta', delta('a-1', 'a-2'));
    server.line.send('error', null);
    await pass(250);
    expect(server.line.url).toContain('&after=a-2');
  });
});

describe('a line that lags behind what was read', () => {
  it('says nothing new until it has caught up', async () => {
    server.revision = 'a-5';
    server.line.send('resync', { revision: 'a-5' });
    await settled();
    expect(server.reads).toBe(2);
    server.line.send('delta', delta('a-1', 'a-3', { removed: { nodes: ['vm'] } }));
    server.line.send('delta', delta('a-3', 'a-5'));
    server.line.send('beat', { revision: 'a-3' });
    expect(feed.topology.value?.nodes.has('vm')).toBe(true);
    server.line.send('delta', delta('a-5', 'a-6'));
    await settled();
    expect(feed.topology.value?.revision).toBe('a-6');
    expect(server.reads).toBe(2);
  });
});

describe('a page that nobody sees', () => {
  it('follows nothing, and takes up where it was', async () => {
    server.line.send('delta', delta('a-1', 'a-2'));
    feed.rest();
    expect(server.line.closed).toBe(true);
    await pass(600_000);
    expect(server.sources).toHaveLength(1);
    feed.wake();
    expect(server.line.url).toContain('&after=a-2');
    server.line.send('delta', delta('a-2', 'a-9', { removed: { nodes: ['vm'] } }));
    expect(feed.topology.value?.nodes.has('vm')).toBe(false);
    expect(feed.phase.value).toBe('live');
    expect(server.reads).toBe(1);
  });

  it('asks anew if the server can no longer say what it missed', async () => {
    feed.rest();
    feed.wake();
    server.revision = 'b-1';
    server.line.send('resync', { revision: 'b-1' });
    await settled();
    expect(feed.topology.value?.revision).toBe('b-1');
    expect(server.sources).toHaveLength(2);
  });

  it('is read while it is hidden, but not followed before it is seen', async () => {
    feed.rest();
    feed.watch('node', []);
    await settled();
    expect(server.reads).toBe(2);
    expect(server.sources).toHaveLength(1);
    feed.wake();
    expect(server.sources).toHaveLength(2);
    expect(server.line.url).toContain('level=node');
  });

  it('tries nothing after a failure before it is seen again', async () => {
    server.problem = new TypeError('failed to fetch');
    feed.rest();
    feed.watch('node', []);
    await settled();
    await pass(600_000);
    expect(server.reads).toBe(2);
    server.problem = null;
    feed.wake();
    await settled();
    expect(server.reads).toBe(3);
    expect(feed.problem.value).toBeNull();
  });

  it('shows the past without a line, hidden or not', async () => {
    feed.watch('service', [], '2026-11-20T00:00:00Z');
    await settled();
    feed.rest();
    feed.wake();
    expect(server.sources).toHaveLength(1);
    expect(server.line.closed).toBe(true);
  });

  it('stays as it is once it is left', () => {
    feed.close();
    feed.rest();
    feed.wake();
    expect(server.sources).toHaveLength(1);
  });
});

describe('a server that refuses', () => {
  it('is shown with its own words while the chart stays, and asked again', async () => {
    server.problem = new ProblemError({ title: 'forbidden', status: 403, detail: 'not a loopback name' });
    server.line.send('resync', { revision: 'b-1' });
    await settled();
    expect(feed.problem.value).toMatchObject({ title: 'forbidden', detail: 'not a loopback name' });
    expect(feed.topology.value?.revision).toBe('a-1');
    server.problem = null;
    server.revision = 'b-1';
    await pass(backoff(0, () => 0));
    expect(feed.problem.value).toBeNull();
    expect(feed.topology.value?.revision).toBe('b-1');
  });
});

describe('close', () => {
  it('ends the line and every timer', async () => {
    server.line.send('error', null);
    feed.close();
    const { length } = server.sources;
    await pass(120_000);
    expect(server.sources).toHaveLength(length);
    expect(server.reads).toBe(1);
  });
});

describe('what changed last', () => {
  it('is the time of the last delta, not of the last beat', async () => {
    await pass(3_000);
    server.line.send('delta', delta('a-1', 'a-2'));
    const changed = clock.now();
    await pass(3_000);
    server.line.send('beat', { revision: 'a-2' });
    expect(feed.changedAt.value).toBe(changed);
  });
});
