import { act } from 'preact/test-utils';
import { afterEach, describe, expect, it } from 'vitest';
import type { IncidentSummary } from '../api/types';
import { makeSite } from '../fixtures';
import { type Harness, clear, find, json, press, settle, show } from '../testing/app';
import { Scrubber } from './Scrubber';

afterEach(clear);

const site = makeSite(20);
const NOW = Date.parse(site.at);
const ago = (minutes: number): string => new Date(NOW - minutes * 60_000).toISOString();

const incident = (id: string, status: IncidentSummary['status'], since: number, over?: number): IncidentSummary => ({
  id, state: over === undefined ? 'open' : 'resolved', title: `${id} is broken`, sentence: '', status, since: ago(since), opened: ago(since), updated: ago(since),
  ...(over === undefined ? {} : { resolved: ago(over) }), bad: 1, handled: 0, alerts: 1, predicted: 0, nodes: [],
});

/** The scrubber of an hour in which something happened in its first half minute and its last. */
async function scrubber(hash = '#/chart?reach=hour'): Promise<Harness> {
  const h = await show(<Scrubber />, {
    doc: site, hash, reply: (_, path) => {
      if (path.startsWith('events/counts')) {
        const from = Date.parse(new URLSearchParams(path.split('?')[1]).get('from') ?? '');
        const n = Math.ceil((NOW - from) / 30_000);
        const up = Array.from({ length: n }, (_, i) => (i === 0 || i === n - 1 ? 2 : 0));
        return json({ from: new Date(from).toISOString(), to: site.at, up, down: up.map((c) => c / 2) });
      }
      if (path.startsWith('history')) return json({ now: site.at, from: ago(3000), events: 6, bytes: 1, events_lost: 0, gaps: [] });
      if (path.startsWith('incidents')) return json({ at: site.at, incidents: [incident('db', 'CRITICAL', 40, 20), incident('part', 'CRITICAL', 40, 20), incident('old', 'WARNING', 400, 300)].map((i) => (i.id === 'part' ? { ...i, into: 'db' } : i)) });
      return path.startsWith('events') ? json({ from: ago(60), to: site.at, events: [], more: false }) : null;
    },
  });
  await act(() => {
    h.app.prefs.utc.value = true;
    h.app.incidents.value = [incident('web', 'WARNING', 10)];
  });
  await settle();
  return h;
}

const asked = (h: Harness, what: string): string[] => h.asked.filter((a) => a.startsWith(`GET ${what}`));

describe('the scrubber of the chart', () => {
  it('counts changes without reading them, and says how many there are', async () => {
    const h = await scrubber();
    expect(find(h.root, '.foot-length').textContent).toContain('6 changes');
    expect(h.root.querySelectorAll('.up')).toHaveLength(2);
    expect(h.root.querySelectorAll('.down')).toHaveLength(2);
    expect(asked(h, 'events?')).toEqual([]);
  });

  it('counts only its end again while time passes', async () => {
    const h = await scrubber();
    await act(() => h.now(new Date(NOW + 16_000).toISOString()));
    await new Promise((done) => setTimeout(done, 1100));
    await settle();
    const [first = '', second = ''] = asked(h, 'events/counts').map((a) => decodeURIComponent(/from=([^&]*)/.exec(a)?.[1] ?? ''));
    expect(Date.parse(first)).toBeLessThanOrEqual(NOW - 3_570_000);
    expect(NOW - Date.parse(second)).toBeLessThanOrEqual(60_000);
  });

  it('marks the incidents of the time by height and colour, and not those that are part of others', async () => {
    const h = await scrubber();
    expect(h.root.querySelectorAll('.span-critical')).toHaveLength(1);
    expect(h.root.querySelectorAll('.span-warning')).toHaveLength(1);
    const high = (of: string): number => Number(find(h.root, of).getAttribute('height'));
    expect(high('.span-critical')).toBeGreaterThan(high('.span-warning'));
  });

  it('is a slider that leads into the past by keys and back by Escape', async () => {
    const h = await scrubber();
    const slider = find(h.root, '[role="slider"]');
    expect(slider.getAttribute('aria-valuetext')).toBe('now, live');
    slider.focus();
    await press('ArrowLeft');
    expect(Date.parse(h.app.route.value.at)).toBe(NOW - 30_000);
    expect(document.activeElement).toBe(find(h.root, '[role="slider"]'));
    expect(slider.getAttribute('aria-valuetext')).toMatch(/UTC$/);
    expect(find(h.root, '.foot-here').textContent).toContain('as of then, UTC');
    expect(find(h.root, 'button', 'Previous change')).toBeTruthy();
    await press('Escape');
    expect(h.app.route.value.at).toBe('');
    expect(h.root.querySelector('.timeline-tools')).toBeNull();
  });

  it('tells which incidents were open where it is pointed at', async () => {
    const h = await scrubber();
    const area = find(h.root, '.bars-area');
    area.getBoundingClientRect = () => ({ left: 0, width: 1000 }) as DOMRect;
    const point = (share: number) => act(() => void area.dispatchEvent(new PointerEvent('pointermove', { bubbles: true, clientX: share * 1000 })));
    await point(0.5);
    expect(find(h.root, '.told').textContent).toContain('db is broken');
    expect(find(h.root, '.told').textContent).toContain('no change');
    await point(0.9);
    expect(find(h.root, '.told').textContent).toContain('web is broken');
    expect(find(h.root, '.told').textContent).not.toContain('db is broken');
  });
});
