import { act } from 'preact/test-utils';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { ChartNode, Connection, NodeState, Service, TopologyDocument } from '../api/types';
import { fixture, makeSite, oneHostFixture } from '../fixtures';
import { type Harness, clear, click, find, settle, showLive, texts } from '../testing/app';
import { Banner } from './Banner';
import { SidePanel } from './SidePanel';
import { ToolRow, hiddenLine } from './ToolRow';
import { BottomBar, LiveState, TopBar } from './TopBar';

afterEach(clear);

interface Change {
  nodes?: (n: ChartNode) => ChartNode;
  services?: (s: Service) => Service;
  connections?: (c: Connection) => Connection;
}

function changed({ nodes, services, connections }: Change): TopologyDocument {
  const doc = oneHostFixture();
  return {
    ...doc,
    nodes: doc.nodes.map(nodes ?? ((n) => n)),
    services: doc.services.map(services ?? ((s) => s)),
    connections: doc.connections.map(connections ?? ((c) => c)),
  };
}

/** A thing without one of its optional parts. */
function without<T extends object, K extends keyof T>(thing: T, key: K): Omit<T, K> {
  const copy = { ...thing };
  Reflect.deleteProperty(copy, key);
  return copy;
}

function panel(hash: string, doc?: TopologyDocument): Promise<Harness> {
  return showLive(<SidePanel />, { hash, ...(doc ? { doc } : {}) });
}

/** The description list of the panel as an object. */
function facts(root: HTMLElement): Record<string, string> {
  const names = texts(root, '.facts dt');
  const values = texts(root, '.facts dd');
  return Object.fromEntries(names.map((n, i) => [n, values[i] ?? '']));
}

describe('the tool row', () => {
  const NONE = { services: 0, connections: 0, ignored: 0, infrastructure: 0, old: 0, observers: 0 };

  it.each([
    [NONE, 'nothing'],
    [{ ...NONE, ignored: 2, infrastructure: 4, old: 1 }, '2 ignored, 4 of dotm itself, 1 old'],
    [{ ...NONE, infrastructure: 1 }, '1 of dotm itself'],
    [{ ...NONE, old: 1200 }, '1,200 old'],
  ])('counts what is hidden: %j', (hidden, line) => expect(hiddenLine(hidden)).toBe(line));

  it('says it, and in short for narrow screens', async () => {
    const { root } = await showLive(<ToolRow />);
    expect(find(root, '.long').textContent).toBe('Hidden: 2 ignored, 4 of dotm itself, 1 old');
    expect(find(root, '.short').textContent).toBe('Hidden: 7');
  });

  it('shows each kind with what it is and how many', async () => {
    const { root } = await showLive(<ToolRow />);
    await click(root, 'button', 'Hidden');
    expect(texts(root, '.option')).toEqual([
      'Hide ignoredPorts and names that the settings ignore2',
      'Hide dotm itselfdotm’s own services and connections4',
      'Hide oldConnections with nothing open for longer than the ageing limit, and services that are gone1',
      'Hide observersClients that touch many nodes, briefly: monitoring, health checks, scanners',
    ]);
    expect([...root.querySelectorAll<HTMLInputElement>('.option input')].map((i) => i.checked)).toEqual([true, true, false, true]);
  });

  it('shows no count where nothing is hidden', async () => {
    const { root } = await showLive(<ToolRow />, { doc: { ...oneHostFixture(), hidden: NONE } });
    await click(root, 'button', 'Hidden: nothing');
    expect(root.querySelectorAll('.option .count')).toHaveLength(0);
  });

  it('shows observers on demand', async () => {
    const h = await showLive(<ToolRow />, { doc: { ...oneHostFixture(), hidden: { ...NONE, observers: 7 } } });
    const button = find(h.root, '.observers');
    expect([button.textContent, button.getAttribute('aria-pressed')]).toEqual(['Observers 7', 'false']);
    await click(h.root, '.observers');
    expect(h.hash()).toBe('#/chart?hide=ignored,infrastructure');
    expect(find(h.root, '.observers').getAttribute('aria-pressed')).toBe('true');
    await click(h.root, '.observers');
    expect(h.hash()).toBe('#/chart');
  });

  it('puts the choice into the link', async () => {
    const h = await showLive(<ToolRow />);
    await click(h.root, 'button', 'Hidden');
    const toggle = async (words: string): Promise<void> => {
      await act(() => void find(h.root, '.option', words).querySelector('input')?.dispatchEvent(new Event('change', { bubbles: true })));
      await settle();
    };
    await toggle('Hide old');
    expect(h.app.route.value.hide).toEqual(['old', 'ignored', 'infrastructure', 'observers']);
    await toggle('Hide dotm itself');
    expect(h.hash()).toBe('#/chart?hide=old,ignored,observers');
  });

  it('closes its menu on Escape and on a press elsewhere', async () => {
    const { root } = await showLive(<ToolRow />);
    const open = (): boolean => root.querySelector('.popup-body') !== null;
    await click(root, 'button', 'Hidden');
    expect(open()).toBe(true);
    await act(() => void document.dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', bubbles: true })));
    await settle();
    expect(open()).toBe(false);
    await click(root, 'button', 'Hidden');
    await act(() => void find(root, '.option').dispatchEvent(new Event('pointerdown', { bubbles: true })));
    await settle();
    expect(open()).toBe(true);
    await act(() => void document.body.dispatchEvent(new Event('pointerdown', { bubbles: true })));
    await settle();
    expect(open()).toBe(false);
  });

  it('switches level and table', async () => {
    const h = await showLive(<ToolRow />);
    await click(h.root, '[aria-label="Level"] button', 'Nodes');
    expect(h.hash()).toBe('#/chart?level=node');
    await click(h.root, 'button', 'Table');
    expect(h.hash()).toBe('#/chart?level=node&table');
    expect(h.root.querySelector('.fit')).toBeNull();
    await click(h.root, 'button.plain', 'Chart');
    expect(h.hash()).toBe('#/chart?level=node');
  });
});

describe('the bars', () => {
  it('lead to the pages, keep the filter, and mark the present one', async () => {
    const h = await showLive(<TopBar />, { hash: '#/nodes/vm?hide=none' });
    const links = [...h.root.querySelectorAll('.tabs a')].map((a) => a.getAttribute('href'));
    expect(links).toEqual(['#/chart?hide=none', '#/services?hide=none', '#/nodes?hide=none', '#/incidents?hide=none', '#/checks?hide=none', '#/history?hide=none', '#/report?hide=none']);
    expect(texts(h.root, '.tabs [aria-current="page"]')).toEqual(['Nodes']);
    await h.go('#/settings');
    expect(h.root.querySelector('.settings')?.getAttribute('aria-current')).toBe('page');
  });

  it('say how much was seen', async () => {
    const { root } = await showLive(<TopBar />);
    expect(find(root, '.coverage').textContent).toBe('1 of 4 nodes reports, 64 % of connections one-sided');
    expect(find(root, '.coverage').title).toContain('edges between two nodes that only one of them reports');
  });

  it('open the search', async () => {
    const h = await showLive(<BottomBar />);
    expect(texts(h.root, 'a, button')).toEqual(['Incidents', 'Chart', 'Nodes', 'History', 'Search']);
    await click(h.root, 'button', 'Search');
    expect(h.app.dialog.value).toBe('search');
  });
});

describe('the live state', () => {
  it('is live, then says for how long nothing came', async () => {
    const h = await showLive(<LiveState />);
    expect(find(h.root, '.live').textContent).toBe('Live');
    void act(() => h.sources[0]?.send('error', null));
    h.now('2026-11-23T05:30:12Z');
    await settle();
    expect(find(h.root, '.live.lost').textContent).toBe('Reconnecting, last change 12 s ago');
  });

  it('is connecting before the first event', async () => {
    const h = await showLive(<LiveState />, { reply: () => new Response('', { status: 204 }) });
    expect(find(h.root, '.live').textContent).not.toBe('Live');
  });
});

describe('the banner', () => {
  it('comes when the line was lost for a minute, counts, and tries again', async () => {
    const h = await showLive(<Banner />);
    expect(h.root.textContent).toBe('');
    void act(() => h.sources[0]?.send('error', null));
    h.now('2026-11-23T05:30:59Z');
    await settle();
    expect(h.root.textContent).toBe('');
    h.now('2026-11-23T05:31:00Z');
    await settle();
    expect(find(h.root, '.banner').textContent).toContain('No connection to dotm for 1 min. The page shows what was known then.');
    const before = h.sources.length;
    await click(h.root, 'button', 'Retry');
    expect(h.sources).toHaveLength(before + 1);
    void act(() => h.sources.at(-1)?.send('snapshot', { revision: 'k3f9zq-1' }));
    await settle();
    expect(h.root.textContent).toBe('');
  });
});

describe('the side panel while nothing is selected', () => {
  it('says how things stand on one node', async () => {
    const { root } = await panel('#/chart');
    await vi.waitFor(() => expect(texts(root, 'h2')).toEqual(['One node is on the chart.']), 10_000);
    expect(find(root, '.lead').textContent).toContain('It talks to three nodes that don’t report yet.');
    expect(find(root, '.fact').textContent).toContain('vm: 9 services and 11 connections, found without configuration.');
    expect(texts(root, '.step b')).toEqual(expect.arrayContaining(['Add more nodes', 'Connect monitoring']));
    expect(texts(root, '.command code').join()).not.toMatch(/--token(?!-file)/);
  });

  it('says so when nobody reports', async () => {
    const { root } = await panel('#/chart', fixture('empty'));
    await vi.waitFor(() => expect(texts(root, 'h2')).toEqual(['No node reports yet.']), 10_000);
    expect(root.querySelector('.fact')).toBeNull();
    expect(root.querySelector('.legend')).toBeNull();
  });

  it('is quiet about hosts that were shut down, and names those whose agent was stopped', async () => {
    const site = makeSite(60);
    const states: Readonly<Record<string, NodeState>> = { cache03: 'left', web01: 'left', web02: 'stopped' };
    const nodes = site.nodes.map((n) => ({ ...n, state: states[n.name] ?? n.state }));
    const { root } = await panel('#/chart', { ...site, nodes, coverage: { ...site.coverage, nodes: 58, reporting: 57, stale: 0, left: 2 } });
    expect(texts(root, 'h2')).toEqual(['57 of 58 nodes report.']);
    expect(find(root, 'section', 'Not reporting').textContent).toBe('Not reportingweb02');
    expect(find(root, '.covered').textContent).toMatch(/, 2 shut down$/);
    expect(texts(root, '.legend li')).toContain('gone on purpose');
    expect(texts(root, '.legend li')).not.toContain('stale');
  });

  it('names those of many that are silent', async () => {
    const { root } = await panel('#/chart', makeSite(60));
    expect(texts(root, 'h2')).toEqual(['59 of 60 nodes report.']);
    expect(find(root, 'section', 'Not reporting').textContent).toContain('cache03');
  });

  it('says what limits the view, with the command to copy', async () => {
    const { root } = await panel('#/chart');
    await vi.waitFor(() => find(root, 'section', '5 process names hidden'), 10_000);
    const note = find(root, 'section', '5 process names hidden');
    expect(find(note, 'code').textContent).toBe('sudo dotm up');
    const write = vi.fn(() => Promise.resolve());
    vi.stubGlobal('navigator', { clipboard: { writeText: write } });
    await click(note, 'button', 'Copy');
    expect(write).toHaveBeenCalledWith('sudo dotm up');
    expect(find(note, 'button').textContent).toBe('Copied');
  });

  it('selects the command where there is no clipboard', async () => {
    const { root } = await panel('#/chart');
    vi.stubGlobal('navigator', {});
    await click(root, '.command button', 'Copy');
    expect(find(root, '.command button').textContent).toBe('Selected');
  });

  it('says that other hosts cannot reach it, only while that is so', async () => {
    const h = await panel('#/chart');
    expect(h.root.textContent).not.toContain('Other hosts cannot reach this dotm yet.');
    const version = { version: '0.1.0', go: 'go1.26', revision: 'r', started: '', listen: '127.0.0.1:4849', loopback: true };
    void act(() => void (h.app.version.value = version));
    await settle();
    expect(find(h.root, 'section', 'Other hosts cannot reach this dotm yet.').textContent).toContain('127.0.0.1:4849');
    void act(() => void (h.app.version.value = { ...version, loopback: false }));
    await settle();
    expect(h.root.textContent).not.toContain('Other hosts cannot');
  });

  it('has a legend of what is on the chart only', async () => {
    const { root } = await panel('#/chart');
    const words = texts(root, '.legend li');
    expect(words).toEqual(expect.arrayContaining(['no check', 'does not report', 'none open now', 'no direction', 'gone']));
    expect(words).not.toContain('stale');
    expect(words.length).toBeLessThanOrEqual(8);
    clear();
    const site = await panel('#/chart', makeSite(60));
    expect(texts(site.root, '.legend li')).toContain('stale');
    expect(texts(site.root, '.legend li')).not.toContain('no direction');
  });

  it('is a sheet that unfolds on narrow screens', async () => {
    const { root } = await panel('#/chart');
    const handle = find(root, '.sheet-handle');
    expect(find(root, 'aside').classList.contains('folded')).toBe(true);
    expect(handle.getAttribute('aria-expanded')).toBe('false');
    expect(handle.textContent).toBe('One of four nodes reports.');
    await click(root, '.sheet-handle');
    expect(find(root, 'aside').classList.contains('folded')).toBe(false);
    expect(find(root, '.sheet-handle').getAttribute('aria-expanded')).toBe('true');
  });

  it('opens by itself for a selection, without a handle', async () => {
    const { root } = await panel('#/chart?node=vm');
    expect(find(root, 'aside').classList.contains('folded')).toBe(false);
    expect(root.querySelector('.sheet-handle')).toBeNull();
  });
});

describe('a selected node', () => {
  it('says what it is, since when, and what it has', async () => {
    const { root } = await panel('#/chart?node=vm');
    expect(find(root, 'section').textContent).toContain('This node, host. It reports.');
    expect(facts(root)['Last report']).toBe('now');
    expect(facts(root)['Reports']).toBe('by its agent, version 0.1.0, every 10 s');
    expect(facts(root)['Addresses']).toBe('192.0.2.2fd00::1');
    const heads = texts(root, '.section-head h3');
    expect(heads).toEqual(['Services', 'Connects in', 'Connects to', 'Inside the node']);
    expect(find(root, 'a', 'Open its page').getAttribute('href')).toBe('#/nodes/vm');
  });

  it('says who sees a node that never reported', async () => {
    const { root } = await panel('#/chart?node=10.20.4.31');
    expect(find(root, 'section').textContent).toContain('Node, does not report.');
    expect(facts(root)['Evidence']).toBe('seen by vm, one end only');
    expect(facts(root)['Last report']).toBeUndefined();
  });

  it.each([
    ['internet', 'Every address outside the internal networks.'],
    ['network', 'Many addresses that do not report, drawn as one.'],
  ] as const)('of kind %s is explained', async (kind, words) => {
    const { root } = await panel('#/chart?node=Internet', changed({ nodes: (n) => (n.name === 'Internet' ? { ...n, kind } : n) }));
    expect(find(root, 'section').textContent).toContain(words);
  });

  it('links services and connections, and strikes through what is gone', async () => {
    const { root } = await panel('#/chart?node=vm');
    expect(find(root, '.list a', 'gunicorn').getAttribute('href')).toBe('#/chart?service=vm~tcp~8000~127.0.0.1');
    expect(find(root, '.name.gone').textContent).toBe('statsd');
    expect(find(root, '.list a', '10.20.9.7').textContent).toContain('old');
  });

  it('lists services by port, those that are gone last', async () => {
    const { root } = await panel('#/chart?node=vm');
    const items = texts(find(root, 'section', 'Services'), 'li');
    const ports = items.map((i) => Number(/:(\d+)$/.exec(i)?.[1]));
    expect(ports.slice(0, -1)).toEqual([...ports.slice(0, -1)].sort((a, b) => a - b));
    expect(items.at(-1)).toContain('statsd');
  });

  it('lists eight connections and counts the rest', async () => {
    const doc = oneHostFixture();
    const many = Array.from({ length: 11 }, (_, i) => ({ ...(doc.connections[0] as Connection), id: `x${i}` }));
    const { root } = await panel('#/chart?node=vm', { ...doc, connections: many });
    const section = find(root, 'section', 'Connects in');
    expect(section.querySelectorAll('li')).toHaveLength(8);
    expect(section.textContent).toContain('and 3 more');
    expect(section.textContent).toContain('418 open');
  });

  it('closes', async () => {
    const h = await panel('#/chart?node=vm');
    await click(h.root, '[aria-label="Close"]');
    expect(h.hash()).toBe('#/chart');
  });
});

describe('a selected service', () => {
  const GUNICORN = '#/chart?service=vm~tcp~8000~127.0.0.1';

  it('says where it listens, who can reach it and how many sockets are open', async () => {
    const { root } = await panel(GUNICORN);
    expect(find(root, 'section').textContent).toContain('Listens on vm; only this host can reach it.');
    expect(facts(root)).toMatchObject({ Addresses: '127.0.0.1:8000', Protocol: 'TCP', User: 'app', 'Open now': '24 connections' });
    expect(texts(root, '.section-head h3')).toEqual(['Clients', 'Who used it in the last 30 days', 'Connects to']);
  });

  it('puts IPv6 addresses in brackets', async () => {
    const { root } = await panel('#/chart?service=vm~tcp~80~0.0.0.0');
    expect(facts(root)['Addresses']).toBe('0.0.0.0:80[::]:80');
  });

  it.each([
    ['gone', 'Stopped listening on vm'],
    ['seen', 'Seen from its clients, on vm'],
    ['listening', 'Listens on vm'],
  ] as const)('that is %s says so', async (state, words) => {
    const { root } = await panel(GUNICORN, changed({ services: (s) => (s.port === 8000 ? { ...s, state } : s) }));
    expect(find(root, 'section').textContent).toContain(words);
  });

  it('never says unused, only that no use was seen', async () => {
    const unused = changed({
      services: (s) => ({ ...without(s, 'last_connection'), clients: 0 }),
    });
    const { root } = await panel(GUNICORN, unused);
    expect(facts(root)['Last used']).toBe('no use seen');
    expect(facts(root)['Open now']).toBe('0 connections');
  });
});

describe('a selected connection', () => {
  const evidence = (change: Partial<Connection>): TopologyDocument => changed({ connections: (c) => (c.id === 'c8' ? { ...c, ...change } : c) });
  const at = '2026-11-23T05:29:30Z';

  it('explains what it rests on when one end reports', async () => {
    const { root } = await panel('#/chart?connection=c8');
    const text = find(root, 'section', 'What it rests on').textContent;
    expect(text).toContain('vm reports it at the client’s end; nobody reports it at the server’s.');
    expect(text).toContain('10.20.4.31 at the server’s end: internal address that no reporting node has.');
    expect(text).toContain('The client’s end is vm: reports itself.');
    expect(text).toMatch(/Opened 59 times since .* local\./);
  });

  it('says that all was opened before dotm looked when it saw nothing open', async () => {
    const { root } = await panel('#/chart?connection=c8', evidence({ opened: 0 }));
    const text = find(root, 'section', 'What it rests on').textContent;
    expect(text).toContain('All opened before dotm looked.');
    expect(text).not.toContain('0 times');
  });

  it('explains it when both do, and who was last', async () => {
    const seen_by = [
      { node: 'web1', end: 'client' as const, at: '2026-11-23T05:29:00Z' },
      { node: 'db1', end: 'server' as const, at },
    ];
    const { root } = await panel('#/chart?connection=c8', evidence({ evidence: { both_ends: true, seen_by } }));
    const text = find(root, 'section', 'What it rests on').textContent;
    expect(text).toContain('web1 reports it at the client’s end, db1 at the server’s.');
    expect(text).toContain('Last reported by db1 30 s ago.');
  });

  it.each([
    [{ both_ends: true, confirmed: true }, 'Both ends name the same sockets'],
    [{ both_ends: true }, 'that the sockets are the same was not compared'],
  ])('says whether the two ends are known to be one: %j', async (ends, words) => {
    const seen_by = [{ node: 'web1', end: 'client' as const, at }, { node: 'db1', end: 'server' as const, at }];
    const { root } = await panel('#/chart?connection=c8', evidence({ evidence: { ...ends, seen_by } }));
    expect(find(root, 'section', 'What it rests on').textContent).toContain(words);
  });

  it('says that its client is an observer', async () => {
    const { root } = await panel('#/chart?connection=c8', evidence({ observer: true }));
    expect(find(root, 'section').textContent).toContain('an observer, which counts for nothing else');
  });

  it('tells everything in the server’s sentences, once asked', async () => {
    const h = await panel('#/chart?connection=c8');
    const asked = (): string[] => h.asked.filter((a) => a.includes('explain'));
    expect(asked()).toEqual([]);
    expect(find(h.root, 'details .command code').textContent).toBe('dotm explain vm:gunicorn 10.20.4.31:6379');
    const details = find(h.root, 'details') as HTMLDetailsElement;
    for (let i = 0; i < 2; i++) {
      details.open = true;
      await act(() => void details.dispatchEvent(new Event('toggle')));
      await settle();
    }
    expect(texts(details, 'p')).toContain('One end only reports it.');
    expect(asked()).toEqual(['GET explain?client=vm%3Agunicorn&server=10.20.4.31%3A6379']);
  });

  it('says what is open, and that its direction is not known', async () => {
    const { root } = await panel('#/chart?connection=c9');
    expect(find(root, 'h2').textContent).toBe('vm dnsmasq — 10.20.0.53 udp :53');
    expect(find(root, 'section').textContent).toContain('2 connections open now. Which end opened it is not known.');
    clear();
    const old = await panel('#/chart?connection=c10');
    expect(find(old.root, 'section').textContent).toContain('Nothing is open now.');
    clear();
    const fresh = await panel('#/chart?connection=c8', evidence({ count: 0 }));
    expect(find(fresh.root, 'section').textContent).toContain('Nothing is open now.');
  });

  it('counts the addresses behind the Internet', async () => {
    const { root } = await panel('#/chart?connection=c8', evidence({ peers: 3 }));
    expect(facts(root)['Addresses']).toBe('3 different addresses');
  });

  it('leads to both ends', async () => {
    const { root } = await panel('#/chart?connection=c8');
    expect([...root.querySelectorAll('.facts a')].map((a) => a.getAttribute('href'))).toEqual(['#/chart?node=vm', '#/chart?node=10.20.4.31']);
  });

  it('shows its times in UTC when asked', async () => {
    const h = await panel('#/chart?connection=c8');
    void act(() => void (h.app.prefs.utc.value = true));
    await settle();
    expect(facts(h.root)['First seen']).toMatch(/5:28:56.*UTC$/);
  });

  it('without evidence has no section about it', async () => {
    const doc = oneHostFixture();
    const connections = doc.connections.map((c) => without(c, 'evidence'));
    const { root } = await panel('#/chart?connection=c8', { ...doc, connections });
    expect(root.textContent).not.toContain('What it rests on');
  });
});
