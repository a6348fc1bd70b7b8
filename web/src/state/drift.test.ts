import { describe, expect, it } from 'vitest';
import type { DriftConnection, DriftDocument, DriftMissing } from '../api/types';
import { shopFixture, shopPairs, shopPools } from '../fixtures/shop';
import { driftLine, driftRows, selectionOf, withDrift, withRule, wrongOf } from './drift';
import { fromDocument } from './topology';

const coverage = shopFixture().coverage;

function connection(id: string, change: Partial<DriftConnection> = {}): DriftConnection {
  return {
    id, client: { node: 'app01', process: 'puma', service: '' }, server: { node: 'db01', process: 'postgres', service: 'db01~tcp~5432', port: 5432 },
    protocol: 'tcp', directed: true, since: '2026-03-01T12:00:00Z', last: '2026-03-01T12:05:00Z', open: 3, seen_by: ['db01'], both_ends: false, allow: '  - from: {node: app01}\n    to: {node: db01}\n', ...change,
  };
}

const MISSING: DriftMissing = { file: 'site.yaml', line: 7, from: 'cron01', to: 'web01', port: 'tcp/80', reason: 'no connection was seen', from_nodes: ['cron01'], to_nodes: ['web01', 'web02', 'nobody'] };

function drifted(change: Partial<DriftDocument> = {}): DriftDocument {
  const declaration = { version: 2, name: 'site.yaml', form: 'dotm', rules: 3, bytes: 90, by: 'anna', at: '2026-03-01T12:00:00Z' };
  return {
    at: '2026-03-01T12:06:00Z', declared: 'site.yaml', form: 'dotm', drift: true, forbidden: [], unknown: [], unexpected: [connection('app01 puma db01~tcp~5432')], missing: [MISSING],
    matching: [{ file: 'site.yaml', line: 3, from: 'lb01', to: 'web01', connections: 2, since: '2026-03-01T11:00:00Z' }], connections: 9, outside: 1, coverage, declaration, ...change,
  };
}

describe('what is declared, on the chart', () => {
  it('marks what nobody declared, and draws what is missing between boxes that are there', () => {
    const topology = fromDocument(shopFixture());
    const { marks, connections, declared } = withDrift(topology, drifted());
    expect(declared).toBe(true);
    expect(Object.fromEntries(marks?.connections ?? [])).toEqual({ 'app01 puma db01~tcp~5432': 'unexpected', 'missing site.yaml:7 cron01 web01': 'missing' });
    expect(connections.get('missing site.yaml:7 cron01 web01')).toMatchObject({ count: 0, directed: true, server: { port: 80 } });
    expect(connections.size).toBe(topology.connections.size + 1);
    expect(topology.marks).toBeUndefined();
  });

  it.each([['nodes', shopPairs()], ['pools', shopPools()]])('finds the edge that stands for it on a chart of %s', (_, doc) => {
    const topology = fromDocument(doc);
    const marked = [...(withDrift(topology, drifted({ missing: [], unexpected: [connection('none')] })).marks?.connections ?? [])];
    expect(marked).toHaveLength(1);
    expect(topology.connections.get(marked[0]?.[0] ?? '')?.server.node).toContain('db01');
  });

  it('takes forbidden for worse than unexpected', () => {
    const both = connection('app01 puma db01~tcp~5432');
    expect([...(withDrift(fromDocument(shopFixture()), drifted({ missing: [], forbidden: [both] })).marks?.connections.values() ?? [])]).toEqual(['forbidden']);
  });
});

describe('what is declared, as a list', () => {
  it('says all of it, with the rule and why', () => {
    const rows = driftRows(drifted({ forbidden: [connection('x', { rule: { file: 'site.yaml', line: 9, from: 'a', to: 'b', why: 'nobody may' } })] }));
    expect(rows.map((r) => [r.kind, r.from, r.to, r.port, r.place, r.why])).toEqual([
      ['forbidden', 'app01 puma', 'db01 postgres', 'tcp/5432', 'site.yaml:9', 'nobody may'],
      ['unexpected', 'app01 puma', 'db01 postgres', 'tcp/5432', '', 'no rule allows it'],
      ['missing', 'cron01', 'web01', 'tcp/80', 'site.yaml:7', 'no connection was seen'],
      ['matching', 'lb01', 'web01', '', 'site.yaml:3', '2 connections'],
    ]);
    expect(rows.map(selectionOf)).toEqual([{ kind: 'connection', id: 'x' }, { kind: 'connection', id: 'app01 puma db01~tcp~5432' }, { kind: 'node', id: 'cron01' }, null]);
    expect(driftLine(drifted())).toBe('1 unexpected, 1 missing, 1 rule as declared');
  });
});

describe('one more rule', () => {
  const RULE = '  - from: a\n    to: b\n';

  it.each<[string, string, string, number]>([
    ['at the end of the list', 'version: 1\nallow:\n  - from: x\n    to: y\n', 'version: 1\nallow:\n  - from: x\n    to: y\n  - from: a\n    to: b\n', 5],
    ['before what follows', 'allow:\n  - from: x\n    to: y\n\n# not these\ndeny:\n  - from: z\n    to: y\n', 'allow:\n  - from: x\n    to: y\n\n# not these\n  - from: a\n    to: b\ndeny:\n  - from: z\n    to: y\n', 6],
    ['in an empty list', 'allow: []\n', 'allow:\n  - from: a\n    to: b\n', 2],
    ['as the list is indented', 'allow:\n- from: x\n  to: y\n', 'allow:\n- from: x\n  to: y\n- from: a\n  to: b\n', 4],
    ['in an empty file', '', 'allow:\n  - from: a\n    to: b\n', 2],
    ['where there is no list', 'deny:\n  - {from: x, to: y}\n', 'deny:\n  - {from: x, to: y}\nallow:\n  - from: a\n    to: b\n', 4],
  ])('stands %s', (_, text, want, line) => expect(withRule(text, RULE)).toEqual({ text: want, line }));

  it.each(['services:\n  web: {}\n', 'allow: [{from: x, to: y}]\n'])('stands in nothing of another form: %s', (text) => expect(withRule(text, RULE)).toBeNull());
});

it('tells what is wrong, and in which line', () => {
  expect(wrongOf({ title: '', status: 422, detail: 'f.yaml:2: …', errors: [{ message: 'must be a port', value: { line: 2, field: 'allow[0].port', value: 'http' } }] })).toEqual({ line: 2, text: 'allow[0].port must be a port, is “http”' });
  expect(wrongOf({ title: 'Conflict', status: 409, detail: 'it was changed' })).toEqual({ line: 0, text: 'it was changed' });
});
