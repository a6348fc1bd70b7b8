import { describe, expect, it } from 'vitest';
import type { ListedNode, NodeInfo, Target } from '../api/types';
import { TARGETS, fleetFixture } from '../fixtures';
import {
  type FleetRow,
  type NodeFilter,
  fails,
  firstOdd,
  sharedNotes,
  fleetLine,
  fleetRows,
  holderWord,
  mayForget,
  narrowed,
  problemText,
  skewMillis,
  skewWord,
  waySentence,
  wayWord,
} from './fleet';

const nodes = fleetFixture().nodes.map<ListedNode>((n) => ({ ...n, services: 1, connections: 2 }));
const rows = fleetRows({ nodes, targets: [...TARGETS] });
const row = (id: string): FleetRow => {
  const found = rows.find((r) => r.id === id);
  if (!found) throw new Error(`no row ${id}`);
  return found;
};

describe('the rows of the fleet', () => {
  it.each([
    ['lb01', 'reporting'],
    ['web02', 'reporting'],
    ['web03', 'stale'],
    ['app01', 'failing'],
    ['ssh://dotm@db9', 'failing'],
    ['text://new1', 'waiting'],
    ['10.20.9.9', 'silent'],
    ['10.20.0.100', 'virtual'],
    ['10.20.77.0/24', 'outside'],
  ])('%s is %s', (id, standing) => expect(row(id).standing).toBe(standing));

  it('say of an address whose node has an agent that it reports by itself', () => {
    const target: Target = { ...(TARGETS[0] as Target), url: 'text://db1', node: '', problem: 'asking text://db1: db1 reports by itself', kind: 'redundant' };
    expect(fleetRows({ nodes: [], targets: [target] })[0]?.standing).toBe('besides');
  });

  it('are by name as people count, what never answered among them', () => {
    const ids = rows.map((r) => r.id);
    expect(ids.indexOf('app02')).toBe(ids.indexOf('app01') + 1);
    expect(ids).toContain('text://new1');
    expect(ids).not.toContain('text://web02');
  });

  it('do without targets, as older servers answer', () => {
    expect(fleetRows({ nodes: nodes.slice(0, 2) }).map((r) => r.target)).toEqual([null, null]);
  });

  it('are summed up in a line', () => {
    expect(fleetLine(rows)).toBe('15 nodes: 10 report, 1 fails, 3 are stale, 1 never reported; 2 more are asked and never answered');
    expect(fleetLine([row('lb01')])).toBe('1 node: 1 reports');
    expect(fleetLine([])).toBe('0 nodes');
  });

  it.each<[NodeFilter[], string, string[]]>([
    [['failing'], '', ['app01', 'ssh://dotm@db9']],
    [['findings'], '', ['app02', 'web01']],
    [['silent', 'failing'], '', ['10.20.9.9', 'app01', 'ssh://dotm@db9']],
    [[], 'LEGACY', ['10.20.9.9']],
    [[], 'dmz', ['lb02', 'ssh://dotm@db9']],
    [[], '10.20.2. app', ['app01', 'app02', 'app03']],
    [['stale'], 'app', []],
  ])('narrowed to %j and %j are %j', (filters, find, ids) => expect(narrowed(rows, filters, find).map((r) => r.id)).toEqual(ids));
});

describe('how a node reports', () => {
  const node = (more: Partial<NodeInfo>): NodeInfo => ({ ...(nodes[0] as NodeInfo), agent: '0.1.0', ...more });
  const target = TARGETS[0] as Target;
  it.each([
    [{ collect: 'agent' }, null, 'agent 0.1.0', 'by its agent, version 0.1.0'],
    [{ collect: 'text', agent: '' }, target, 'text', 'in plain text, asked at text://web02'],
    [{ collect: 'ssh', agent: '' }, null, 'SSH', 'over SSH, asked at its address'],
    [{ collect: 'import', agent: '' }, null, 'file', 'by a file that somebody brought'],
    [{ collect: undefined, agent: '0.0.1' }, null, 'agent 0.0.1', 'by its agent, version 0.0.1'],
    [{ collect: undefined, agent: '' }, null, 'not at all', 'not at all'],
    [{ collect: undefined, agent: '' }, target, 'text', 'asked at text://web02, without an answer so far'],
  ] as const)('%j', (more, asked, word, sentence) => {
    const one = node(more as Partial<NodeInfo>);
    expect(wayWord({ node: one, target: asked })).toBe(word);
    expect(waySentence(one, asked)).toBe(sentence);
  });

  it('is no failure where an agent reports besides', () => {
    expect(fails({ ...target, problem: 'node reports by itself', kind: 'redundant' })).toBe(false);
    expect(fails({ ...target, problem: 'x', kind: 'silent' })).toBe(true);
    expect(fails(null)).toBe(false);
  });

  it('is told without the address, which stands beside it', () => {
    expect(problemText({ ...target, problem: 'asking text://web02: asking text://web02: no route' })).toBe('No route');
    expect(problemText(target)).toBe('');
  });

  it('may be forgotten if it is asked, or reported once', () => {
    expect(mayForget(node({ state: 'stale' }), null)).toBe(true);
    expect(mayForget(node({ state: 'inferred', kind: 'inferred' }), null)).toBe(false);
    expect(mayForget(node({ state: 'inferred', kind: 'inferred' }), target)).toBe(true);
    expect(mayForget(node({ kind: 'virtual' }), null)).toBe(false);
  });
});

it.each([
  ['2.3s', '2.3 s ahead', 2300],
  ['-1m30s', '1 min behind', 90_000],
  ['40ms', '40 ms ahead', 40],
  ['14s', '14 s ahead', 14_000],
  ['0s', '', 0],
  ['500µs', '', 0.5],
  [undefined, '', 0],
  ['soon', '', 0],
])('a clock skew of %j is %j', (skew, word, ms) => {
  expect(skewWord(skew)).toBe(word);
  expect(skewMillis(skew)).toBe(ms);
});

it('a virtual address says who has it', () => {
  const at = { since: '2026-01-01T00:00:00Z' };
  expect(holderWord({ holders: [{ node: 'a', ...at }, { node: 'b', ...at, until: at.since }] })).toBe('on a');
  expect(holderWord({ holders: [{ node: 'a', ...at }, { node: 'b', ...at }] })).toBe('on 2 nodes');
  expect(holderWord({ holders: [] })).toBe('no holder');
  expect(holderWord({})).toBe('no holder');
});

it('what is wrong comes before what is odd, and that before what could not be seen', () => {
  expect(firstOdd(row('app01'))).toMatchObject({ wrong: true, more: 1, text: expect.stringMatching(/^Node’s host key/) as string });
  expect(firstOdd(row('app02'))).toEqual({ wrong: true, more: 1, text: 'app03 has the same machine-id' });
  const seen = row('app01');
  expect(firstOdd({ ...seen, target: null })).toMatchObject({ wrong: false, more: 0 });
  expect(firstOdd(row('db01'))).toBeNull();
});

describe('what many nodes have in common', () => {
  const note = { code: 'no-btf', text: 'short connections may be missed' };
  const many = [1, 2, 3, 4].map((i) => ({ id: `n${i}`, node: { ...(row('db01').node as ListedNode), name: `n${i}`, notes: i < 4 ? [note] : [{ code: 'x', text: 'of its own' }] }, target: null, standing: 'reporting' as const }));

  it('is told once', () => {
    expect(sharedNotes(many)).toEqual([{ note, nodes: 3, of: 4 }]);
    const told = new Set([note.text]);
    expect(many.map((r) => firstOdd(r, told)?.text)).toEqual([undefined, undefined, undefined, 'of its own']);
  });

  it('is told in each row where they are few', () => {
    expect(sharedNotes(many.slice(0, 2))).toEqual([]);
    expect(firstOdd(many[0] as FleetRow)?.text).toBe(note.text);
  });
});
