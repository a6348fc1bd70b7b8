import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { ChartNode, Check, Connection, Member, SocketSignal, TopologyDocument } from '../api/types';
import { oneHostFixture } from '../fixtures';
import { type Filter, NO_FILTER, choicesOf, formatFilter, isFiltered, keptBy, nothingLine, parseFilter } from './filter';
import { CALM, type Judge, judgeOf } from './health';
import { signalsOf } from './signals';
import { type Topology, fromDocument, knownAs } from './topology';

const doc = oneHostFixture();
const host = doc.nodes.find((n) => n.this) as ChartNode;
const line = doc.connections[0] as Connection;

function box(name: string, change: Partial<ChartNode> = {}): ChartNode {
  return { ...host, name, this: false, addresses: [], rows: [], status: 'NONE', ...change };
}

function edge(from: string, to: string, change: Partial<Connection> = {}): Connection {
  return { ...line, id: `${from} ${to}`, client: { node: from, process: '', service: '' }, server: { node: to, port: 80, process: '', service: '' }, ...change };
}

const member: Member = { name: 'web07', kind: 'host', state: 'reporting', status: 'UP' };

/** lb → web → app → db → store, a DNS that all ask, and a watcher that asks all. */
function chain(change: Partial<TopologyDocument> = {}): Topology {
  return fromDocument({
    ...doc,
    level: 'pool',
    pools: [box('pool~web', { kind: 'pool', title: 'web', group: 'g', members: [member] })],
    nodes: [
      box('lb', { group: 'g', addresses: ['192.0.2.7'], rows: [{ kind: 'service', service: 's', process: 'haproxy', protocol: 'tcp', port: 443 }] }),
      box('app'),
      box('db', { status: 'CRITICAL', open_status: 'CRITICAL' }),
      box('store'),
      box('dns', { shared: true }),
      box('watch'),
      box('other'),
    ],
    services: [],
    connections: [
      edge('lb', 'pool~web'),
      edge('pool~web', 'app', { client: { node: 'pool~web', process: 'nginx', service: '' } }),
      edge('app', 'db'),
      edge('db', 'store'),
      edge('db', 'dns'),
      edge('other', 'dns'),
      edge('watch', 'db', { observer: true }),
    ],
    lanes: [{ id: 'g', title: 'shop', layout: { x: 0, y: 0, w: 1, h: 1 } }],
    ...change,
  });
}

function kept(filter: Partial<Filter>, judge: Judge = CALM, topology = chain()): string[] | null {
  const found = keptBy(topology, { ...NO_FILTER, ...filter }, judge);
  return found && [...found.boxes].sort();
}

describe('a filter', () => {
  it('leaves all of the chart where it asks for nothing', () => {
    expect(kept({})).toBeNull();
    expect(kept({ text: '  ' })).toBeNull();
  });

  it.each<[string, Partial<Filter>, string[]]>([
    ['trouble and one hop', { trouble: true }, ['app', 'db', 'dns', 'store']],
    ['trouble and two hops', { trouble: true, hops: 2 }, ['app', 'db', 'dns', 'pool~web', 'store']],
    ['trouble and four hops, never by way of a shared service or observer', { trouble: true, hops: 4 }, ['app', 'db', 'dns', 'lb', 'pool~web', 'store']],
    ['a focus', { focus: 'lb' }, ['lb', 'pool~web']],
    ['a focus on a member of a pool', { focus: 'web07', hops: 1 }, ['app', 'lb', 'pool~web']],
    ['a focus within what is around trouble', { focus: 'lb', hops: 2, trouble: true }, ['app', 'pool~web']],
    ['a focus that is not there', { focus: 'nobody' }, []],
    ['a group', { group: 'g' }, ['lb', 'pool~web']],
    ['a process of a connection', { process: 'nginx' }, ['pool~web']],
    ['a process of a row', { process: 'haproxy' }, ['lb']],
    ['part of a name', { name: 'B' }, ['db', 'lb', 'pool~web']],
    ['the name of a member', { name: 'web07' }, ['pool~web']],
    ['words that all must match', { text: 'shop 192.0.2' }, ['lb']],
    ['the title of a group', { text: 'shop' }, ['lb', 'pool~web']],
    ['what cannot be together', { group: 'g', name: 'db' }, []],
  ])('keeps %s', (_, filter, names) => expect(kept(filter)).toEqual(names));

  it('takes both ends of a connection in trouble for trouble, of which a shared service leads no further', () => {
    const judge: Judge = { ...CALM, connection: (c) => (c.id === 'other dns' ? [{ severity: 'failing', short: '', text: '', kind: 'refused' }] : []) };
    expect(kept({ trouble: true, hops: 1 }, judge)).toEqual(['app', 'db', 'dns', 'other', 'store']);
  });

  it('counts what matches by itself', () => {
    expect(keptBy(chain(), { ...NO_FILTER, trouble: true }, CALM)?.matches).toBe(1);
    expect(keptBy(chain(), { ...NO_FILTER, focus: 'lb' }, CALM)?.matches).toBe(1);
  });

  it.each<[Partial<Filter>, string]>([
    [{ text: 'zzz' }, 'Nothing matches zzz.'],
    [{ text: 'zzz', group: 'g' }, 'Nothing matches zzz, group shop.'],
    [{ focus: 'nobody' }, 'Nothing matches nobody.'],
    [{ trouble: true, process: 'nginx' }, 'Nothing matches process nginx, trouble.'],
  ])('says that nothing matches %j', (part, words) => {
    const filter = { ...NO_FILTER, ...part };
    const found = keptBy(chain(), filter, CALM);
    expect(found && nothingLine(found, filter, (id) => (id === 'g' ? 'shop' : knownAs(chain())(id)))).toBe(words);
  });

  it('says that nothing is in trouble', () => {
    const filter = { ...NO_FILTER, trouble: true };
    const calm = chain({ nodes: [box('app')], connections: [] });
    const found = keptBy(calm, filter, CALM);
    expect(found && nothingLine(found, filter, String)).toBe('Nothing is in trouble.');
  });

  it.each<Partial<Filter>>([{}, { trouble: true, hops: 3 }, { focus: 'a b&c', hops: 4 }, { group: 'group~1', process: 'java', name: 'x', text: 'a, b = c' }])('comes back from its link: %j', (part) => {
    const filter = { ...NO_FILTER, ...part };
    expect(parseFilter(new URLSearchParams(formatFilter(filter).join('&')))).toEqual(filter);
  });

  it.each(['hops=9', 'hops=rubbish', `text=${'x'.repeat(999)}`])('takes no rubbish from a link: %s', (query) => {
    const filter = parseFilter(new URLSearchParams(query));
    expect(filter.hops).toBe(1);
    expect(filter.text.length).toBeLessThanOrEqual(255);
    expect(isFiltered(filter)).toBe(query.startsWith('text'));
  });

  it('offers the groups and processes of the chart', () => {
    const { groups, processes } = choicesOf(chain());
    expect(groups).toEqual([['g', 'shop']]);
    expect(processes).toEqual(expect.arrayContaining(['haproxy', 'nginx']));
  });
});

/** The cases that the server's narrowed charts and files are held to (view/filter_test.go). */
const same = JSON.parse(readFileSync('../view/testdata/filter.json', 'utf8')) as { chart: TopologyDocument; cases: (Partial<Filter> & { signals?: SocketSignal[]; want: string[] | null })[] };

describe('a filter, as the server has it', () => {
  const topology = fromDocument(same.chart);
  it.each(same.cases.map(({ want, signals = [], ...filter }) => [JSON.stringify(filter), filter, signals, want] as const))('%s', (_, filter, signals, want) => {
    const checks = signals.map((signal) => ({ signal, status: 'CRITICAL', output: '' }) as Check);
    const found = keptBy(topology, { ...NO_FILTER, ...filter }, judgeOf(topology, Date.parse(topology.at), signalsOf(topology, checks)));
    expect(found && [...found.boxes].sort()).toEqual(want && [...want].sort());
  });
});
