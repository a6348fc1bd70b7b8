import { describe, expect, it } from 'vitest';
import type { NodeInfo } from '../api/types';
import { containersFixture, fixture, makeSite, oneHostFixture } from '../fixtures';
import { type Action, search } from './search';
import { createPrefs, resolveTheme } from './prefs';
import { byPort, fromDocument, selectedNode } from './topology';
import { connectionLine, coverageLine, edgeText, evidenceLine, fruitless, headline, isMute, missing, nodeLine, resolvedLine, split, stateWord } from './words';

const one = fromDocument(oneHostFixture());
const site = fromDocument(makeSite(60));

describe('sentences', () => {
  it.each([
    [0, 0, 'No node reports yet.'],
    [1, 1, 'One node reports.'],
    [0, 1, 'The one node does not report.'],
    [0, 3, 'None of three nodes reports.'],
    [2, 2, 'Both nodes report.'],
    [1, 2, 'One of two nodes reports.'],
    [3, 3, 'All three nodes report.'],
    [3, 4, 'Three of four nodes report.'],
    [1, 4, 'One of four nodes reports.'],
    [300, 300, 'All 300 nodes report.'],
  ])('%d of %d', (reporting, nodes, text) => expect(headline({ reporting, nodes })).toBe(text));

  it('names who does not report, and counts neither Internet nor networks', () => {
    expect(missing(one)).toBe('It talks to three nodes that do not report. With an agent on them, their names and processes appear here.');
    expect(missing(site)).toBe('They talk to no node that does not report.');
    expect(missing(fromDocument(fixture('empty')))).toBe('');
    const single = new Map([...one.nodes].filter(([name]) => !['10.20.9.7', '10.20.0.53'].includes(name)));
    expect(missing({ ...one, nodes: single })).toContain('It talks to one node that does not report. With an agent on it, its');
  });

  it('counts of a node all that is on the chart', () => {
    expect(nodeLine(one, 'vm')).toBe('vm: 9 services and 11 connections, found without configuration.');
    expect(nodeLine({ ...one, level: 'node', services: new Map() }, 'vm')).toBe('vm: 11 connections, found without configuration.');
  });

  it('covers zero connections without dividing by it', () => {
    expect(coverageLine(one.coverage)).toBe('1 of 4 nodes reports, 64 % of connections one-sided');
    expect(coverageLine({ ...one.coverage, connections: 0, one_sided: 0 })).toContain('0 % of connections');
    expect(coverageLine({ ...one.coverage, left: 12 })).toBe('1 of 4 nodes reports, 64 % of connections one-sided, 12 shut down');
  });

  it('says who reports a connection, and at which end', () => {
    const at = '2026-11-23T05:30:00Z';
    const seen = (...pairs: [string, 'client' | 'server'][]) => evidenceLine(pairs.map(([node, end]) => ({ node, end, at })));
    expect(seen(['web1', 'client'], ['db1', 'server'])).toBe('web1 reports it at the client’s end, db1 at the server’s.');
    expect(seen(['vm', 'client'], ['vm', 'server'])).toBe('vm reports it at both ends.');
    expect(seen(['vm', 'client'])).toBe('vm reports it at the client’s end; nobody reports it at the server’s.');
    expect(seen(['vm', 'server'])).toBe('vm reports it at the server’s end; nobody reports it at the client’s.');
    expect(seen(['a', 'client'], ['b', 'client'], ['a', 'client'])).toMatch(/^a and b report it at the client/);
    expect(seen()).toBe('No sighting of it is kept.');
  });

  it.each([
    ['host', 'stale', 'does not report'],
    ['internet', 'inferred', 'everything outside'],
    ['network', 'inferred', 'network'],
    ['inferred', 'inferred', 'does not report'],
    ['host', 'left', 'shut down 14:02'],
    ['container', 'rebooting', 'rebooting since 14:02'],
    ['host', 'stopped', 'agent stopped 14:02'],
  ] as const)('a %s that is %s', (kind, state, word) => {
    const at = (moment: string): string => (moment === 'then' ? '14:02' : `at ${moment}`);
    expect(stateWord({ kind, state, last_report: 'then' } as NodeInfo, at)).toBe(word);
  });

  it.each([
    ['reporting', false],
    ['inferred', false],
    ['stale', true],
    ['left', true],
    ['rebooting', true],
    ['stopped', true],
  ] as const)('a node that is %s is mute: %s', (state, mute) => expect(isMute(state)).toBe(mute));
});

it('split keeps what stays inside apart, busiest first', () => {
  const { into, out, inside } = split(one.connections.values(), 'vm');
  expect(into.map((c) => c.count)).toEqual([38, 4, 1]);
  expect(out.map((c) => c.count)).toEqual([8, 2, 2, 0]);
  expect(inside.map((c) => c.count)).toEqual([24, 12, 6, 1]);
});

it('split puts equally busy ones in the order of their servers and ports, as numbers', () => {
  const [first] = one.connections.values();
  if (!first) throw new Error('the fixture has no connection');
  const to = (node: string, port: number) => ({ ...first, client: { ...first.client, node: 'vm' }, server: { ...first.server, node, port }, count: 1 });
  const { out } = split([to('db10', 80), to('db9', 443), to('db9', 80)], 'vm');
  expect(out.map((c) => `${c.server.node}:${c.server.port}`)).toEqual(['db9:80', 'db9:443', 'db10:80']);
});

it('byPort goes by number, and puts what is gone last', () => {
  const [some] = one.services.values();
  if (!some) throw new Error('the fixture has no service');
  const at = (port: number, state: 'listening' | 'gone' = 'listening') => ({ ...some, id: `${port}`, port, state });
  expect([at(22, 'gone'), at(8000), at(443), at(80)].sort(byPort).map((s) => s.port)).toEqual([80, 443, 8000, 22]);
});

describe('selectedNode', () => {
  it.each([
    [{ kind: 'node', id: 'vm' }, 'vm'],
    [{ kind: 'service', id: 'vm~tcp~80~0.0.0.0' }, 'vm'],
    [{ kind: 'connection', id: 'c8' }, '10.20.4.31'],
    [{ kind: 'service', id: 'nothing' }, ''],
    [null, ''],
  ])('%j', (selection, node) => expect(selectedNode(one, selection)).toBe(node));
});

describe('search', () => {
  const actions: Action[] = [{ id: 'theme', title: 'Switch between light and dark', key: 'd' }];
  const titles = (query: string): string[] => search(one, actions, query).map((h) => h.title);

  it.each([
    ['nginx', ['nginx :80', 'nginx :443']],
    ['NGINX 443', ['nginx :443']],
    [':5432', ['postgres :5432']],
    ['192.0.2', ['vm']],
    ['9.7', ['10.20.9.7', ':5665']],
    ['dark', ['Switch between light and dark']],
    ['no such thing', []],
  ])('%s', (query, found) => expect(titles(query)).toEqual(found));

  it('puts a whole match before a beginning before a part', () => {
    const hits = search(site, actions, 'db01');
    expect(hits[0]).toMatchObject({ kind: 'node', title: 'db01' });
    expect(search(site, actions, 'app1').map((h) => h.title)).toEqual(expect.arrayContaining(['app10', 'app11', 'app12']));
  });

  it.each([
    ['kubelet', ['metrics :9394']],
    ['redis:8', ['redis-server :6379']],
    ['worker-7c9', ['metrics :9394']],
  ])('finds services by unit, image and pod: %s', (query, found) => {
    expect(search(fromDocument(containersFixture()), [], query).map((h) => h.title)).toEqual(found);
  });

  it('lists some of everything for nothing, and survives no topology', () => {
    expect(search(site, actions, '').filter((h) => h.section === 'Nodes')).toHaveLength(8);
    expect(search(null, actions, '')).toHaveLength(1);
  });
});

describe('prefs', () => {
  it('remembers what was chosen', () => {
    const kept = new Map<string, string>();
    const store = { getItem: (k: string) => kept.get(k) ?? null, setItem: (k: string, v: string) => void kept.set(k, v) };
    const prefs = createPrefs(store);
    expect([prefs.theme.value, prefs.utc.value, prefs.panel.value]).toEqual(['system', false, true]);
    prefs.theme.value = 'dark';
    prefs.utc.value = true;
    prefs.panel.value = false;
    const again = createPrefs(store);
    expect([again.theme.value, again.utc.value, again.panel.value]).toEqual(['dark', true, false]);
  });

  it('works without storage and with rubbish in it', () => {
    const closed = { getItem: () => { throw new Error('denied'); }, setItem: () => { throw new Error('denied'); } };
    expect(createPrefs(closed).theme.value).toBe('system');
    expect(createPrefs({ getItem: () => 'purple', setItem: () => undefined }).theme.value).toBe('system');
  });

  it.each([['system', true, 'dark'], ['system', false, 'light'], ['light', true, 'light'], ['dark', false, 'dark']] as const)(
    'theme %s on a system that is dark: %s', (theme, dark, shown) => expect(resolveTheme(theme, dark)).toBe(shown));
});

describe('a connection in one line', () => {
  const c5 = one.connections.get('c5');
  if (!c5) throw new Error('the fixture has no c5');

  it.each([
    ['both processes', {}, 'gunicorn → postgres, 12 open, 87 opened'],
    ['no direction', { directed: false }, 'gunicorn — postgres, 12 open, 87 opened'],
    ['a client without a name', { client: { node: 'web1', process: '', service: '' } }, 'web1 → postgres, 12 open, 87 opened'],
    ['a server without a name', { server: { node: 'db1', port: 5432, process: '', service: '' } }, 'gunicorn → db1 :5432, 12 open, 87 opened'],
    ['two nodes', { client: { node: 'a', process: '', service: '' }, server: { node: 'b', port: 0, process: '', service: '' } }, 'a → b, 12 open, 87 opened'],
    ['nothing opened since', { opened: 0 }, 'gunicorn → postgres, 12 open'],
    ['many', { count: 12_000, opened: 1_000_000 }, 'gunicorn → postgres, 12,000 open, 1,000,000 opened'],
  ])('with %s', (_, change, line) => expect(connectionLine({ ...c5, ...change })).toBe(line));

  it.each([
    ['client', 'vm', 'loopback', 'client’s end is vm: loopback.'],
    ['server', '10.20.4.31', undefined, 'server’s end is 10.20.4.31.'],
  ] as const)('and what its %s’s end was taken for', (end, node, how, line) => expect(resolvedLine(end, node, how)).toBe(line));

  it('does not say that an address is itself', () => {
    expect(resolvedLine('server', '10.20.4.31', 'no node has it', '10.20.4.31')).toBe('server’s end: no node has it.');
    expect(resolvedLine('server', 'db1', 'reports itself', '10.20.4.31')).toBe('server’s end is db1: reports itself.');
  });

  it.each([
    [{}, 'gunicorn → vm:5432'],
    [{ directed: false }, 'gunicorn — vm:5432'],
    [{ client: { node: 'web1', process: '', service: '' } }, 'web1 → vm:5432'],
    [{ server: { node: 'fd00::1', port: 5432, process: '', service: '' } }, 'gunicorn → [fd00::1]:5432'],
    [{ server: { node: 'fd00::1', port: 0, process: '', service: '' } }, 'gunicorn → fd00::1'],
  ])('as a headline: %j', (change, line) => expect(edgeText({ ...c5, ...change })).toBe(line));

  it('says which attempts came to nothing', () => {
    expect(fruitless(c5)).toEqual([]);
    expect(fruitless({ ...c5, refused: 12, timed_out: 0, failed: 1 })).toEqual(['refused 12 attempts', 'failed 1 attempt']);
    expect(fruitless({ ...c5, timed_out: 3000 })).toEqual(['timed out 3,000 attempts']);
  });
});

describe('ranking of a search', () => {
  const order = (query: string): string[] => search(site, [], query).filter((h) => h.section === 'Nodes').map((h) => h.title);

  it('puts the whole before the beginning before a word before a part', () => {
    const nodes = ['xdb01', 'my-db01', 'db012', 'db01'].map((name) => ({ ...(site.nodes.get('db01') as NonNullable<ReturnType<typeof site.nodes.get>>), name, addresses: [] }));
    const topology = { ...site, nodes: new Map(nodes.map((n) => [n.name, n])), services: new Map<string, never>() };
    expect(search(topology, [], 'db01').map((h) => h.title)).toEqual(['db01', 'db012', 'my-db01', 'xdb01']);
  });

  it('counts numbers in names as numbers among equals', () => expect(order('web')).toEqual(['web01', 'web02', 'web03', 'web04', 'web05', 'web06', 'web07', 'web08']));

  it('needs every word, in any order and case', () => {
    expect(search(site, [], 'db03 POSTGRES').map((h) => [h.title, h.aside])).toEqual([['postgres :5432', 'db03']]);
    expect(search(site, [], 'postgres nginx')).toEqual([]);
  });

  it('takes its query as text, not as a pattern', () => expect(search(site, [], '.*')).toEqual([]));
});
