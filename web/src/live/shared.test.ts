import { beforeEach, describe, expect, it, vi } from 'vitest';
import { FakeSource } from '../api/fake';
import { DirectLines, type Line, type Lines } from '../api/line';
import { SILENCE_MS } from '../api/stream';
import { ManualClock } from '../lib/clock';
import { channel } from './fake';
import { Hub } from './hub';
import { type Ask, PULSE_MS, type PortLike } from './protocol';
import { GREETING_MS, SharedLines, linesOf } from './shared';

const PATH = 'api/v1/stream?level=pool';
const BASE = 'http://dotm.example/below/';

let clock: ManualClock;
let sources: FakeSource[];
let calls: string[];

function open(url: string): FakeSource {
  const source = new FakeSource(url);
  sources.push(source);
  return source;
}

function last(): FakeSource {
  const source = sources.at(-1);
  if (!source) throw new Error('no line was opened');
  return source;
}

/** The worker: a hub, that may be dead, hang, speak another way or not be loaded. */
class Worker {
  hub = new Hub({ clock, random: () => 0, open });
  state: 'well' | 'hung' | 'older' | 'missing' = 'well';
  reached = 0;
  #ports: PortLike[] = [];

  connect = (failed: () => void): PortLike => {
    this.reached++;
    const [near, far] = channel();
    if (this.state === 'well') this.hub.join(far);
    if (this.state === 'older') far.onmessage = ({ data }) => (data as Ask).do === 'hello' && far.postMessage({ say: 'welcome', protocol: 0 });
    if (this.state === 'missing') clock.setTimeout(failed, 1);
    this.#ports.push(far);
    return near;
  };

  /** As the browser does it: nobody is told. */
  kill(): void {
    for (const port of this.#ports.splice(0)) port.close();
    for (const source of sources) source.close();
    this.hub = new Hub({ clock, random: () => 0, open });
  }
}

let worker: Worker;
let alone: DirectLines;

function follow(lines: Lines, after = 'a-1'): Line {
  return lines.open({
    path: PATH,
    after,
    handlers: {
      snapshot: (m) => calls.push(`snapshot ${m.revision}`),
      delta: (d) => calls.push(`delta ${d.revision}`),
      incidents: (n) => calls.push(`incidents ${n.incidents.map((i) => i.id).join()}`),
      resync: () => calls.push('resync'),
      beat: (m) => calls.push(`beat ${m.revision}`),
      alive: () => undefined,
      lost: () => calls.push('lost'),
    },
  });
}

const shared = (): SharedLines => new SharedLines({ connect: worker.connect, alone, clock, base: BASE });

/** Time in which the server says nothing new. */
function quiet(ms: number): void {
  for (let t = 0; t < ms; t += PULSE_MS) {
    clock.advance(PULSE_MS);
    if (!last().closed) last().send('beat', { revision: 'a-1' });
  }
}

beforeEach(() => {
  clock = new ManualClock(1_000_000);
  sources = [];
  calls = [];
  worker = new Worker();
  alone = new DirectLines({ clock, random: () => 0, open });
});

// What a page sees is the same, whichever way it comes.
describe.each<[string, () => Lines]>([
  ['through the worker', () => shared()],
  ['of the page alone', () => alone],
])('a line %s', (_, make) => {
  it('tells what comes, asks from where the page is, and says when it is lost', () => {
    follow(make());
    expect(last().url).toContain(`${PATH}&after=a-1`);
    last().send('snapshot', { revision: 'a-1' });
    last().send('delta', { from: 'a-1', revision: 'a-2' });
    last().send('error', null);
    clock.advance(250);
    expect(last().url).toContain('&after=a-2');
    last().send('resync', { revision: 'b-1' });
    last().send('beat', { revision: 'b-1' });
    expect(calls).toEqual(['snapshot a-1', 'delta a-2', 'lost', 'resync', 'beat b-1']);
  });

  it('takes text that is no JSON for a gap', () => {
    follow(make());
    last().sendText('delta', '{"from":', 'a-2');
    expect(calls).toEqual(['resync']);
  });

  it('is tried at once when asked', () => {
    const line = follow(make());
    last().send('error', null);
    line.retry();
    expect(sources).toHaveLength(2);
  });

  it('says nothing once it is closed', () => {
    const line = follow(make());
    last().send('snapshot', { revision: 'a-1' });
    line.close();
    last().send('delta', { from: 'a-1', revision: 'a-2' });
    clock.advance(600_000);
    expect(calls).toEqual(['snapshot a-1']);
    expect(last().closed).toBe(true);
    expect(clock.untilNext()).toBeUndefined();
  });
});

describe('two tabs', () => {
  it('share one line, by an address that does not depend on where the worker lives', () => {
    follow(shared());
    follow(shared());
    expect(sources.map((s) => s.url)).toEqual([`${BASE}${PATH}&after=a-1`]);
    last().send('delta', { from: 'a-1', revision: 'a-2' });
    expect(calls).toEqual(['delta a-2', 'delta a-2']);
  });
});

describe('a worker', () => {
  it('that is well is kept, however quiet the site is', () => {
    follow(shared());
    quiet(300_000);
    expect(worker.reached).toBe(1);
    expect(sources).toHaveLength(1);
    expect(calls).not.toContain('lost');
  });

  it('that has lost the server is well all the same', () => {
    follow(shared());
    last().send('error', null);
    for (let i = 0; i < 60; i++) {
      clock.advance(1_000);
      if (!last().closed) last().send('error', null);
    }
    expect(worker.reached).toBe(1);
  });

  it('that was killed is started anew, and the line goes on where it was', () => {
    follow(shared());
    last().send('delta', { from: 'a-1', revision: 'a-2' });
    worker.kill();
    clock.advance(SILENCE_MS);
    expect(calls.at(-1)).toBe('lost');
    expect(worker.reached).toBe(2);
    expect(last().url).toContain('&after=a-2');
    last().send('snapshot', { revision: 'a-2' });
    expect(calls.at(-1)).toBe('snapshot a-2');
    quiet(120_000);
    expect(worker.reached).toBe(2);
  });

  it('that was killed while nobody looked is noticed soon', () => {
    const lines = shared();
    follow(lines).close();
    worker.kill();
    clock.advance(600_000);
    follow(lines, 'a-7');
    clock.advance(GREETING_MS);
    expect(worker.reached).toBe(2);
    expect(last().url).toContain('&after=a-7');
  });

  it.each([
    ['of an older build', 'older', 0],
    ['that cannot be loaded', 'missing', 1],
    ['that hangs', 'hung', 2 * GREETING_MS],
  ] as const)('%s is not used', (_, state, ms) => {
    worker.state = state;
    const lines = shared();
    const first = follow(lines);
    clock.advance(ms);
    expect(sources.map((s) => s.url)).toEqual([`${PATH}&after=a-1`]);
    last().send('delta', { from: 'a-1', revision: 'a-2' });
    expect(calls.at(-1)).toBe('delta a-2');
    follow(lines, 'a-2');
    expect(sources).toHaveLength(2);
    const { reached } = worker;
    first.close();
    expect(sources[0]?.closed).toBe(true);
    clock.advance(1_000);
    expect(worker.reached).toBe(reached);
  });
});

describe('linesOf', () => {
  it('is the page alone where there is no SharedWorker', () => {
    expect(linesOf({} as never, alone, clock)).toBe(alone);
  });

  it('is the worker where there is one', () => {
    const port = { postMessage: vi.fn(), close: vi.fn(), onmessage: null };
    const made = vi.fn(function () {
      return { port, addEventListener: vi.fn() };
    });
    vi.stubGlobal('SharedWorker', made);
    follow(linesOf({ SharedWorker: made, document: { baseURI: BASE } } as never, alone, clock));
    expect(made).toHaveBeenCalledOnce();
    expect(port.postMessage).toHaveBeenCalledOnce();
    vi.unstubAllGlobals();
  });
});
