import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Incident, TopologyDocument, WhatIf } from '../api/types';
import { shopFixture, shopPairs, shopPools } from '../fixtures/shop';
import { APP, DB, INCIDENT, LB, WEB, alert, at, ref } from '../fixtures/incident';
import { type Trace, type Way, causesOf } from './trace';
import { storyOf, storyOfFailure, traceOf } from './tracing';
import { fromDocument } from './topology';

const CRON = ref('cron01', 'reports', 8000);
const WORKER = ref('worker01', 'sidekiq', 7433);

/** The disk of db01 is full; app01 and web01 are bad, cron01 would be next. */
const FULL: Incident = {
  ...INCIDENT,
  alerts: [alert(DB, 'disk', 'CRITICAL', '12:00', '12:08'), alert(APP, 'http', 'CRITICAL', '12:20', '12:28'), alert(WEB, 'http', 'CRITICAL', '12:30', '12:45')],
  impact: { predicted: [{ ...CRON, why: 'calls db01 postgres:5432', hops: 1 }], possible: null, spared: null },
};

function trace(incident: Incident = FULL, doc: TopologyDocument = shopFixture()): Trace {
  return traceOf(fromDocument(doc), storyOf(incident));
}

/** `app01>db01 travels`, in an order. */
function edges({ edges: found }: Trace, doc: TopologyDocument = shopFixture()): string[] {
  const { connections } = fromDocument(doc);
  const named = (id: string, way: Way): string => `${connections.get(id)?.client.node ?? ''}>${connections.get(id)?.server.node ?? ''} ${way}`;
  return [...found].map(([id, way]) => named(id, way)).sort();
}

describe('the path of an incident', () => {
  it('marks the first cause, the others as what they are', () => {
    const { tags } = trace({ ...FULL, causes: [...(FULL.causes ?? []), { ...LB, strength: 'weak', score: 0.1, sentence: '', chips: null, explains: 0, path: null }] });
    expect([...tags]).toEqual([
      ['db01', { text: 'Cause 1', sure: true }],
      ['app01', { text: 'Cause 2', sure: false }],
      ['lb01', { text: 'Cause 3', sure: false }],
    ]);
  });

  it('leads from the cause along the edges to what is bad, and on the way that the cause tells', () => {
    // lb01 has no alert: the cause's own path passes it nevertheless.
    expect(edges(trace())).toEqual(['app01>db01 travels', 'cron01>db01 next', 'lb01>web01 through', 'web01>app01 travels']);
    expect([...trace().boxes].sort()).toEqual(['app01', 'cron01', 'db01', 'lb01', 'web01']);
  });

  it('tells what would fail next from what is bad, and takes other ports of the cause for no way', () => {
    const t = trace();
    expect([...t.predicted]).toEqual(['cron01']);
    expect(t.edges.has('cron01 ssh db01~tcp~22')).toBe(false);
    // Once it is bad itself, it is not predicted any more.
    const bad = trace({ ...FULL, alerts: [...(FULL.alerts ?? []), alert(CRON, 'run', 'CRITICAL', '12:50', '12:55')] });
    expect([...bad.predicted]).toEqual([]);
    expect(edges(bad)).toContain('cron01>db01 travels');
  });

  it('passes what nobody watches, and nothing that was found to be fine', () => {
    const incident = { ...FULL, alerts: [...(FULL.alerts ?? []), alert(WORKER, 'queue', 'WARNING', '12:50', '12:55')] };
    expect(edges(trace(incident))).toEqual(expect.arrayContaining(['mq01>db01 through', 'worker01>mq01 travels']));
    expect(edges(trace(incident, shopFixture('OK'))).filter((e) => e.includes('mq01'))).toEqual([]);
    expect(trace(incident, shopFixture('OK')).boxes.has('worker01')).toBe(true);
  });

  it('is the same between nodes, where edges have no ports, and in pools, where boxes have other names', () => {
    expect(edges(trace(FULL, shopPairs()), shopPairs())).toEqual(['app01>db01 travels', 'cron01>db01 next', 'lb01>web01 through', 'web01>app01 travels']);
    const pools = trace(FULL, shopPools());
    expect(edges(pools, shopPools())).toEqual(['cron01>db01 next', 'lb01>pool~web through', 'pool~app>db01 travels', 'pool~web>pool~app travels']);
    expect(pools.tags.get('db01')?.text).toBe('Cause 1');
  });

  it('is of a whole node where that is the cause', () => {
    const whole = { component: 'db01', name: 'db01', node: 'db01' };
    const cause = { ...whole, strength: 'strong' as const, score: 1, sentence: '', chips: null, explains: 3, path: null };
    expect(edges(trace({ ...FULL, causes: [cause] }))).toEqual(expect.arrayContaining(['app01>db01 travels', 'web01>app01 travels']));
  });

  it('marks no cause as such where that is unclear, and shows how what is bad hangs together', () => {
    const t = trace({ ...FULL, unclear: true });
    expect([...t.tags.values()].some((tag) => tag.sure)).toBe(false);
    expect(t.tags.get('db01')?.text).toBe('Possible 1');
    expect(edges(t)).toEqual(expect.arrayContaining(['app01>db01 travels', 'web01>app01 travels']));
  });

  it('of one that is over, is of all that was bad, and predicts nothing', () => {
    const over = trace({ ...FULL, state: 'resolved', alerts: (FULL.alerts ?? []).map((a) => ({ ...a, over: at('40:00') })) });
    expect(edges(over)).toContain('app01>db01 travels');
    expect(over.predicted.size).toBe(0);
  });

  it('has the colour of the worst of it', () => {
    expect(trace().tone).toBe('critical');
    expect(trace({ ...FULL, alerts: [alert(DB, 'disk', 'WARNING', '12:00', '12:08')] }).tone).toBe('warning');
    expect(trace({ ...FULL, alerts: [] }).tone).toBe('critical');
  });

  it('in the past is of what was bad then', () => {
    const t = traceOf(fromDocument(shopFixture()), storyOf(FULL, at('12:30')));
    expect([...t.boxes]).not.toContain('cron01');
    expect(edges(t)).toContain('web01>app01 through');
  });

  it('is empty where nothing of it is on the chart', () => {
    const t = trace(FULL, { ...shopFixture(), nodes: [], services: [], connections: [] });
    expect([t.tags.size, t.boxes.size, t.edges.size]).toEqual([0, 0, 0]);
  });
});

describe('what is supposed to fail', () => {
  const im: WhatIf = { at: at('30:00'), of: [DB], confirmed: [{ ...APP, why: 'calls it' }], predicted: [{ ...CRON, why: 'calls it', hops: 1 }], possible: null, spared: null, users: [], covered_days: 3, coverage: 1, since: at('00:00'), text: [] };

  it('is marked, with what is bad already and what would be next', () => {
    const t = traceOf(fromDocument(shopFixture()), storyOfFailure(im));
    expect(t.tags.get('db01')).toEqual({ text: 'If this fails', sure: true });
    expect(edges(t)).toEqual(['app01>db01 travels', 'cron01>db01 next']);
  });
});

it('the causes of open incidents are marked without fading the rest, loudly those of what is critical', () => {
  const t = causesOf(fromDocument(shopPools()), [
    { ...APP, loud: false },
    { ...DB, loud: true },
    { ...DB, loud: false },
    { component: '\0zone\0x', name: 'zone x', loud: true },
  ]);
  expect([...t.tags].map(([box, { sure }]) => [box, sure])).toEqual([['pool~app', false], ['db01', true]]);
  expect(t.fades).toBe(false);
});

/** The cases that pictures in files are held to (export/path/path_test.go). */
interface Same {
  charts: Record<string, TopologyDocument>;
  incidents: Record<string, Incident>;
  cases: { chart: string; incident: string; want: { tags: Record<string, unknown>; edges: Record<string, string>; predicted: string[]; bad: number; tone: string } }[];
}
const same = JSON.parse(readFileSync('../export/path/testdata/path.json', 'utf8')) as Same;

describe('a path, as files have it', () => {
  it.each(same.cases.map((c) => [`${c.incident} on ${c.chart}`, c] as const))('%s', (_, { chart, incident, want }) => {
    const found = traceOf(fromDocument(same.charts[chart] as TopologyDocument), storyOf(same.incidents[incident] as Incident));
    expect({ tags: Object.fromEntries(found.tags), edges: Object.fromEntries(found.edges), predicted: [...found.predicted].sort(), bad: found.bad, tone: found.tone }).toEqual(want);
  });
});
