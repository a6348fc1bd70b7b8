import { afterEach, describe, expect, it, vi } from 'vitest';
import type { GeoDocument, RecentDocument } from '../api/types';
import { oneHostFixture } from '../fixtures';
import { clear, find, json, settle, showLive, texts } from '../testing/app';
import { GeoView } from './Geo';
import { NodeView } from './Node';

afterEach(clear);

const hour = (from: string): RecentDocument => ({
  from,
  step_seconds: 30,
  node: { open: [2, null, 4, 3], failed: [null, null, 0, 7], rtt_us: [100, null, 120, 110] },
  services: {},
});

async function page(reply: (path: string) => Response | null, hash = '#/nodes/vm') {
  const doc = oneHostFixture();
  const h = await showLive(<NodeView name="vm" />, { doc, hash, reply: (_, path) => reply(path) });
  await vi.waitFor(async () => {
    await settle();
    expect(h.root.querySelector('.recent, .recent-none')).not.toBeNull();
  }, 10_000);
  return h;
}

describe('the last hour of a node', () => {
  const answer = (path: string): Response | null => (path === 'nodes/vm/recent' ? json(hour('2026-03-01T12:00:00Z')) : null);

  it('is one line for each number that is known, with least, most and now', async () => {
    const { root } = await page(answer);
    expect(texts(root, '.spark h4')).toEqual(['Open connections', 'Attempts that failed', 'Round trip, mean']);
    expect(texts(root, '.spark b')).toEqual(['3', '7 in all', '0.11 ms']);
    expect(texts(root, '.spark-foot')[0]).toBe('2 to 4');
    expect(find(root, '.spark-area').getAttribute('aria-label')).toBe('Open connections: 3; in the last hour 2 to 4, with gaps');
    expect(root.querySelectorAll('.spark:first-child .spark-line > path')).toHaveLength(2); // the gap breaks the line
    expect(root.querySelectorAll('.spark:first-child .unseen')).toHaveLength(1);
  });

  it('tells each point to who walks over it with the keys, with the axis', async () => {
    const { root } = await page(answer);
    const area = find(root, '.spark-area');
    const press = async (key: string): Promise<void> => {
      area.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
      await settle();
    };
    await press('Home');
    expect(area.getAttribute('aria-valuetext')).toMatch(/^2, /);
    expect(texts(root, '.spark-axis')).toEqual(['4', '0']);
    await press('ArrowRight');
    expect(find(root, '.spark-foot').textContent).toMatch(/^not known, /);
    await press('End');
    expect(area.getAttribute('aria-valuenow')).toBe('3');
  });

  it('says that there is none of moments gone by, and does not ask', async () => {
    const { root, asked } = await page(() => null, '#/nodes/vm?at=2026-03-01T12:00:00Z');
    expect(find(root, '.recent-none').textContent).toContain('kept for now only');
    expect(asked.some((a) => a.includes('/recent'))).toBe(false);
  });
});

describe('the map', () => {
  const geo: GeoDocument = {
    geoip: true, places_configured: true, nodes_without_place: 2, peers_without_country: 9, internet_split: 'none',
    places: [{ name: 'north <b>', by: 'configuration', latitude: 50, longitude: 8, status: 'CRITICAL', open_status: 'CRITICAL', total: 3, in_trouble: 1, silent: 1, nodes: [] }],
    countries: [{ code: 'NL', name: 'Netherlands', peers: 4, connections: 2, in: 12, out: 3 }],
  };
  const map = async (doc: GeoDocument) => {
    const h = await showLive(<GeoView />, { hash: '#/geo', reply: (_, path) => (path === 'geo' ? json(doc) : null) });
    await vi.waitFor(async () => {
      await settle();
      expect(h.root.querySelector('.world')).not.toBeNull();
    }, 20_000);
    return h;
  };

  it('marks places by the shape of the worst, and countries by how busy they are; the tables say the same', async () => {
    const { root } = await map(geo);
    const spot = find(root, '.spot');
    expect(spot.getAttribute('aria-label')).toBe('north <b>: 3 nodes, 1 in trouble, 1 silent');
    expect(texts(root, '.land.busy-4')).toEqual(['Netherlands: 4 peers, 12 open from there, 3 to there']);
    expect(texts(root, 'table[aria-label="Places of nodes"] tbody td.strong')).toEqual(['north <b>']);
    expect(texts(root, 'table[aria-label="Internet peers by country"] tbody td.strong')).toEqual(['Netherlands']);
    expect(find(root, '.geo-hints').textContent).toMatch(/2 nodes have private addresses.*Of 9 Internet peers the country is not known.*internet_split: country/);
    spot.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true }));
    await settle();
    expect(find(root, '.place-card h3').textContent).toBe('north <b>: 3 nodes, 1 in trouble, 1 silent');
  }, 30_000);

  it('says how to have countries where no file is configured', async () => {
    const { root } = await map({ ...geo, geoip: false, places: [], countries: [], places_configured: false });
    expect(find(root, '.geo-hints').textContent).toContain('No GeoIP file is configured');
    expect(root.querySelectorAll('.spot')).toHaveLength(0);
    expect(texts(root, '.columns .nothing')).toEqual(['No node has a known place.', 'Not known without a GeoIP file.']);
  }, 30_000);
});
