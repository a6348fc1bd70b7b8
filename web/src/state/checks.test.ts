import { describe, expect, it } from 'vitest';
import type { Check, ChartEvent, Status } from '../api/types';
import { makeCheck, makeChecks, makeSource } from '../fixtures';
import {
  CHECK_FILTERS, SEVERITIES, badgesOf, byStatus, checksLine, isBad, isOf, byWord, narrowed, openOf, others, placeOf, safeLink, sameVerdicts, signOf, signOfCheck, sourceTrouble, sourcesLine, worstFirst,
} from './checks';
import { eventText, thingOf } from './past';
import { formatRoute, parseRoute } from './route';
import { AS_IS } from './topology';

describe('severities', () => {
  it('go from nothing to the worst, as the server orders them', () => {
    expect(SEVERITIES).toEqual(['NONE', 'PENDING', 'OK', 'UP', 'WARNING', 'UNKNOWN', 'UNREACHABLE', 'CRITICAL', 'DOWN']);
  });
  it.each<[Status, boolean]>([['NONE', false], ['PENDING', false], ['OK', false], ['UP', false], ['WARNING', true], ['UNKNOWN', true], ['UNREACHABLE', true], ['CRITICAL', true], ['DOWN', true]])(
    '%s is trouble: %s', (status, bad) => expect(isBad(status)).toBe(bad));
});

describe('what is shown of a thing', () => {
  it.each([
    ['nobody checks it', { status: 'NONE', open_status: 'NONE' }, 'quiet', 'NONE', 'NONE'],
    ['all is fine', { status: 'OK', open_status: 'OK' }, 'quiet', 'OK', 'NONE'],
    ['open trouble', { status: 'CRITICAL', open_status: 'CRITICAL' }, 'open', 'CRITICAL', 'CRITICAL'],
    ['a small open trouble beside a large one that is taken care of', { status: 'CRITICAL', open_status: 'WARNING' }, 'open', 'WARNING', 'WARNING'],
    ['taken care of', { status: 'CRITICAL', open_status: 'OK' }, 'handled', 'CRITICAL', 'NONE'],
    ['taken care of, and nothing else', { status: 'WARNING', open_status: 'NONE' }, 'handled', 'WARNING', 'NONE'],
    ['nobody tells any more', { status: 'CRITICAL', open_status: 'NONE', status_stale: true }, 'stale', 'CRITICAL', 'NONE'],
    ['a server that says nothing of what is open', { status: 'CRITICAL' }, 'open', 'CRITICAL', 'CRITICAL'],
  ] as const)('%s', (_, verdict, way, status, open) => {
    expect(signOf(verdict)).toEqual({ way, status });
    expect(openOf(verdict)).toBe(open);
  });
});

describe('a check', () => {
  const bad = (change: Partial<Check>): Check => makeCheck({ status: 'CRITICAL', ...change });
  it.each<[string, Partial<Check>, string, string[]]>([
    ['open', {}, 'open', []],
    ['acknowledged', { acknowledged: true }, 'handled', ['acknowledged']],
    ['in downtime', { downtime: true }, 'handled', ['in downtime']],
    ['flapping', { flapping: true }, 'handled', ['flapping']],
    ['a symptom', { suppressed: true }, 'handled', ['symptom']],
    ['soft', { hard: false }, 'handled', ['soft']],
    ['stale, whatever else', { stale: true, acknowledged: true }, 'stale', ['stale', 'acknowledged']],
    ['fine, though tried again', { status: 'OK', hard: false }, 'quiet', []],
  ])('that is %s', (_, change, way, badges) => {
    expect(signOfCheck(bad(change)).way).toBe(way);
    expect(badgesOf(bad(change)).map((b) => b.word)).toEqual(badges);
  });

  it('is about a service, a node, or nothing on the chart', () => {
    expect(placeOf(makeCheck())).toEqual({ kind: 'service', id: 'db01~tcp~5432' });
    expect(placeOf({ node: 'db01', service: '' })).toEqual({ kind: 'node', id: 'db01' });
    expect(placeOf({})).toBeNull();
  });

  it.each([
    [{ node: 'a', mapping: { rule: 'port', evidence: '' } }, 'port'],
    [{ node: 'a', mapping: { rule: 'known', evidence: '' } }, 'well-known'],
    [{ node: 'a', mapping: { rule: 'name', evidence: '', ambiguous: true } }, 'ambiguous'],
    [{ node: 'a', mapping: { rule: 'something new', evidence: '' } }, 'something new'],
    [{}, 'none'],
  ])('%j is mapped by %s', (check, word) => expect(byWord(check)).toBe(word));

  it.each([
    ['https://icinga.example/x?a=b', 'https://icinga.example/x?a=b'],
    ['http://nagios.example/', 'http://nagios.example/'],
    ['javascript:alert(1)', ''],
    [' JaVaScRiPt:alert(1)', ''],
    ['data:text/html,<script>', ''],
    ['file:///etc/passwd', ''],
    ['/relative', ''],
    ['', ''],
    [undefined, ''],
  ])('the link %s leads to %j', (link, want) => expect(safeLink(link)).toBe(want));
});

describe('lists of checks', () => {
  const all = makeChecks();

  it('have open trouble first, then what nobody tells, what is taken care of, what is fine', () => {
    expect(worstFirst(all).map((c) => c.id)).toEqual(['legacy', 'replication', 'memory', 'old', 'disk', 'ntp', 'updates', 'load', 'fine']);
  });

  it.each([
    ['open', ['memory', 'replication', 'legacy']],
    ['handled', ['disk', 'updates', 'load', 'ntp']],
    ['stale', ['old']],
    ['unmapped', ['legacy']],
    ['DOWN', ['legacy']],
    ['CRITICAL', ['replication', 'disk', 'ntp', 'old']],
  ] as const)('narrowed to %s', (filter, want) => expect(narrowed(all, [filter], '').map((c) => c.id)).toEqual(want));

  it('narrowed to any of several, and to all words', () => {
    expect(narrowed(all, ['stale', 'unmapped'], '').map((c) => c.id)).toEqual(['old', 'legacy']);
    expect(narrowed(all, [], 'LAG db01').map((c) => c.id)).toEqual(['replication']);
    expect(narrowed(all, [], '')).toBe(all);
  });

  it('have a filter for every check', () => {
    for (const c of all) expect(CHECK_FILTERS.some(([f]) => isOf(c, f))).toBe(true);
  });

  it('are counted', () => {
    expect(byStatus(all)).toEqual([['DOWN', 1], ['CRITICAL', 4], ['UNKNOWN', 1], ['WARNING', 2], ['OK', 1]]);
    expect(checksLine(all)).toBe('9 checks, 1 of them fine');
    expect(checksLine([makeCheck(), makeCheck()])).toBe('2 checks, all of them fine');
    expect(checksLine([makeCheck()])).toBe('1 check, fine');
    expect(checksLine([makeCheck({ stale: true })])).toBe('1 check, not fine');
  });
});

describe('sources that can’t be read', () => {
  const failing = makeSource({ name: 'site', state: 'failing', error: { reason: 'login', text: 'the user or password is wrong', hint: 'look' } });
  it.each([
    ['none', [makeSource(), makeSource({ state: 'new' })], ''],
    ['the only one', [failing], 'Monitoring can’t be read from site. The user or password is wrong.'],
    ['one of two', [failing, makeSource()], 'Monitoring can’t be read from site. The user or password is wrong. The other one can be.'],
    ['two, one for long', [failing, makeSource({ name: 'b', state: 'stale' })], 'Monitoring can’t be read from site and b. site: the user or password is wrong. What was said last is shown grey.'],
    ['three of five', [failing, failing, failing, makeSource(), makeSource()], 'Monitoring can’t be read from site and 2 other sources. site: the user or password is wrong. The other 2 can be.'],
  ])('%s', (_, sources, said) => expect(sourceTrouble(sources)).toBe(said));
});

describe('events of checks', () => {
  const event = (check: ChartEvent['check'], node = 'db01'): ChartEvent => ({ at: '', kind: 'changed', subject: 'check', id: 'x', node, ...(check ? { check } : {}) });
  const of = { source: 'icinga', host: 'db01.example', name: 'disk' };
  it.each<[ChartEvent, string]>([
    [event({ ...of, was: 'OK', status: 'CRITICAL' }), 'disk of db01 went from OK to CRITICAL'],
    [event({ ...of, was: 'CRITICAL', status: 'CRITICAL' }), 'disk of db01 stays CRITICAL'],
    [event({ ...of, status: 'WARNING' }), 'disk of db01 is WARNING'],
    [event({ ...of, was: 'CRITICAL' }), 'disk of db01 is checked no more, it was CRITICAL'],
    [event({ ...of, name: '', was: 'UP', status: 'DOWN' }, ''), 'the host of db01.example went from UP to DOWN'],
  ])('%j', (e, want) => expect(eventText(e, AS_IS)).toBe(want));

  it('lead to the service, the node, or nowhere', () => {
    expect(thingOf(event({ ...of, service: 'db01~tcp~5432' }))).toEqual({ kind: 'service', id: 'db01~tcp~5432' });
    expect(thingOf(event(of))).toEqual({ kind: 'node', id: 'db01' });
    expect(thingOf(event(of, ''))).toBeNull();
  });
});

describe('the link of the checks', () => {
  it('keeps what they are narrowed to', () => {
    const route = parseRoute('#/checks?show=CRITICAL,open,nonsense&find=db');
    expect(route).toMatchObject({ view: 'checks', checks: ['open', 'CRITICAL'], find: 'db', show: [] });
    expect(formatRoute(route)).toBe('#/checks?show=open,CRITICAL&find=db');
    expect(parseRoute('#/nodes?show=stale').checks).toEqual([]);
  });
});

describe('the sources', () => {
  const own = makeSource({ name: 'dotm', kind: 'signals', built_in: true });
  const nagios = makeSource({ name: 'nagios', kind: 'nagios' });
  it('that are dotm itself are no monitoring', () => {
    expect(others([own])).toEqual([]);
    expect(others([own, nagios])).toEqual([nagios]);
  });
  it('are told in words', () => {
    expect(sourcesLine([own])).toBe('dotm itself');
    expect(sourcesLine([nagios])).toBe('1 source');
    expect(sourcesLine([nagios, own])).toBe('1 source and dotm itself');
  });
});

describe('what checks say of boxes', () => {
  const ok = { status: 'OK' as Status, checks: 3 };
  const boxes = (of: Record<string, object>) => new Map(Object.entries(of)) as unknown as ReadonlyMap<string, typeof ok>;
  it('is the same while nothing but other fields differ', () => {
    expect(sameVerdicts(boxes({ a: ok, b: ok }), boxes({ a: { ...ok, last_report: 'now' }, b: ok }))).toBe(true);
  });
  it.each<[string, Record<string, object>]>([
    ['a check goes bad', { a: { ...ok, status: 'CRITICAL', open_checks: 1 }, b: ok }],
    ['one more is open', { a: { ...ok, open_checks: 1 }, b: ok }],
    ['one is acknowledged', { a: { ...ok, handled_checks: 1 }, b: ok }],
    ['one changed to another and back', { a: { ...ok, status_changed: '2026-11-23T05:00:00Z' }, b: ok }],
    ['a box comes', { a: ok, b: ok, c: ok }],
    ['a box goes', { a: ok }],
    ['one box is another', { a: ok, c: ok }],
  ])('differs where %s', (_, after) => {
    expect(sameVerdicts(boxes({ a: ok, b: ok }), boxes(after))).toBe(false);
  });
  it('differs from what nobody knew', () => {
    expect(sameVerdicts(undefined, boxes({ a: ok }))).toBe(false);
  });
});
