import { act } from 'preact/test-utils';
import { afterEach, describe, expect, it } from 'vitest';
import type { ChartEvent, Comparison, Connection, Gap, Service, Usage } from '../api/types';
import { makeSite } from '../fixtures';
import { Beside } from '../parts/Beside';
import { Timeline } from '../parts/Timeline';
import { Uses } from '../parts/Uses';
import { type Harness, type Reply, clear, click, find, json, press, settle, show, texts, type } from '../testing/app';
import { HistoryView } from './History';

afterEach(clear);

const site = makeSite(20);
const NOW = Date.parse(site.at);
const ago = (minutes: number): string => new Date(NOW - minutes * 60_000).toISOString();

const EVENTS: ChartEvent[] = [
  { at: ago(1), kind: 'changed', subject: 'node', id: 'db01', node: 'db01', what: ['state'] },
  { at: ago(5), kind: 'vanished', subject: 'service', id: 'db01~tcp~5432', node: 'db01', process: 'postgres', port: 5432 },
  { at: ago(20), kind: 'appeared', subject: 'connection', id: 'x', node: 'app01', process: 'puma', peer: 'db01', port: 5432 },
];

interface Past {
  events?: ChartEvent[];
  more?: boolean;
  gaps?: Gap[];
  lost?: number;
  diff?: Partial<Comparison>;
  uses?: Usage;
  from?: string | null;
}

/** A server with a past. */
function recorded({ events = EVENTS, more = false, gaps = [], lost = 0, diff = {}, uses, from = ago(3000) }: Past = {}): Reply {
  return (_, path) => {
    if (path.startsWith('history')) return json({ now: site.at, from, events: events.length, bytes: 2_200_000, events_lost: lost, gaps });
    if (path.startsWith('events')) return json({ from: ago(60), to: site.at, events, more });
    if (path.startsWith('diff')) return json({ from: ago(60), to: site.at, nodes: [], services: [], connections: [], gaps: [], ...diff });
    if (path.includes('/uses')) return json(uses ?? { since: ago(60), until: site.at, uses: [], covered: 1, days: 30, gaps: [] });
    return null;
  };
}

/** A page of the past, in UTC whatever the machine has. */
async function history(hash: string, past: Past = {}, what = <HistoryView />): Promise<Harness> {
  const h = await show(what, { doc: site, hash, reply: recorded(past) });
  await act(() => void (h.app.prefs.utc.value = true));
  void act(() => h.app.feed.watch(h.app.route.value.level, h.app.route.value.hide, h.app.route.value.at));
  await settle();
  return h;
}

const routeOf = (h: Harness) => h.app.route.value;

describe('what happened', () => {
  it('is told in sentences, the newest first, with since when anything is known', async () => {
    const { root } = await history('#/history');
    expect(texts(root, 'tbody td.event')).toEqual(['node db01 changed: whether it reports', 'postgres :5432 on db01 stopped listening', 'puma on app01 began to call db01:5432']);
    expect(find(root, '.headline').textContent).toMatch(/known since .* UTC, 2 MiB/);
  });

  it('says so where nothing is known, and what was lost', async () => {
    const { root } = await history('#/history', { events: [], from: null, lost: 12 });
    expect(find(root, '.headline').textContent).toContain('nothing is known of the past yet; 12 events could not be kept since dotm started');
    expect(find(root, '.nothing').textContent).toMatch(/^The history is empty/);
  });

  it('is narrowed to a node, a kind of thing and of change; the same is asked of the server', async () => {
    const h = await history('#/history');
    const select = async (label: string, value: string): Promise<void> => {
      await act(() => {
        const input = h.root.querySelector<HTMLSelectElement>(`select[aria-label="${label}"]`);
        if (!input) throw new Error(label);
        input.value = value;
        input.dispatchEvent(new Event('change', { bubbles: true }));
      });
      await settle();
    };
    await select('Of what', 'service');
    await select('What happened to it', 'vanished');
    expect(h.hash()).toBe('#/history?subject=service&kind=vanished');
    expect(h.asked.some((a) => a.startsWith('GET events') && a.includes('subject=service') && a.includes('kind=vanished'))).toBe(true);
    await click(h.root, 'button', 'Clear the filter');
    expect(h.hash()).toBe('#/history');
  });

  it('leads to the thing on the chart, at a moment at which it was there', async () => {
    const h = await history('#/history');
    await click(h.root, 'tbody tr', 'postgres');
    expect(routeOf(h)).toMatchObject({ view: 'chart', selection: { kind: 'service', id: 'db01~tcp~5432' } });
    expect(Date.parse(routeOf(h).at)).toBe(Date.parse(ago(5)) - 1);
  });

  it('has older ones to load', async () => {
    const h = await history('#/history', { more: true });
    const before = h.asked.length;
    await click(h.root, 'button', 'Load older ones');
    expect(h.asked.slice(before).some((a) => a.startsWith('GET events') && a.includes(`to=${encodeURIComponent(ago(20))}`))).toBe(true);
  });

  it('names the times in which nothing was seen', async () => {
    const { root } = await history('#/history', { gaps: [{ from: ago(50), to: ago(40), why: 'dotm was not running' }, { node: 'db01', from: ago(10), why: 'it did not report' }] });
    expect(find(root, '.gaps summary').textContent).toContain('2 gaps in what was seen');
    expect(texts(root, '.gaps li')).toEqual([expect.stringMatching(/^db01: it did not report, from .* UTC on$/), expect.stringMatching(/^Everything: dotm was not running, from .* UTC to .* UTC$/)]);
  });
});

describe('a moment', () => {
  const exact = '2026-11-23T05:10:17.25Z';

  it('typed leads there', async () => {
    const h = await history('#/history');
    await type(find(h.root, 'input[name="moment"]'), '2026-11-23T04:00');
    await click(h.root, '.moments button', 'Go');
    expect(routeOf(h).at).toBe('2026-11-23T04:00:00Z');
  });

  it('that is shown stays what it is, however little of it its field shows', async () => {
    const h = await history(`#/history?at=${exact}`);
    expect(find(h.root, 'input[name="moment"]').getAttribute('value') ?? (find(h.root, 'input[name="moment"]') as HTMLInputElement).value).toMatch(/05:10:17/);
    await click(h.root, '.moments button', 'Go');
    expect(Date.parse(routeOf(h).at)).toBe(Date.parse(exact));
  });

  it('is compared with now, or shown on the chart', async () => {
    const h = await history(`#/history?at=${exact}`);
    await click(h.root, 'button', 'Compare it with now');
    expect(routeOf(h)).toMatchObject({ at: '', half: 'compare' });
    expect(Date.parse(routeOf(h).from)).toBe(Date.parse(exact));
  });
});

/** A pointer on the scrubber, at a share of its width. */
async function pointer(root: ParentNode, kind: string, share: number, shiftKey = false): Promise<void> {
  const area = find(root, '.bars-area');
  area.getBoundingClientRect = () => ({ left: 0, width: 1000 }) as DOMRect;
  area.setPointerCapture = () => undefined;
  await act(() => void area.dispatchEvent(new PointerEvent(kind, { bubbles: true, clientX: share * 1000, button: 0, shiftKey, pointerId: 1 })));
}

describe('the scrubber', () => {
  it('counts what changed and has a bar for each time', async () => {
    const { root } = await history('#/chart?reach=hour', {}, <Timeline />);
    expect(find(root, '.timeline-count').textContent).toBe('3 changes');
    expect(root.querySelectorAll('.up')).toHaveLength(2);
    expect(root.querySelectorAll('.down')).toHaveLength(1);
  });

  it('goes from change to change by buttons and keys', async () => {
    const h = await history('#/chart?reach=hour', {}, <Timeline />);
    await click(h.root, 'button', 'Previous change');
    expect(Date.parse(routeOf(h).at)).toBe(Date.parse(ago(1)));
    await press(',');
    expect(Date.parse(routeOf(h).at)).toBe(Date.parse(ago(5)));
    await press('.');
    expect(Date.parse(routeOf(h).at)).toBe(Date.parse(ago(1)));
    expect((find(h.root, 'button', 'Next change') as HTMLButtonElement).disabled).toBe(true);
  });

  it('is a slider that keys move, to its ends too', async () => {
    const h = await history('#/chart?reach=hour', {}, <Timeline />);
    const slider = find(h.root, '[role="slider"]');
    expect(slider.getAttribute('aria-valuetext')).toBe('now, live');
    slider.focus();
    await press('ArrowLeft');
    expect(Date.parse(routeOf(h).at)).toBe(NOW - 30_000);
    expect(slider.getAttribute('aria-valuetext')).toMatch(/UTC$/);
    await press('End');
    expect(routeOf(h).at).toBe('');
  });

  it('goes where it is dragged to, and to now at its end', async () => {
    const h = await history('#/chart?reach=hour', {}, <Timeline />);
    await pointer(h.root, 'pointerdown', 0.9);
    await pointer(h.root, 'pointermove', 0.5);
    await pointer(h.root, 'pointerup', 0.5);
    expect(NOW - Date.parse(routeOf(h).at)).toBe(30 * 60_000);
    await pointer(h.root, 'pointerdown', 0.5);
    await pointer(h.root, 'pointerup', 1);
    expect(routeOf(h).at).toBe('');
  });

  it('compares the two ends of what is dragged with Shift, whichever way', async () => {
    const h = await history('#/chart?reach=hour', {}, <Timeline />);
    await pointer(h.root, 'pointerdown', 0.75, true);
    await pointer(h.root, 'pointermove', 0.25, true);
    expect(texts(h.root, '.letter.at')).toEqual(['A', 'B']);
    await pointer(h.root, 'pointerup', 0.25, true);
    expect(routeOf(h)).toMatchObject({ from: new Date(NOW - 45 * 60_000).toISOString().replace('.000', ''), at: new Date(NOW - 15 * 60_000).toISOString().replace('.000', '') });
    expect(texts(h.root, '.letter.at')).toEqual(['A', 'B']);
  });

  it('takes a Shift-click for no comparison', async () => {
    const h = await history('#/chart?reach=hour', {}, <Timeline />);
    await pointer(h.root, 'pointerdown', 0.5, true);
    await pointer(h.root, 'pointerup', 0.502, true);
    expect(routeOf(h)).toMatchObject({ from: '', at: '' });
  });

  it('tells what happened where it is pointed at, and what could not be seen', async () => {
    const { root } = await history('#/chart?reach=hour', { gaps: [{ node: 'db01', from: ago(6), to: ago(4), why: 'it did not report' }] }, <Timeline />);
    await pointer(root, 'pointermove', 55 / 60 + 0.001);
    expect(find(root, '.told').textContent).toContain('postgres :5432 on db01 stopped listening');
    expect(find(root, '.told').textContent).toContain('db01 not seen: it did not report');
    await pointer(root, 'pointermove', 0.1);
    expect(find(root, '.told').textContent).toContain('no change');
  });

  it('says when not all changes are counted', async () => {
    const { root } = await history('#/chart?reach=hour', { more: true }, <Timeline />);
    expect(find(root, '.counted').textContent).toContain('The newest 3 changes are counted');
  });
});

const service = site.services[0] as Service;
const connection = site.connections[0] as Connection;

describe('two moments', () => {
  const differs: Partial<Comparison> = {
    services: [{ change: 'appeared', returned: false, service }],
    connections: [{ change: 'vanished', returned: false, connection }],
    gaps: [{ node: 'db01', from: ago(20), to: ago(10), why: 'it did not report' }],
  };
  const both = (
    <>
      <Beside />
      <HistoryView />
    </>
  );

  it('are chosen by one press', async () => {
    const h = await history('#/history?compare', {}, both);
    await click(h.root, 'button', 'Since yesterday');
    expect(NOW - Date.parse(routeOf(h).from)).toBe(24 * 3_600_000);
    expect(routeOf(h).at).toBe('');
  });

  it('differ in a list, of which parts are shown', async () => {
    const h = await history(`#/history?compare&from=${ago(60)}`, { diff: differs }, both);
    expect(texts(h.root, 'tbody .mark-text')).toEqual(['new', 'vanished']);
    expect(find(h.root, '.unseen-note').textContent).toContain('1 node could not be seen all the time');
    await click(h.root, '.chips button', 'vanished');
    expect(texts(h.root, 'tbody .mark-text')).toEqual(['vanished']);
    await click(h.root, '.segments button', 'Services');
    expect(find(h.root, '.nothing').textContent).toBe('Nothing of that kind differs.');
  });

  it('that are typed the wrong way round are turned', async () => {
    const h = await history('#/history?compare', {}, both);
    await type(find(h.root, 'input[name="from"]'), '2026-11-23T04:00');
    await type(find(h.root, 'input[name="to"]'), '2026-11-23T03:00');
    await click(h.root, '.moments button', 'Compare');
    expect(routeOf(h)).toMatchObject({ from: '2026-11-23T03:00:00Z', at: '2026-11-23T04:00:00Z' });
  });

  it('without a difference say so', async () => {
    const { root } = await history(`#/history?compare&from=${ago(60)}`, {}, both);
    expect(find(root, '.nothing').textContent).toBe('Nothing differs between the two.');
  });
});

describe('who used a service', () => {
  const uses: Usage = {
    since: ago(43_200),
    until: site.at,
    uses: Array.from({ length: 10 }, (_, i) => ({
      service: service.id, connection: `c${i}`, client: { node: `web${i}`, process: 'nginx', service: '' }, first: ago(9000), last: ago(60 + i), ...(i === 0 ? { observer: true } : {}),
    })),
    covered: 0.42,
    days: 12,
    gaps: [],
  };

  it('is listed, eight at first, with how much of the time was seen', async () => {
    const { root } = await history('#/chart', { uses }, <Uses service={service} />);
    expect(root.querySelectorAll('li')).toHaveLength(8);
    expect(find(root, 'li').textContent).toContain('observer, counts for nothing');
    expect(find(root, 'p').textContent).toBe('Seen in 12 covered days (42 % coverage); standby, yearly and short connections may be missed.');
    await click(root, 'button', 'and 2 more');
    expect(root.querySelectorAll('li')).toHaveLength(10);
  });

  it('is asked for more days', async () => {
    const h = await history('#/chart', {}, <Uses service={service} />);
    await click(h.root, 'button', '400 days');
    expect(h.asked.at(-1)).toContain('since=-9600h');
    expect(find(h.root, 'p').textContent).toBe('No use seen in 30 covered days (100 % coverage); standby, yearly and short connections may be missed.');
  });
});
