import { beforeEach, describe, expect, it } from 'vitest';
import { FakeSource } from '../api/fake';
import { ManualClock } from '../lib/clock';
import { channel } from './fake';
import { GONE_MS, Hub, LINGER_MS } from './hub';
import { type Ask, PROTOCOL, PULSE_MS, type PortLike, type Say } from './protocol';

const URL = 'http://dotm.example/api/v1/stream?level=pool';

/** A tab: what it was told, and a way to ask. */
interface Tab {
  port: PortLike;
  told: Say[];
  ask: (ask: Ask) => void;
  /** The events of a line, as `type id`. */
  events: (line?: number) => string[];
}

let clock: ManualClock;
let sources: FakeSource[];
let hub: Hub;

function tab(): Tab {
  const [near, far] = channel();
  const told: Say[] = [];
  near.onmessage = (event) => told.push(event.data as Say);
  hub.join(far);
  const events = (line = 1): string[] =>
    told.flatMap((s) => (s.say === 'events' && s.line === line ? s.events.map((e) => `${e.type} ${e.id}`) : []));
  return { port: near, told, ask: (ask) => near.postMessage(ask), events };
}

function last(): FakeSource {
  const source = sources.at(-1);
  if (!source) throw new Error('no line was opened');
  return source;
}

const open = (after: string, line = 1, url = URL): Ask => ({ do: 'open', line, url, after });
const delta = (from: string, revision: string): { from: string; revision: string } => ({ from, revision });

beforeEach(() => {
  clock = new ManualClock(1_000_000);
  sources = [];
  hub = new Hub({
    clock,
    random: () => 0,
    open: (url) => {
      const source = new FakeSource(url);
      sources.push(source);
      return source;
    },
  });
});

describe('the hub', () => {
  it('greets with the protocol that it speaks', () => {
    const a = tab();
    a.ask({ do: 'hello', protocol: 99 });
    expect(a.told).toEqual([{ say: 'welcome', protocol: PROTOCOL }]);
  });

  it('follows a question once, whoever asks it', () => {
    const tabs = [tab(), tab(), tab()];
    for (const t of tabs) t.ask(open('a-1'));
    expect(sources.map((s) => s.url)).toEqual([`${URL}&after=a-1`]);
    last().send('snapshot', { revision: 'a-1' });
    last().send('delta', delta('a-1', 'a-2'));
    for (const t of tabs) expect(t.events()).toEqual(['snapshot a-1', 'delta a-2']);
  });

  it('follows two questions apart', () => {
    const a = tab();
    a.ask(open('a-1'));
    a.ask(open('a-1', 2, `${URL}x`));
    sources[0]?.send('delta', delta('a-1', 'a-2'));
    sources[1]?.send('beat', { revision: 'a-1' });
    expect(a.events(1)).toEqual(['delta a-2']);
    expect(a.events(2)).toEqual(['beat a-1']);
  });

  it('hands events on as the text that came', () => {
    const a = tab();
    a.ask(open('a-1'));
    last().sendText('delta', '{"from":', 'a-2');
    expect(a.told).toContainEqual({ say: 'events', line: 1, events: [{ type: 'delta', id: 'a-2', data: '{"from":' }] });
  });

  it('tells all what is new of incidents, and forgets no delta for it', () => {
    const [a, b] = [tab(), tab()];
    for (const t of [a, b]) t.ask(open('a-1'));
    last().send('snapshot', { revision: 'a-1' });
    last().send('delta', delta('a-1', 'a-2'));
    // Its id is where the server stands, even where this line lags behind.
    last().sendText('incidents', '{"incidents":[{"id":"x"}]}', 'a-3');
    for (const t of [a, b]) expect(t.events()).toEqual(['snapshot a-1', 'delta a-2', 'incidents a-3']);
    const c = tab();
    c.ask(open('a-1'));
    expect(c.events()).toEqual(['delta a-2']);
  });

  it('says nothing of where the server stands before that is known', () => {
    const a = tab();
    a.ask(open('a-1'));
    expect(a.events()).toEqual([]);
  });
});

describe('a tab that comes later', () => {
  function busy(): void {
    const a = tab();
    a.ask(open('a-1'));
    last().send('snapshot', { revision: 'a-1' });
    for (let n = 1; n < 6; n++) last().send('delta', delta(`a-${n}`, `a-${n + 1}`));
  }

  it('gets at once what it missed, and costs no other line', () => {
    busy();
    const b = tab();
    b.ask(open('a-3'));
    expect(b.events()).toEqual(['delta a-4', 'delta a-5', 'delta a-6']);
    expect(sources).toHaveLength(1);
  });

  it('gets all of it from where the line began', () => {
    busy();
    const b = tab();
    b.ask(open('a-1'));
    expect(b.events()).toHaveLength(5);
  });

  it('hears where it stands if it missed nothing', () => {
    busy();
    const b = tab();
    b.ask(open('a-6'));
    expect(b.events()).toEqual(['snapshot a-6']);
  });

  it('is not sent back if it has read what the line does not know yet', () => {
    busy();
    const b = tab();
    b.ask(open('a-8'));
    expect(b.events()).toEqual(['snapshot a-8']);
  });

  it.each(['a-0', 'b-7', 'nonsense'])('is told to ask anew where there is no way from %s', (after) => {
    busy();
    const b = tab();
    b.ask(open(after));
    expect(b.events()).toEqual(['resync a-6']);
  });

  it('is told to ask anew if it missed more than is kept', () => {
    const a = tab();
    a.ask(open('a-1'));
    last().send('snapshot', { revision: 'a-1' });
    for (let n = 1; n < 400; n++) last().send('delta', delta(`a-${n}`, `a-${n + 1}`));
    const b = tab();
    b.ask(open('a-100'));
    expect(b.events()).toEqual(['resync a-400']);
    const c = tab();
    c.ask(open('a-300'));
    expect(c.events()).toHaveLength(100);
  });

  it('is told to ask anew when the server started anew meanwhile', () => {
    busy();
    last().send('resync', { revision: 'b-1' });
    const b = tab();
    b.ask(open('a-6'));
    expect(b.events()).toEqual(['resync b-1']);
  });
});

describe('a tab in the background', () => {
  it('is told nothing, and its question is given up after a while', () => {
    const a = tab();
    a.ask(open('a-1'));
    last().send('snapshot', { revision: 'a-1' });
    a.ask({ do: 'close', line: 1 });
    const told = a.told.length;
    last().send('delta', delta('a-1', 'a-2'));
    clock.advance(LINGER_MS - 1);
    expect(last().closed).toBe(false);
    clock.advance(1);
    expect(last().closed).toBe(true);
    expect(a.told).toHaveLength(told);
    expect(clock.untilNext()).toBeUndefined();
  });

  it('that is back soon goes on with the same line', () => {
    const a = tab();
    a.ask(open('a-1'));
    last().send('snapshot', { revision: 'a-1' });
    a.ask({ do: 'close', line: 1 });
    last().send('delta', delta('a-1', 'a-2'));
    clock.advance(5_000);
    a.ask(open('a-1', 2));
    last().send('beat', { revision: 'a-2' });
    clock.advance(LINGER_MS - 20_000);
    expect(a.events(2)).toEqual(['delta a-2', 'beat a-2']);
    expect(sources).toHaveLength(1);
  });

  it('does not keep a broken line up', () => {
    const a = tab();
    a.ask(open('a-1'));
    last().send('error', null);
    a.ask({ do: 'close', line: 1 });
    clock.advance(120_000);
    expect(sources).toHaveLength(1);
  });
});

describe('a line that breaks', () => {
  it('is said to all, tried again, and resumed after the last event', () => {
    const [a, b] = [tab(), tab()];
    a.ask(open('a-1'));
    b.ask(open('a-1'));
    last().send('delta', delta('a-1', 'a-2'));
    last().send('error', null);
    for (const t of [a, b]) expect(t.told).toContainEqual({ say: 'lost', line: 1 });
    clock.advance(250);
    expect(sources).toHaveLength(2);
    expect(last().url).toBe(`${URL}&after=a-2`);
  });

  it('is said to who comes meanwhile, and tried at once', () => {
    const a = tab();
    a.ask(open('a-1'));
    last().send('error', null);
    const b = tab();
    b.ask(open('a-1'));
    expect(b.told.at(-1)).toEqual({ say: 'lost', line: 1 });
    expect(sources).toHaveLength(2);
  });

  it('is tried at once when a tab asks', () => {
    const a = tab();
    a.ask(open('a-1'));
    last().send('error', null);
    a.ask({ do: 'retry' });
    expect(sources).toHaveLength(2);
  });
});

describe('tabs that are gone', () => {
  it('are let go when they say so', () => {
    const a = tab();
    a.ask(open('a-1'));
    last().send('snapshot', { revision: 'a-1' });
    a.ask({ do: 'bye' });
    clock.advance(LINGER_MS);
    expect(last().closed).toBe(true);
  });

  it('are noticed by their silence, and the others stay', () => {
    const [dead, living] = [tab(), tab()];
    living.port.onmessage = (event) => {
      const said = event.data as Say;
      living.told.push(said);
      if (said.say === 'pulse') living.ask({ do: 'here' });
    };
    dead.ask(open('a-1'));
    living.ask(open('a-1'));
    for (let t = 0; t < GONE_MS + 2 * PULSE_MS; t += PULSE_MS) {
      last().send('beat', { revision: 'a-1' });
      clock.advance(PULSE_MS);
    }
    const told = dead.told.length;
    last().send('delta', delta('a-1', 'a-2'));
    expect(dead.told).toHaveLength(told);
    expect(living.events().at(-1)).toBe('delta a-2');
  });
});
