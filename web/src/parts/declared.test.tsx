import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Relation, Status } from '../api/types';
import { makeAlertSite, makeChecks, makeSource } from '../fixtures';
import { declarationsOf, observedWords } from '../state/declared';
import { search } from '../state/search';
import { fromDocument } from '../state/topology';
import { clear, click, find, json, press, settle, show, showLive, texts, type } from '../testing/app';
import { Declared } from './Declared';
import { Unloaded, lazy } from './Lazy';
import { Legend } from './Legend';
import { Palette } from './Palette';

afterEach(clear);

const RELATIONS: readonly Relation[] = [
  { source: 'site', kind: 'group', of: { host: 'db01', node: 'db01' }, group: 'shop' },
  { source: 'site', kind: 'group', of: { host: 'db01', node: 'db01' }, group: '<b>x</b>' },
  { source: 'site', kind: 'parent', of: { host: 'db01', node: 'db01' }, to: { host: 'gw-7' } },
  { source: 'site', kind: 'dependency', of: { host: 'web01', node: 'web01', name: 'http' }, to: { host: 'db01', node: 'db01', name: 'postgres', service: 'db01~tcp~5432' }, observed: 'none' },
  { source: 'icinga', kind: 'dependency', of: { host: 'db01', node: 'db01', name: 'postgres' }, to: { host: 'cache01', node: 'cache01', service: 'cache01~tcp~1' }, observed: 'connection' },
];

describe('what people declared of a node', () => {
  it('is told by source: what it needs, what needs it, how it is reached, its groups', () => {
    const [icinga, site] = declarationsOf(RELATIONS, 'db01');
    expect(icinga?.lines).toEqual([{ way: 'needs', own: 'postgres', other: { host: 'cache01', node: 'cache01', service: 'cache01~tcp~1' }, observed: 'connection' }]);
    expect(site?.lines.map((l) => l.way)).toEqual(['needed', 'through']);
    expect(site?.groups).toEqual(['<b>x</b>', 'shop']);
    expect(declarationsOf([], 'db01')).toEqual([]);
    expect(declarationsOf([{ source: 's', kind: 'parent', of: { host: 'a' }, to: { host: 'db01', node: 'db01' } }], 'db01')[0]?.lines[0]?.way).toBe('reaches');
  });

  it('stands beside what is observed', async () => {
    const { root } = await showLive(<Declared node="db01" />, { doc: makeAlertSite(), reply: (_, path) => (path === 'declared?node=db01' ? json({ declared: RELATIONS }) : null) });
    expect(texts(root, 'h3')).toEqual(['Declared in icinga', 'Declared in site']);
    expect([...root.querySelectorAll('a')].map((a) => a.getAttribute('href'))).toEqual(['#/chart?service=cache01~tcp~1', '#/chart?node=web01']);
    expect(texts(root, 'li')).toEqual(['Depends on:1 on cache01 for postgres a connection is seen', 'Is needed byweb01, http for postgres no direct connection is seen', 'Reached throughgw-7 (no node)']);
    expect(texts(root, '.chip')).toEqual(['<b>x</b>', 'shop']);
    clear();
    const check: Relation = { source: 's', kind: 'dependency', of: { host: 'db01', node: 'db01' }, to: { host: 'w', node: 'web01', name: 'disk' }, observed: 'node' };
    const other = await showLive(<Declared node="db01" />, { doc: makeAlertSite(), reply: (_, path) => (path.startsWith('declared') ? json({ declared: [check] }) : null) });
    expect(texts(other.root, 'li')).toEqual(['Depends onweb01, disk seen to its node, not to this service']);
  });

  it('is nothing where nobody did, or nobody can say', async () => {
    const { root } = await showLive(<Declared node="db01" />, { doc: makeAlertSite(), reply: (_, path) => (path.startsWith('declared') ? json({ declared: null }) : null) });
    expect(root.textContent).toBe('');
    expect(observedWords(undefined)).toBe('can’t be told: an end does not report');
  });

  it('is of now: the past does not know', async () => {
    const h = await showLive(<Declared node="db01" />, { doc: makeAlertSite(), hash: '#/nodes/db01?at=2026-11-23T05:00:00Z' });
    expect(h.asked.some((a) => a.includes('declared'))).toBe(false);
  });
});

describe('checks in the palette', () => {
  it('are found by host, name and node, the worst first, after nodes and services', () => {
    const hits = search(fromDocument(makeAlertSite()), [], 'db01', makeChecks());
    const kinds = hits.map((h) => h.kind);
    expect(kinds.indexOf('check')).toBeGreaterThan(kinds.indexOf('service'));
    expect(hits.filter((h) => h.kind === 'check').map((h) => h.title).slice(0, 2)).toEqual(['replication', 'memory']);
    expect(search(null, [], 'legacy host', makeChecks())).toEqual([]);
    expect(search(null, [], 'legacy', makeChecks()).map((h) => `${h.title} ${h.aside}`)).toEqual(['host legacy01']);
  });

  it('are asked for where what is open is not enough, and open in full', async () => {
    const fine = makeChecks().filter((c) => c.id === 'fine');
    const h = await show(<Palette actions={[]} />, { doc: makeAlertSite(), reply: (_, path) => (path.startsWith('checks?find=') ? json({ checks: fine }) : null) });
    h.app.sources.value = [makeSource()];
    h.app.dialog.value = 'search';
    await settle();
    await type(find(h.root, '.palette input'), 'fine');
    await vi.waitFor(() => expect(h.asked).toContain('GET checks?find=fine&limit=50'), 2_000);
    await settle();
    expect(find(h.root, '.hit').textContent).toBe('OKfinedb01');
    find(h.root, '.palette input').focus();
    await press('Enter');
    expect(h.hash()).toBe('#/chart?check=fine');
  });

  it('are not asked for where nothing is read, nor for one letter', async () => {
    const h = await show(<Palette actions={[]} />, { doc: makeAlertSite() });
    h.app.dialog.value = 'search';
    await settle();
    await type(find(h.root, '.palette input'), 'fine');
    h.app.sources.value = [makeSource()];
    await type(find(h.root, '.palette input'), 'f');
    await new Promise((done) => setTimeout(done, 250));
    expect(h.asked.some((a) => a.includes('checks'))).toBe(false);
  });
});

describe('the legend', () => {
  const legend = async (verdicts: readonly { status: Status; open_status: Status; status_stale?: boolean }[]): Promise<string[]> => {
    const doc = makeAlertSite();
    const calm = { status: 'OK', open_status: 'OK', status_stale: false } as const;
    const nodes = doc.nodes.map((n, i) => ({ ...n, ...calm, state: 'reporting' as const, ...verdicts[i] }));
    const topology = fromDocument({ ...doc, nodes, services: doc.services.map((s) => ({ ...s, ...calm })), connections: [] });
    const { root } = await showLive(<Legend topology={topology} />, { doc });
    return texts(root, '.legend li');
  };

  it('has the statuses that are open in the view, the worst first, and no other', async () => {
    expect(await legend([{ status: 'WARNING', open_status: 'WARNING' }])).toEqual(['WARNING']);
    clear();
    expect(await legend([{ status: 'WARNING', open_status: 'WARNING' }, { status: 'DOWN', open_status: 'DOWN' }, { status: 'UNKNOWN', open_status: 'UNKNOWN' }])).toEqual(['DOWN', 'UNKNOWN', 'WARNING']);
    clear();
    expect(await legend([])).toEqual([]);
  });

  it('has one sign for all that is taken care of, and one for what is told no more', async () => {
    expect(await legend([{ status: 'WARNING', open_status: 'OK' }, { status: 'CRITICAL', open_status: 'OK' }, { status: 'DOWN', open_status: 'NONE', status_stale: true }])).toEqual(['taken care of', 'no longer told']);
  });
});

describe('what comes later', () => {
  it('is shown when it is there, and at once from then on', async () => {
    let arrive: (c: () => preact.JSX.Element) => void = () => undefined;
    const Later = lazy(() => new Promise<() => preact.JSX.Element>((done) => (arrive = done)));
    const { root } = await show(<Later />);
    expect(root.textContent).toBe('');
    arrive(() => <b>there</b>);
    await settle();
    expect(root.textContent).toBe('there');
    clear();
    expect((await show(<Later />)).root.textContent).toBe('there');
  });

  it('and does not come says so, with what to do', async () => {
    vi.stubGlobal('fetch', (address: string) => Promise.resolve(new Response('', { status: address === '/assets/a.js' ? 502 : 404 })));
    const refused = (): ReturnType<typeof lazy> => lazy(() => Promise.reject<() => null>(new TypeError('Failed to fetch dynamically imported module: /assets/a.js')));
    const [One, Two] = [refused(), refused()];
    const { root } = await show(
      <>
        <Unloaded />
        <One />
        <Two />
      </>,
    );
    await settle();
    expect(texts(root, '[role="alert"]').length).toBe(1);
    expect(find(root, '[role="alert"]').textContent).toContain('HTTP 502 was the answer');
    expect(texts(root, '.unloaded').length).toBe(2);
    const reload = vi.fn();
    vi.stubGlobal('location', { reload });
    await click(root, 'button', 'Load the page anew');
    expect(reload).toHaveBeenCalled();
  });
});
