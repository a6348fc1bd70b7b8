import { act } from 'preact/test-utils';
import { afterEach, describe, expect, it } from 'vitest';
import type { Connection, Health, Service, TopologyDocument } from '../api/types';
import { containersFixture, makeIllSite, makeSite, oneHostFixture } from '../fixtures';
import { type Harness, clear, find, settle, showLive, texts } from '../testing/app';
import { SidePanel } from './SidePanel';

afterEach(clear);

const AT = '2026-11-23T05:30:00Z';

function panel(hash: string, doc?: TopologyDocument): Promise<Harness> {
  return showLive(<SidePanel />, { hash, ...(doc ? { doc } : {}) });
}

function facts(root: ParentNode): Record<string, string> {
  const names = texts(root, '.facts dt');
  const values = texts(root, '.facts dd');
  return Object.fromEntries(names.map((n, i) => [n, values[i] ?? '']));
}

/** The fixture with another health of its connection c8, and other fields of it. */
function withHealth(health: Partial<Health> | null, change: Partial<Connection> = {}): TopologyDocument {
  const doc = oneHostFixture();
  const connections = doc.connections.map((c) => {
    if (c.id !== 'c8') return c;
    const bare = { ...c };
    delete bare.health;
    return { ...bare, ...change, ...(health ? { health: { end: 'client' as const, ...health } } : {}) };
  });
  return { ...doc, connections };
}

const C8 = '#/chart?connection=c8';

/** Sends a delta with other fields of one connection or service. */
async function change(h: Harness, of: 'connections' | 'services', id: string, fields: Partial<Connection> | Partial<Service>): Promise<void> {
  const topology = h.app.feed.topology.value;
  if (!topology) throw new Error('nothing was read');
  const thing = { ...(of === 'services' ? topology.services : topology.connections).get(id), ...fields };
  void act(() => h.sources.at(-1)?.send('delta', { from: topology.revision, revision: `${topology.revision}+`, at: AT, [of]: [thing] }));
  await settle();
}

describe('the health of a selected connection', () => {
  it('says how long a round trip takes, what runs each way, and who measured', async () => {
    const { root } = await panel(C8);
    expect(texts(root, '.section-head')).toContain('Healthmeasured at the client’s end');
    const health = find(root, 'section', 'Health');
    expect(facts(health)).toEqual({ 'Round trip': '0.31 ms ± 0.1', Rate: '▲ 1.2 MB/s to 10.20.4.31▼ 340 B/s back to vm' });
    expect(health.querySelector('.signal')).toBeNull();
    expect(texts(health, '[aria-hidden]')).toEqual(['▲', '▼']);
  });

  it('says nothing where nothing is known', async () => {
    const { root } = await panel(C8, withHealth(null));
    expect(root.textContent).not.toMatch(/Health|Round trip|undefined|NaN/);
  });

  it('leaves out each figure that is not there', async () => {
    const { root } = await panel(C8, withHealth({ end: 'server' }));
    expect(find(root, 'section', 'Health').textContent).toBe('Healthmeasured at the server’s end');
    clear();
    const rtt = await panel(C8, withHealth({ rtt_us: 12 }));
    expect(facts(find(rtt.root, 'section', 'Health'))).toEqual({ 'Round trip': '12 µs' });
    clear();
    const one = await panel(C8, withHealth({ received_bytes_per_second: 1500 }));
    expect(facts(find(one.root, 'section', 'Health'))).toEqual({ Rate: '▲ 0 B/s to 10.20.4.31▼ 1.5 kB/s back to vm' });
  });

  it.each([
    [0, undefined, false],
    [0.004, '0.4 % of what is sent', false],
    [0.01, '1 % of what is sent', true],
    [0.2, '20 % of what is sent', true],
  ])('with %d sent again says %s, as trouble: %s', async (retransmit_ratio, text, coloured) => {
    const { root } = await panel(C8, withHealth({ rtt_us: 12, retransmit_ratio }));
    expect(facts(root)['Retransmits']).toBe(text);
    expect(root.querySelector('dd .warning-text svg') !== null).toBe(coloured);
  });

  it('says how many attempts wait, since when and for how long', async () => {
    const h = await panel(C8, withHealth({ connecting: 3, connecting_since: '2026-11-23T05:28:00Z' }));
    void act(() => void (h.app.prefs.utc.value = true));
    await settle();
    const line = find(h.root, '.signal');
    expect(line.textContent).toMatch(/^3 attempts wait for an answer, since 0?5:28.* UTC \(2 min\)\.$/);
    expect(line.classList.contains('critical-text')).toBe(true);
    expect(line.querySelector('svg')?.getAttribute('aria-hidden')).toBe('true');
    expect(find(line, 'time').title).toMatch(/Nov 23, 2026, 5:28:00.*UTC/);
  });

  it('is not alarmed by an attempt that has just begun, until it waits too long', async () => {
    const h = await panel(C8, withHealth({ connecting: 1, connecting_since: '2026-11-23T05:29:58Z' }));
    expect(find(h.root, '.signal').classList.contains('warning-text')).toBe(true);
    h.now('2026-11-23T05:30:02Z');
    await settle();
    expect(find(h.root, '.signal').textContent).toMatch(/^1 attempt waits for an answer, since .* \(4 s\)\.$/);
    expect(find(h.root, '.signal').classList.contains('critical-text')).toBe(true);
  });

  it('says which process left connections open', async () => {
    const { root } = await panel(C8, withHealth({ close_wait: 5, close_wait_since: '2026-11-22T05:30:00Z' }));
    expect(find(root, '.signal.warning-text').textContent).toMatch(/^5 connections closed by the other end, not by gunicorn, since Nov 2\d, 2026, .*\(24 h\)\.$/);
    clear();
    const since = await panel(C8, withHealth({ close_wait: 1 }));
    expect(find(since.root, '.signal').textContent).toBe('1 connection closed by the other end, not by gunicorn.');
  });

  it('counts attempts that came to nothing, without any measure too', async () => {
    const { root } = await panel(C8, withHealth(null, { refused: 12, timed_out: 1, failed: 3 }));
    const lines = texts(root, '.signal').map((t) => t.replace(/ since.*/, ''));
    expect(lines).toEqual(['Refused 12 attempts', 'Timed out 1 attempt', 'Failed 3 attempts']);
    expect(root.querySelector('.critical-text')).toBeNull();
    expect(texts(root, '.section-head')).toContain('Health');
  });

  it('turns critical when they go on', async () => {
    const h = await panel(C8, withHealth(null, { refused: 12 }));
    await change(h, 'connections', 'c8', { refused: 14 });
    expect(texts(h.root, '.critical-text')[0]).toMatch(/^Refused 14 attempts since/);
    h.now('2026-11-23T05:31:00Z');
    await settle();
    expect(h.root.querySelector('.critical-text')).toBeNull();
  });
});

describe('what an end runs in', () => {
  it('is said under its node, without a container that is the node itself', async () => {
    const { root } = await panel('#/chart?connection=k4', containersFixture());
    expect(facts(root)).toMatchObject({ From: 'shop01/shop-web', To: 'db01postgresql@17-main.service' });
    clear();
    const shared = containersFixture();
    const connections = shared.connections.map((c) => ({ ...c, client: { ...c.client, node: 'shop01', container: 'sidecar' } }));
    const h = await panel('#/chart?connection=k4', { ...shared, connections });
    expect(facts(h.root)['From']).toBe('shop01sidecar');
  });
});

describe('a selected service', () => {
  const PUMA = '#/chart?service=shop01%2Fshop-web~tcp~9292~0.0.0.0';
  const puma = (fields: Partial<Service>): TopologyDocument => {
    const doc = containersFixture();
    return { ...doc, services: doc.services.map((s) => (s.process === 'puma' ? { ...s, ...fields } : s)) };
  };

  it('says what it runs in', async () => {
    const { root } = await panel(PUMA, puma({ pod: 'shop/web-1', unit: 'docker.service' }));
    expect(facts(root)).toMatchObject({
      Process: 'puma', User: 'root', Unit: 'docker.service', Container: 'shop-webregistry.example.net/shop/web:2026.11', Pod: 'shop/web-1',
    });
  });

  it('leaves out what it has not', async () => {
    const { root } = await panel('#/chart?service=10.20.4.31~tcp~6379~10.20.4.31');
    for (const name of ['Process', 'User', 'Unit', 'Container', 'Pod', 'Accept queue', 'Turned away']) expect(facts(root)[name]).toBeUndefined();
    expect(root.querySelector('.signal')).toBeNull();
  });

  it.each([
    [0, undefined, 'no check'],
    [4, '4 of 128 wait', 'no check'],
    [128, '128 of 128 wait', 'no check'],
    [129, '129 of 128 wait', 'trouble seen in the sockets'],
  ])('with %d waiting says %s, and shows %s', async (queue, text, sign) => {
    const { root } = await panel(PUMA, puma({ queue, drops: 0 }));
    expect(facts(root)['Accept queue']).toBe(text);
    expect(find(root, '.panel-title').querySelector('svg')?.getAttribute('aria-label')).toBe(sign);
    expect(texts(root, 'section:first-child .signal')).toEqual(queue > 128 ? ['The accept queue is full: 129 of 128 wait.'] : []);
  });

  it('says how many were turned away, as trouble while it goes on', async () => {
    const h = await panel(PUMA, puma({ queue: 0, drops: 17 }));
    expect(facts(h.root)['Turned away']).toMatch(/^17 connections since Nov 20, 2026/);
    expect(h.root.querySelector('section:first-child .signal')).toBeNull();
    await change(h, 'services', 'shop01/shop-web~tcp~9292~0.0.0.0', { drops: 34 });
    expect(texts(h.root, 'section:first-child .signal')).toEqual(['17 turned away, the last seen now.']);
    expect(facts(h.root)['Turned away']).toMatch(/^34 connections/);
  });

  it('says of its clients which are in trouble', async () => {
    const { root } = await panel(PUMA, containersFixture());
    const clients = find(root, 'section', 'Clients');
    expect(find(clients, 'li').textContent).toContain('3 unanswered');
    expect(find(clients, '.signal').title).toBe('3 attempts wait for an answer, for 2 min');
  });
});

describe('a selected node', () => {
  it('that is a container names its host, and links it', async () => {
    const { root } = await panel('#/chart?node=shop01%2Fworker', containersFixture());
    expect(find(root, 'h2').textContent).toBe('worker');
    expect(find(root, 'section').textContent).toContain('Container on shop01, reports.');
    expect(find(root, 'a', 'shop01').getAttribute('href')).toBe('#/chart?node=shop01');
  });

  it('that is a host lists its containers, eight and the rest', async () => {
    const { root } = await panel('#/chart?node=shop01', containersFixture());
    expect(texts(find(root, 'section', 'Containers'), 'li')).toEqual(['shop-cache172.17.0.3', 'shop-web172.17.0.2', 'worker172.17.0.4']);
    expect(find(root, '.list a', 'shop-web').getAttribute('href')).toBe('#/chart?node=shop01%2Fshop-web');
    clear();
    const doc = containersFixture();
    const some = doc.nodes.find((n) => n.kind === 'container');
    if (!some) throw new Error('the fixture has no container');
    const many = Array.from({ length: 10 }, (_, i) => ({ ...some, name: `db01/c${i}` }));
    const h = await panel('#/chart?node=db01', { ...doc, nodes: [...doc.nodes, ...many] });
    expect(find(h.root, 'section', 'Containers').textContent).toContain('and 2 more');
  });

  it('that has none has no such list', async () => {
    const { root } = await panel('#/chart?node=vm');
    expect(root.textContent).not.toContain('Containers');
  });

  it('shows which of its services and connections are in trouble', async () => {
    const { root } = await panel('#/chart?node=shop01%2Fshop-web', containersFixture());
    expect(find(root, '.list a', 'puma').querySelector('svg')?.getAttribute('aria-label')).toBe('trouble seen in the sockets');
    expect(texts(root, '.list .signal')).toEqual(['3 unanswered', '7.8 % resent', '14 not closed']);
  });
});

describe('the legend', () => {
  const words = async (doc: TopologyDocument): Promise<string[]> => texts((await panel('#/chart', doc)).root, '.legend li');

  it('has trouble and containers only where there are some', async () => {
    expect(await words(containersFixture())).toEqual(expect.arrayContaining(['failing', 'strained', 'signal', 'container']));
    clear();
    expect(await words(makeIllSite(60))).toEqual(expect.arrayContaining(['failing', 'strained']));
    clear();
    const quiet = await words(makeSite(60));
    for (const word of ['failing', 'strained', 'signal', 'container']) expect(quiet).not.toContain(word);
  });

  it('has failing as soon as an attempt waits too long', async () => {
    const h = await panel('#/chart', withHealth({ connecting: 1, connecting_since: '2026-11-23T05:29:58Z' }));
    expect(texts(h.root, '.legend li')).not.toContain('failing');
    h.now('2026-11-23T05:30:02Z');
    await settle();
    expect(texts(h.root, '.legend li')).toContain('failing');
  });
});
