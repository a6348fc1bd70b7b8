import { describe, expect, it } from 'vitest';
import { ALERTS, APP, DB, INCIDENT, LB, WEB, alert, at, ref, summary } from '../fixtures/incident';
import { acksOf, alertsLine, confirmedOf, openCount, orderOf, pathOf, refLines, selectionOf, shortened, stateOfIncident, summaryLine, together, wayTo, worstIncidents } from './incidents';
import { HOME } from './route';

describe('incidents in a list', () => {
  it('stand by the worst, those taken care of last', () => {
    const list = [
      summary({ id: 'old', since: at('01:00') }),
      summary({ id: 'known', acknowledged: { by: 'ops', at: at('20:00') } }),
      summary({ id: 'mild', status: 'WARNING' }),
      summary({ id: 'new', since: at('50:00') }),
    ];
    expect(worstIncidents(list).map((i) => i.id)).toEqual(['new', 'old', 'mild', 'known']);
    expect(openCount(list)).toBe(3);
    expect(openCount([summary({ state: 'resolved' })])).toBe(0);
  });

  it('say how much there is of each', () => {
    expect(summaryLine(summary())).toBe('4 checks, 1 more likely next');
    expect(summaryLine(summary({ bad: 1, predicted: 0, acknowledged: { by: 'ops', at: at('20:00') } }))).toBe('acknowledged, 1 check');
    expect(summaryLine(summary({ state: 'resolved' }))).toBe('5 checks');
    expect(alertsLine(INCIDENT)).toBe('3 checks, 1 signal');
    expect(alertsLine({ ...INCIDENT, state: 'resolved' })).toBe('4 checks, 1 signal');
  });

  it.each([
    [summary(), 'CRITICAL'],
    [summary({ acknowledged: { by: 'ops', at: at('20:00') } }), 'HANDLED_CRITICAL'],
    [summary({ state: 'resolved' }), 'OK'],
  ] as const)('have a shape', (incident, want) => expect(stateOfIncident(incident)).toBe(want));
});

describe('the path', () => {
  const cause = INCIDENT.causes?.[0];
  if (!cause) throw new Error('no cause');

  it('leads from the client that is furthest away to the cause', () => {
    const path = pathOf(cause, ALERTS);
    expect(path.map((b) => [b.ref.name, b.by, b.status, b.cause])).toEqual([
      ['lb01 haproxy:443', '', 'WARNING', false],
      ['web01 nginx:8080', 'calls', 'CRITICAL', false],
      ['app01 puma:9292', 'calls', 'CRITICAL', false],
      ['db01 postgres:5432', 'calls', 'CRITICAL', true],
    ]);
  });

  it('is none where the cause is all of the trouble', () => expect(pathOf({ ...cause, path: null }, ALERTS)).toEqual([]));

  it('is shortened to its ends', () => {
    const path = pathOf(cause, []);
    expect(shortened(path)).toEqual({ boxes: path, out: 0 });
    const long = shortened([...path, ...path]);
    expect(long.out).toBe(5);
    expect(long.boxes.map((b) => b.ref)).toEqual([LB, APP, DB]);
  });
});

describe('the order in time', () => {
  it('gives the beginning most of the line, however long the incident lasts', () => {
    const order = orderOf(INCIDENT, Date.parse('2026-03-03T00:00:00Z'));
    expect(order?.rows.map((r) => [together(r.refs), r.after])).toEqual([
      ['db01 postgres:5432', 0],
      ['app01 puma:9292', 20_000],
      ['web01 nginx:8080', 37_000],
      ['lb01 haproxy:443', 58_000],
    ]);
    const places = order?.rows.map((r) => r.marks[0]?.to ?? -1) ?? [];
    expect(places[0]).toBe(0);
    expect(places[3]).toBeCloseTo(0.72);
    expect(order?.rows[0]?.until).toBe(1);
    expect(order?.rows[3]?.until).toBeLessThan(0.75);
    expect(order?.clocks).toBe(true);
    expect(order?.rows[0]?.marks[1]?.signal).toBe(true);
  });

  it('never draws an onset backwards or off the line', () => {
    const order = orderOf(INCIDENT, Date.parse(at('13:10')));
    for (const row of order?.rows ?? [])
      for (const m of row.marks) {
        expect(m.from).toBeLessThanOrEqual(m.to);
        expect(m.from).toBeGreaterThanOrEqual(0);
        expect(m.to).toBeLessThanOrEqual(1);
      }
  });

  it('has a place for a single check, and none where nothing is known', () => {
    const one = { ...INCIDENT, order: [{ ...DB, marks: [{ check: 'c', name: 'disk', status: 'CRITICAL' as const, by: at('12:08'), clock: 'icinga' }] }] };
    expect(orderOf(one, Date.parse(at('12:08')))?.rows[0]?.marks[0]?.to).toBe(0);
    expect(orderOf({ ...INCIDENT, order: null }, 0)).toBeNull();
  });

  it('puts the same program of several nodes into one row, and marks that would cover each other into one', () => {
    const rows = Array.from({ length: 20 }, (_, i) => ({ ...ref(`n${i}`, 'p', 1), marks: [{ check: `c${i}`, name: '', status: i === 7 ? ('CRITICAL' as const) : ('WARNING' as const), by: at('12:08'), clock: 'x' }] }));
    const order = orderOf({ ...INCIDENT, order: rows }, Date.parse(at('13:00')));
    expect(order?.rows.map((r) => together(r.refs))).toEqual(['p:1 ×20']);
    expect(order?.rows[0]?.marks.map((m) => m.status)).toEqual(['CRITICAL']);
  });

  it('counts the rows that it has no room for', () => {
    const rows = Array.from({ length: 20 }, (_, i) => ({ ...ref('n', 'p', i), marks: [{ check: `c${i}`, name: '', status: 'DOWN' as const, by: at('12:08'), clock: 'x' }] }));
    expect(orderOf({ ...INCIDENT, order: rows }, 0)).toMatchObject({ more: 8, clocks: false });
  });
});

describe('what is confirmed', () => {
  it('is one line for the same program of several nodes', () => {
    const many = Array.from({ length: 3 }, (_, i) => alert(ref(`n${i}`, 'p', 1), 'http', 'WARNING', '12:00', `12:1${i}`));
    const [one, none] = confirmedOf({ alerts: many });
    expect(none).toBeUndefined();
    expect([together(one?.refs ?? []), one?.checks, one?.since]).toEqual(['p:1 ×3', 3, at('12:10')]);
  });

  it('is by component, with the worst that its checks say', () => {
    expect(confirmedOf(INCIDENT).map((c) => [c.ref.name, c.checks, c.status, c.output])).toEqual([
      ['db01 postgres:5432', 2, 'CRITICAL', 'DISK CRITICAL - /var/lib 100 % used'],
      ['app01 puma:9292', 1, 'CRITICAL', 'connect to db01:5432 refused'],
      ['web01 nginx:8080', 1, 'CRITICAL', 'HTTP 502 <b>Bad Gateway</b>'],
    ]);
  });
});

describe('acknowledging', () => {
  it('says what it does, and where', () => {
    expect(acksOf(INCIDENT, []).map((w) => w.words)).toEqual(['Acknowledge here only']);
    expect(acksOf(INCIDENT, [{ name: 'icinga', acknowledges: 'acknowledges it in Icinga' }]).map((w) => w.words)).toEqual(['Acknowledge 2 checks in icinga', 'Acknowledge here only']);
    expect(acksOf(INCIDENT, [{ name: 'icinga', acknowledges: 'silences it for a day' }])[0]?.words).toBe('Silence 2 checks in icinga');
    expect(acksOf({ alerts: null }, [{ name: 'icinga', acknowledges: 'x' }]).map((w) => w.words)).toEqual(['Acknowledge here only']);
  });
});

describe('a component', () => {
  it('is a service or a node on the chart, or on none', () => {
    expect(selectionOf(DB)).toEqual({ kind: 'service', id: 'db01~tcp~5432' });
    expect(selectionOf({ component: 'db01', name: 'db01', node: 'db01' })).toEqual({ kind: 'node', id: 'db01' });
    expect(wayTo(HOME, { component: 'rack=7', name: 'rack 7' })).toBeNull();
    expect(wayTo(HOME, { component: 'db01', name: 'db01', node: 'db01' })).toMatchObject({ view: 'node', node: 'db01' });
    expect(wayTo(HOME, WEB)).toMatchObject({ view: 'chart', selection: { kind: 'service' } });
  });

  it('is written on two lines', () => {
    expect(refLines(DB)).toEqual({ title: 'db01', detail: 'postgres:5432' });
    expect(refLines({ component: 'rack=7', name: 'rack 7' })).toEqual({ title: 'rack 7', detail: '' });
  });
});
