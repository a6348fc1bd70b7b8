import { afterEach, describe, expect, it } from 'vitest';
import type { ChartNode, RolesDocument, TopologyDocument } from '../api/types';
import { oneHostFixture } from '../fixtures';
import { fromDocument } from '../state/topology';
import { clear, click, find, json, press, showLive, texts, type } from '../testing/app';
import { Page } from '../views/Page';
import { membersLine } from './PoolPanel';

afterEach(clear);

const POOL = 'pool~1';
const MEMBERS = [1, 2, 3].map((n) => ({ name: `shop-app0${n}`, kind: 'host' as const, state: 'reporting' as const, status: n === 2 ? ('CRITICAL' as const) : ('UP' as const), ...(n === 2 ? { open_status: 'CRITICAL' as const } : {}) }));
const ROLES: RolesDocument = {
  pools: [
    { id: POOL, name: 'shop-app', members: MEMBERS.map((m) => m.name), group: 'group~1' },
    { id: 'pool~2', name: 'shop-web', members: ['shop-web01', 'shop-web02'], group: 'group~1' },
  ],
  groups: [{ id: 'group~1', name: 'shop', members: null }],
  choices: { names: null, pool: null, group: null, shared: null },
};

function pooled(layout: Partial<ChartNode['layout']> = {}): TopologyDocument {
  const doc = oneHostFixture();
  const host = doc.nodes.find((n) => n.this) as ChartNode;
  const pool: ChartNode = { ...host, name: POOL, kind: 'pool', this: false, title: 'shop-app', group: 'group~1', members: MEMBERS, status: 'CRITICAL', open_status: 'CRITICAL', rows: [], layout: { x: 40, y: 60, w: 180, h: 65, ...layout } };
  return { ...doc, level: 'pool', services: [], connections: [], pools: [pool], lanes: [{ id: 'group~1', title: 'shop', layout: { x: 0, y: 0, w: 400, h: 200 } }] };
}

/** As `pooled`, with the members in the pool's place. */
function expanded(): TopologyDocument {
  const { pools, ...doc } = pooled();
  const [pool] = pools as ChartNode[];
  const nodes = MEMBERS.map((m, i) => ({ ...(pool as ChartNode), ...m, members: undefined, title: undefined, pool: POOL, layout: { x: 40, y: 60 + i * 80, w: 140, h: 60 } }) as unknown as ChartNode);
  return { ...doc, nodes: [...doc.nodes, ...nodes], pools: [] };
}

/** What was changed, by method and path. */
async function open(doc: TopologyDocument, query = `&node=${encodeURIComponent(POOL)}`) {
  const sent: [string, unknown][] = [];
  const reply = (method: string, path: string, body: string): Response | null => {
    if (path.startsWith('topology')) return json(doc);
    if (path.startsWith('session')) return json({ user: 'op', role: 'operator', needed: false });
    if (path === 'roles' && method === 'GET') return json(ROLES);
    if (method === 'GET') return null;
    sent.push([`${method} ${path}`, JSON.parse(body || 'null')]);
    return path === 'roles' ? json(ROLES) : new Response(null, { status: 204 });
  };
  const harness = await showLive(<Page />, { doc, hash: `#/chart?level=pool${query}`, reply });
  await harness.app.session.check();
  await harness.go(harness.hash());
  return { ...harness, sent };
}

describe('the panel of a pool', () => {
  it('says who of it is in trouble, the worst first', async () => {
    const { root } = await open(pooled());
    expect(texts(root, '.panel h2')[0]).toContain('shop-app ×3');
    expect(find(root, '.panel p.ink2').textContent).toContain('1 of 3 in trouble.');
    expect(texts(root, '.panel .list .name')[0]).toBe('shop-app02');
  });

  it.each([
    [MEMBERS, '1 of 3 in trouble.'],
    [MEMBERS.filter((m) => m.status === 'UP'), '2 nodes, none in trouble.'],
    [[{ ...(MEMBERS[0] as (typeof MEMBERS)[number]), state: 'stale' as const }], '1 node does not report.'],
    [MEMBERS.map((m, i) => ({ ...m, state: (['left', 'rebooting', 'stopped'] as const)[i] ?? m.state })), '1 of 3 in trouble, 1 node does not report, 2 shut down.'],
  ])('puts its members in words', (members, words) => expect(membersLine(members)).toBe(words));

  it('expands in place, by button and by Space', async () => {
    const { root, hash } = await open(pooled());
    await click(root, '.panel button', 'Expand in place');
    expect(hash()).toContain('expand=pool~1');
    (document.activeElement as HTMLElement | null)?.blur();
    await press(' ');
    expect(hash()).not.toContain('expand=');
  });

  it('of an expanded pool is called by its name', async () => {
    const { root } = await open(expanded(), `&expand=${POOL}&node=${POOL}`);
    expect(texts(root, '.panel h2')[0]).toContain('shop-app ×3');
    expect(find(root, '.panel p.ink2').textContent).toMatch(/^Expanded pool, in shop/);
    expect(find(root, '.panel button', 'Fold into one box')).toBeTruthy();
  });
});

describe('the roles of a pool', () => {
  it('renames it', async () => {
    const { root, sent } = await open(pooled());
    await type(find(root, 'input[name="name"]'), 'front row');
    await click(root, '.role button', 'Rename');
    expect(sent).toEqual([['PATCH roles', { names: { [POOL]: 'front row' } }]]);
  });

  it('merges it into another, each member', async () => {
    const { root, sent } = await open(pooled());
    const select = find(root, '.role select') as HTMLSelectElement;
    select.value = 'pool~2';
    select.dispatchEvent(new Event('change', { bubbles: true }));
    await press('Shift');
    expect(sent).toEqual([['PATCH roles', { pool: { 'shop-app01': 'pool~2', 'shop-app02': 'pool~2', 'shop-app03': 'pool~2' } }]]);
  });

  it('says where its box was put, and lets it go', async () => {
    const { root, sent } = await open(pooled({ pinned: true }));
    expect(find(root, '.place').textContent).toContain('where somebody put it');
    await click(root, '.place button', 'Unpin');
    expect(sent).toEqual([['PATCH charts/pool', { pins: { [POOL]: null } }]]);
  });

  it('has nothing to let go where nobody put it', async () => {
    const { root } = await open(pooled());
    expect(texts(root, '.place button')).toEqual(['Move its box']);
  });

  it('moves its box by keys', async () => {
    const { root, sent, app } = await open(pooled());
    await click(root, '.place button', 'Move its box');
    (document.activeElement as HTMLElement | null)?.blur();
    app.chart.resize({ w: 1000, h: 700 });
    await press('ArrowRight');
    await press('ArrowDown', { shiftKey: true });
    await press('Enter');
    expect(sent).toEqual([['PATCH charts/pool', { pins: { [POOL]: { x: 60, y: 160 } } }]]);
    await press('ArrowRight');
    await press('Escape');
    await press('Enter');
    expect(sent).toHaveLength(1);
  });
});

describe('pools and groups in the table', () => {
  it('are listed with their nodes in trouble', async () => {
    const { root, go, hash } = await open(pooled(), '&table=pools');
    expect(texts(root, 'tbody tr').map((r) => r.replace(/\s/g, ''))).toEqual([expect.stringContaining('shopgroup'), expect.stringContaining('shop-apppoolshop31of3')]);
    await click(root, 'tbody tr', 'shop-app');
    expect(hash()).toContain(`node=${POOL}`);
    await go('#/chart?level=pool&table=pools&text=zzz');
    expect(texts(root, 'tbody tr')).toEqual([]);
    expect(find(root, '.filter-line').textContent).toContain('Nothing matches zzz.');
  });

  it('knows what is a box', () => expect(fromDocument(pooled()).nodes.get(POOL)?.kind).toBe('pool'));
});
