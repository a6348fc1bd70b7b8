import { afterEach, describe, expect, it, vi } from 'vitest';
import type { ChartEvent } from '../api/types';
import { oneHostFixture } from '../fixtures';
import { type Harness, type Reply, clear, find, json, showLive, texts } from '../testing/app';
import { SidePanel } from './SidePanel';

afterEach(clear);

const event = (n: number, change: Partial<ChartEvent> = {}): ChartEvent => ({ at: `2026-11-23T05:0${n}:00Z`, kind: 'appeared', subject: 'node', id: `n${n}`, node: `n${n}`, ...change });

const events = [event(9), event(8, { kind: 'vanished' }), event(7, { subject: 'check' }), event(6), event(5), event(4), event(3)];

/** Two nodes report: nothing is new to who looks. */
const doc = { ...oneHostFixture(), coverage: { ...oneHostFixture().coverage, reporting: 2 } };

const reply: Reply = (_, path) => (path.startsWith('events?') ? json({ from: '', to: '', events: path.includes('subject=check') ? [] : events, more: false }) : null);

const panel = (hash: string): Promise<Harness> => showLive(<SidePanel />, { hash, reply, doc });

describe('what changed in a day', () => {
  it('is told newest first, without checks, and leads there and to the comparison', async () => {
    const h = await panel('#/chart');
    await vi.waitFor(() => find(h.root, '.changed-today li'), 10_000);
    expect(find(h.root, '.changed-today .section-head span').textContent).toBe('6 changes');
    expect(texts(h.root, '.changed-today .name')).toEqual(['node n9 appeared', 'node n8 vanished', 'node n6 appeared', 'node n5 appeared', 'node n4 appeared']);
    expect(find(h.root, '.changed-today li:nth-child(2) a').getAttribute('href')).toContain('at=2026-11-23T05:07:59.999Z&node=n8');
    expect(find(h.root, '.changed-today > a').getAttribute('href')).toMatch(/^#\/history\?compare&from=2026-11-22T/);
  });

  it('is not told beside the past', async () => {
    const h = await panel('#/chart?at=2026-11-23T05:00:00Z');
    expect(h.root.querySelector('.changed-today')).toBeNull();
    expect(h.asked.filter((a) => a.startsWith('GET events?from=-24h'))).toEqual([]);
  });
});
