import { describe, expect, it } from 'vitest';
import type { Check, ListedNode, MappingRule, Service } from '../api/types';
import { makeCheck } from '../fixtures';
import { byWord } from './checks';
import {
  NOTHING_WRONG, aboutText, countsByRule, decidedBy, evidenceOf, exactText, mappedChecks, moved, movedName, portText, ruleWords, sameSettings, tally, targetsOf, trimmed, withPort, wrongsOf, yamlAlias, yamlRule,
} from './mapping';

function ofNone(change: Partial<Check> = {}): Check {
  const c = makeCheck(change);
  delete c.node;
  delete c.service;
  delete c.mapping;
  return c;
}

const by = (rule: string, evidence = '', change: Partial<Check> = {}): Check => makeCheck({ id: `${rule} ${evidence}`, mapping: { rule, evidence }, ...change });
const doubt = makeCheck({ id: 'doubt', service: '', mapping: { rule: 'name', evidence: '2 services would do', ambiguous: true, candidates: ['db01~tcp~5432', 'db01~tcp~6432'] } });

describe('what decided on a mapping', () => {
  it.each<[Check, string]>([
    [by('port'), 'port'],
    [by('host'), 'whole host'],
    [by('rule', 'rule 3 of the settings: nginx on port 80'), 'rule 3'],
    [by('rule', 'its host is db1 by an alias: rule "bill \\"ing" of the settings: java'), 'rule bill "ing'],
    [by('rule', 'a rule 7 of the settings'), 'rule 7'],
    [by('rule', 'worded otherwise'), 'rule'],
    [doubt, 'ambiguous'],
    [ofNone(), 'none'],
  ])('is a word: %#', (check, word) => expect(byWord(check)).toBe(word));

  it('is said as a sentence', () => {
    expect(evidenceOf(by('port', 'the arguments name port 5432'))).toBe('The arguments name port 5432');
    expect(evidenceOf(ofNone({ host: 'legacy' }))).toBe('No node is known as legacy');
    expect(evidenceOf({ ...ofNone(), mapping: { rule: '', evidence: 'two nodes are called so' } })).toBe('Two nodes are called so');
  });

  it('is counted in the order in which it is decided, what wants people last', () => {
    const all = [ofNone(), doubt, by('host'), by('new kind'), by('port'), by('port'), by('rule', 'rule 1 of the settings')];
    expect(countsByRule(all)).toEqual([['rule', 1], ['port', 2], ['host', 1], ['ambiguous', 1], ['none', 1], ['new kind', 1]]);
    expect(tally(all)).toEqual({ checks: 7, services: 5, nodes: 0, ambiguous: 1, none: 1 });
    expect(tally([makeCheck({ service: '' })])).toMatchObject({ services: 0, nodes: 1 });
  });

  it('narrows the list, together with words', () => {
    const all = [by('port', 'Port 5432'), by('host', 'whole'), ofNone({ host: 'legacy01' })];
    expect(mappedChecks(all, 'port', '')).toHaveLength(1);
    expect(mappedChecks(all, '', 'PORT db01')).toHaveLength(1);
    expect(mappedChecks(all, 'none', 'legacy')).toHaveLength(1);
    expect(mappedChecks(all, 'host', '5432')).toHaveLength(1); // the id of its service has it
    expect(mappedChecks(all, 'gone', '')).toHaveLength(0);
  });

  it('is counted for each rule, by its place or its name', () => {
    const checks = [by('rule', 'rule 1 of the settings: a'), by('rule', 'rule "b" of the settings: b'), by('rule', 'rule 1 of the settings: c'), by('port', 'rule 1 of the settings')];
    expect(decidedBy([{ check: 'x' }, { name: 'b' }, { check: 'y' }], checks).map((l) => l.length)).toEqual([2, 1, 0]);
  });
});

describe('where a check can be put', () => {
  const node = (name: string, change: Partial<ListedNode> = {}): ListedNode => ({ name, kind: 'host', zone: '', addresses: ['10.0.0.1'], state: 'reporting', first_seen: '', status: 'NONE', services: 0, connections: 0, ...change });
  const service = (on: string, port: number, process: string, change: Partial<Service> = {}): Service => ({
    id: `${on}~tcp~${port}`, node: on, protocol: 'tcp', port, process, addresses: [], scope: '', state: 'listening', own: false, ignored: false, clients: 0, first_seen: '', last_seen: '', status: 'NONE', ...change,
  });
  const nodes = [node('web01'), node('db01'), node('Internet', { kind: 'internet' }), node('10.0.0.9', { known_as: 'printer' })];
  const services = [service('web01', 80, 'nginx'), service('db01', 5432, 'postgres'), service('db01', 22, 'sshd', { state: 'gone' })];
  const titles = (check: Check, query = ''): string[] => targetsOf(check, nodes, services, query).map((t) => `${t.title} / ${t.aside}`);

  it('begins with what is near: the services of its node, and the node', () => {
    expect(titles(makeCheck())).toEqual(['postgres :5432 / db01', 'db01 / the node as a whole', 'nginx :80 / web01', 'sshd :22, gone / db01', 'printer / the node as a whole', 'web01 / the node as a whole']);
  });

  it('has what the mapping was in doubt about before all else', () => {
    const check = { ...doubt, mapping: { rule: 'name', evidence: '', ambiguous: true, candidates: ['web01~tcp~80'] } };
    expect(targetsOf(check, nodes, services, '')[0]).toMatchObject({ service: 'web01~tcp~80', likely: true });
  });

  it('is found by process, port, node and what the node is known as', () => {
    expect(titles(makeCheck(), '80')).toEqual(['nginx :80 / web01']);
    expect(titles(makeCheck(), 'PRINT')).toEqual(['printer / the node as a whole']);
    expect(titles(makeCheck(), 'db01 postgres')).toEqual(['postgres :5432 / db01']);
    expect(titles(makeCheck(), 'nothing')).toEqual([]);
  });

  it('is a node for the check of a host, first the one that is called like it', () => {
    const check = ofNone({ kind: 'host', name: '', host: 'WEB01.example.org' });
    expect(titles(check)).toEqual(['web01 / the node as a whole', 'db01 / the node as a whole', 'printer / the node as a whole']);
  });
});

describe('rules', () => {
  it.each<[string, string | null]>([
    ['^(?-i:disk /var)$', 'disk /var'],
    ['^(?-i:a\\.b\\*c)$', 'a.b*c'],
    ['^42$', '42'],
    ['^a.b$', null],
    ['^(a|b)$', null],
    ['^HTTP', null],
    ['', null],
    ['^(?-i:\\d)$', null],
  ])('that match one text have it: %s', (pattern, text) => expect(exactText(pattern)).toBe(text));

  it.each<[MappingRule, string]>([
    [{ check: '^(?-i:HTTP)$', host: '^(?-i:web01)$', process: '^(?-i:nginx)$', port: 80, protocol: 'tcp' }, 'Checks called “HTTP” of host “web01” are about process “nginx” on port 80.'],
    [{ check: '^vpn', node: 'gw1', port: 1194, protocol: 'udp' }, 'Checks called like ^vpn are about what listens on port 1194 (UDP) of gw1.'],
    [{ host: 'erp', node: 'erp-db' }, 'All checks of host like erp are about erp-db as a whole.'],
    [{ check: 'x', process: 'java' }, 'Checks called like x are about process like java.'],
    [{ check: 'x' }, 'Checks called like x are about their node as a whole.'],
  ])('are sentences: %j', (rule, words) => expect(ruleWords(rule)).toBe(words));

  it('are lines of dotm.yaml', () => {
    expect(yamlRule({ check: '^a"\\.b$', host: '', port: 80, protocol: 'udp' })).toBe('- {check: "^a\\"\\\\.b$", port: 80, protocol: udp}');
    expect(yamlAlias('db: main', 'db01')).toBe('"db: main": "db01"');
  });

  it.each<[string, MappingRule]>([
    ['', { check: 'x' }],
    ['53', { check: 'x', port: 53 }],
    [' 53 / UDP ', { check: 'x', port: 53, protocol: 'udp' }],
    ['53/tcp', { check: 'x', port: 53, protocol: 'tcp' }],
    ['53/', { check: 'x', port: '53/' as unknown as number }],
    ['http', { check: 'x', port: 'http' as unknown as number }],
  ])('have a port as it was typed: %j', (text, rule) => {
    expect(withPort({ check: 'x', port: 1, protocol: 'udp' }, text)).toEqual(rule);
    expect(portText(rule)).toBe(text.replaceAll(' ', '').toLowerCase());
  });

  it('leave out what is empty, and nothing else', () => {
    expect(trimmed({ name: '', check: ' ', port: 0, protocol: '', node: 'a' })).toEqual({ check: ' ', node: 'a' });
  });

  it('are the same whatever the order of aliases', () => {
    expect(sameSettings({ aliases: { a: '1', b: '2' }, mapping: [{ check: 'x', host: '' }] }, { aliases: { b: '2', a: '1' }, mapping: [{ check: 'x' }] })).toBe(true);
    expect(sameSettings({ aliases: {}, mapping: [{ check: 'x' }, { check: 'y' }] }, { aliases: {}, mapping: [{ check: 'y' }, { check: 'x' }] })).toBe(false);
  });

  it.each([
    [0, 2, 'bca'],
    [2, 0, 'cab'],
    [1, 1, 'abc'],
    [0, -1, 'abc'],
    [0, 3, 'abc'],
    [5, 0, 'abc'],
  ])('move from %i to %i', (from, to, want) => expect(moved(['a', 'b', 'c'], from, to).join('')).toBe(want));
});

describe('what is wrong', () => {
  it('is at its field', () => {
    const wrong = wrongsOf({ title: 'Unprocessable', status: 422, detail: 'all of it', errors: [{ location: 'body.mapping[2].check', message: 'must be a regular expression' }, { location: 'body.aliases[db.[main]]', message: 'must name a node' }, { location: 'body.mapping[0]', message: 'is odd' }] });
    expect([...wrong.rules]).toEqual([['2.check', 'Must be a regular expression'], ['0.check', 'Is odd']]);
    expect([...wrong.aliases]).toEqual([['db.[main]', 'Must name a node']]);
    expect(wrong.other).toBe('');
  });

  it('is said where it has none', () => {
    expect(wrongsOf({ title: 'dotm does not answer', status: 0 })).toEqual({ ...NOTHING_WRONG, other: 'Dotm does not answer' });
    expect(wrongsOf({ title: 'T', status: 409, detail: 'mapping is set in dotm.yaml', errors: [{ location: 'body.mapping', message: 'is set in dotm.yaml' }] }).other).toBe('Mapping is set in dotm.yaml');
  });
});

describe('a move', () => {
  it('is said with names', () => {
    const label = (id: string): string => `s ${id}`;
    const named = (n: string): string => n.toUpperCase();
    expect(aboutText({}, label, named)).toBe('no node');
    expect(aboutText({ node: 'a', service: 'x' }, label, named)).toBe('s x on A');
    expect(aboutText({ node: 'a' }, label, named)).toBe('A as a whole');
    expect(aboutText({ node: 'a', mapping: { rule: '', evidence: '', ambiguous: true } }, label, named)).toBe('A, ambiguous');
    expect([movedName({ host: 'h', name: 'c' }), movedName({ host: 'h', name: '' })]).toEqual(['h c', 'host h']);
  });
});
