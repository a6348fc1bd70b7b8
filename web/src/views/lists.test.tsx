import { act } from 'preact/test-utils';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Connection, Service, TopologyDocument } from '../api/types';
import { makeSite, oneHostFixture } from '../fixtures';
import { type Harness, clear, click, find, json, press, settle, show, showLive, texts } from '../testing/app';
import { ChartView } from './Chart';
import { ServicesView } from './Lists';
import { NodeView } from './Node';
import { NodesView } from './Nodes';

afterEach(clear);

/** The cells of a column, by its title. */
function column(root: ParentNode, title: string): string[] {
  const at = texts(root, 'th').findIndex((t) => t.replace(/[↑↓]/, '').trim() === title);
  if (at < 0) throw new Error(`no column ${title}; there is ${texts(root, 'th').join(' | ')}`);
  return [...root.querySelectorAll('tbody tr')].map((tr) => (tr.children[at]?.textContent ?? '').trim());
}

function sortedBy(root: ParentNode): string {
  const head = root.querySelector('th[aria-sort]');
  return `${head?.textContent.replace(/[↑↓]/, '') ?? ''} ${head?.getAttribute('aria-sort') ?? ''}`;
}

/** The first row has the focus. */
function focusRow(h: Harness): void {
  find(h.root, 'tbody tr[tabindex="0"]').focus();
}

describe('the services', () => {
  it('are all there, with what is open now', async () => {
    const { root } = await showLive(<ServicesView />, { hash: '#/services?each' });
    expect(find(root, '.headline').textContent).toContain('12 services, also those hidden on the chart');
    expect(column(root, 'Process')).toContain('gunicorn');
    const gunicorn = column(root, 'Process').indexOf('gunicorn');
    expect(column(root, 'Open')[gunicorn]).toBe('24');
    expect(column(root, 'Port')[gunicorn]).toBe(':8000');
  });

  it('sort by process first, those without a name and then those gone last', async () => {
    const { root } = await showLive(<ServicesView />, { hash: '#/services?each' });
    expect(sortedBy(root)).toBe('Process ascending');
    expect(column(root, 'Process').slice(-2)).toEqual(['does not report', 'statsd']);
    const nginx = column(root, 'Port').filter((_, i) => column(root, 'Process')[i] === 'nginx');
    expect(nginx).toEqual([':80', ':443']);
  });

  it('sort by what is open from the most, then from the least', async () => {
    const { root } = await showLive(<ServicesView />, { hash: '#/services?each' });
    await click(root, 'th button', 'Open');
    const most = column(root, 'Open').map(Number).slice(0, -1);
    expect(column(root, 'Process').at(-1)).toBe('statsd');
    expect(most).toEqual([...most].sort((a, b) => b - a));
    await click(root, 'th button', 'Open');
    expect(column(root, 'Open').map(Number).slice(0, -1)).toEqual([...most].reverse());
    expect(column(root, 'Process').at(-1)).toBe('statsd');
    expect(sortedBy(root)).toBe('Open ascending');
  });

  it('sort ports as numbers', async () => {
    const { root } = await showLive(<ServicesView />, { hash: '#/services?each' });
    await click(root, 'th button', 'Port');
    const ports = column(root, 'Port').map((p) => Number(p.replace(/\D/g, ''))).slice(0, -1);
    expect(column(root, 'Process').at(-1)).toBe('statsd');
    expect(ports).toEqual([...ports].sort((a, b) => a - b));
  });

  it('open on the chart with Enter, or on the node’s page when hidden there', async () => {
    const h = await showLive(<ServicesView />, { hash: '#/services?each' });
    focusRow(h);
    await press('ArrowDown');
    await press('Enter');
    expect(h.hash()).toMatch(/^#\/chart\?service=vm~/);
    const extra: Service = { ...(oneHostFixture().services[0] as Service), id: 'vm~tcp~9', port: 9, process: 'aaa' };
    clear();
    const hidden = await showLive(<ServicesView />, {
      hash: '#/services?each',
      reply: (_, path) => (path === 'services' ? json({ services: [extra] }) : null),
    });
    focusRow(hidden);
    await press('Enter');
    expect(hidden.hash()).toBe('#/nodes/vm');
  });

  it('walk with Home, End and page keys, and stay inside', async () => {
    const h = await showLive(<ServicesView />, { hash: '#/services?each' });
    const rows = [...h.root.querySelectorAll('tbody tr')];
    const at = (): number => rows.indexOf(document.activeElement as Element);
    focusRow(h);
    for (const [key, to] of [['ArrowUp', 0], ['End', 11], ['ArrowDown', 11], ['PageUp', 1], ['Home', 0], ['PageDown', 10]] as const) {
      await press(key);
      expect([key, at()]).toEqual([key, to]);
    }
    expect(h.root.querySelectorAll('tbody tr[tabindex="0"]')).toHaveLength(1);
  });

  it('that are gone are struck through and have a shape for it', async () => {
    const { root } = await showLive(<ServicesView />, { hash: '#/services?each' });
    const row = find(root, 'tbody tr', 'statsd');
    expect(row.querySelector('.gone')?.textContent).toBe('statsd');
    expect(row.querySelector('svg')?.getAttribute('aria-label')).toBe('stopped listening');
  });

  it('say what went wrong and try again', async () => {
    let fail = true;
    const problem = { title: 'store is closed', status: 503, detail: 'bolt: database not open' };
    const h = await showLive(<ServicesView />, { reply: (_, path) => (path === 'services' && fail ? json(problem, 503) : null) });
    expect(find(h.root, '[role="alert"]').textContent).toContain('Store is closed');
    expect(find(h.root, '[role="alert"] code').textContent).toBe('bolt: database not open');
    fail = false;
    await click(h.root, 'button', 'Try again');
    expect(h.root.querySelector('[role="alert"]')).toBeNull();
    expect(column(h.root, 'Process')).toContain('gunicorn');
  });

  it('say so when there are none', async () => {
    const { root } = await showLive(<ServicesView />, { reply: (_, path) => (path === 'services' ? json({ services: [] }) : null) });
    expect(root.textContent).toContain('No service is known yet.');
  });
});

describe('the nodes', () => {
  it('say how many report, and of each how it does', async () => {
    const { root } = await showLive(<NodesView />);
    expect(find(root, '.headline').textContent).toContain('Nodes4 nodes: 1 reports, 3 never reported');
    const vm = column(root, 'Node').findIndex((n) => n.startsWith('vm'));
    expect(column(root, 'State')[vm]).toBe('reports');
    expect(column(root, 'Reports by')[vm]).toBe('agent 0.1.0');
    expect(column(root, 'Services')[vm]).toBe('9');
    expect(column(root, 'Addresses')[vm]).toBe('192.0.2.2, fd00::1');
    expect(column(root, 'Last report')[vm]).toBe('now');
  });

  it('sort names as people count, and open a page', async () => {
    const h = await showLive(<NodesView />, { doc: makeSite(60) });
    await click(h.root, 'th button', 'Node');
    const names = column(h.root, 'Node');
    expect(names.indexOf('app02')).toBeLessThan(names.indexOf('app10'));
    focusRow(h);
    await press('Enter');
    expect(h.hash()).toBe('#/nodes/app01');
  });

  it('that never reported come after those that do', async () => {
    const { root } = await showLive(<NodesView />);
    expect(sortedBy(root)).toBe('State ascending');
    expect(column(root, 'Last report')[0]).toBe('now');
    expect(column(root, 'State').slice(-2)).toEqual(['never reported', 'everything else']);
  });
});

describe('the page of a node', () => {
  it('has its facts, services and connections', async () => {
    const { root } = await showLive(<NodeView name="vm" />, { hash: '#/nodes/vm' });
    const strip = find(root, '.strip').textContent;
    for (const words of ['192.0.2.2, fd00::1', 'now, every 10 s', '0.1.0', '3.1 ms per scan of 120 sockets, 14 MiB']) expect(strip).toContain(words);
    expect(texts(root, '.section-head')).toEqual(['Sockets98 open', 'Services9', 'Connections11', 'Who used it in the last 30 days']);
    expect(column(find(root, 'table[aria-label="Services of vm"]'), 'Open')).toContain('24');
  });

  it('tells what comes in from what goes out and what stays inside', async () => {
    const { root } = await showLive(<NodeView name="vm" />);
    const table = find(root, 'table[aria-label="Connections of vm"]');
    const ways = column(table, 'Way');
    expect(ways.filter((w) => w === 'in')).toHaveLength(3);
    expect(ways.filter((w) => w === 'inside')).toHaveLength(4);
    expect(ways.filter((w) => w === 'out')).toHaveLength(4);
    expect(texts(root, '.flow-head h3').filter((t) => t.trim())).toEqual(['Connects in', 'Services of vm', 'Connects to']);
    expect(find(root, '.flow').textContent).toContain('43 open, 1 node');
  });

  it('draws peers that never reported dashed, and links them', async () => {
    const { root } = await showLive(<NodeView name="vm" />);
    const peer = find(root, 'a.peer', '10.20.4.31');
    expect(peer.classList.contains('dashed')).toBe(true);
    expect(peer.getAttribute('href')).toBe('#/nodes/10.20.4.31');
    expect(find(root, 'a.peer', 'Internet').classList.contains('dashed')).toBe(false);
    expect(find(root, 'a.peer', '10.20.9.7').textContent).toContain('old');
  });

  it('has its services by port, those that are gone last', async () => {
    const { root } = await showLive(<NodeView name="vm" />);
    const ports = texts(root, '.hub-row .mono').map((p) => p.replace(/^udp /, '')).filter((p) => p !== 'client').map((p) => Number(p.slice(1)));
    expect(ports.slice(0, -1)).toEqual([...ports.slice(0, -1)].sort((a, b) => a - b));
    expect(root.querySelectorAll('.hub-row .gone')).toHaveLength(1);
    expect(texts(root, '.hub-row').filter((r) => !r.endsWith('client')).at(-1)).toContain('statsd');
  });

  it('of one that does not report says so for its nameless services', async () => {
    const { root } = await showLive(<NodeView name="10.20.4.31" />);
    expect(find(root, '.hub-row').textContent).toContain('does not report');
    expect(root.textContent).not.toMatch(/name hidden|not known|yet/);
  });

  it('says that process names are hidden', async () => {
    const doc = oneHostFixture();
    const services = doc.services.map((s) => (s.port === 8000 ? { ...s, process: '' } : s));
    const { root } = await showLive(<NodeView name="vm" />, { doc: { ...doc, services } });
    expect(texts(root, '.hub-row')).toContain('no checkname hidden:8000');
  });

  it('shows twelve peers and counts the others', async () => {
    const doc = oneHostFixture();
    const many = Array.from({ length: 20 }, (_, i) => ({ ...(doc.connections[0] as Connection), id: `x${i}` }));
    const { root } = await showLive(<NodeView name="vm" />, { doc: { ...doc, connections: many } });
    expect(root.querySelectorAll('a.peer')).toHaveLength(12);
    expect(find(root, '.peer.more').textContent).toBe('+ 8 in the table below');
  });

  it('leads to the chart', async () => {
    const h = await showLive(<NodeView name="vm" />, { hash: '#/nodes/vm' });
    await click(h.root, 'button', 'Show on chart');
    expect(h.hash()).toBe('#/chart?node=vm');
  });

  it('says when there is no such node', async () => {
    const { root } = await showLive(<NodeView name="nobody" />);
    const alert = find(root, '[role="alert"]');
    expect(find(alert, 'h2').textContent).toBe('No node is named nobody.');
    expect(find(alert, 'a').getAttribute('href')).toBe('#/nodes');
    expect(alert.querySelector('button')).toBeNull();
    expect(root.querySelector('.strip')).toBeNull();
  });

  it('escapes the name in the request', async () => {
    const { asked } = await showLive(<NodeView name="a/b c" />);
    expect(asked).toContain('GET nodes/a%2Fb%20c');
  });
});

describe('the tables of the chart', () => {
  async function twin(hash: string, doc?: TopologyDocument): Promise<Harness> {
    const h = await showLive(<ChartView />, { hash, ...(doc ? { doc } : {}) });
    // Its code comes when it is asked for.
    await vi.waitFor(() => expect(h.root.querySelector('[aria-label="Table"]')).not.toBeNull(), 10_000);
    return h;
  }

  it('are three, with how much is in each', async () => {
    const h = await twin('#/chart?table');
    expect(texts(h.root, '[aria-label="Table"] button')).toEqual(['Connections 11', 'Services 12', 'Pools and groups 0']);
    expect(sortedBy(h.root)).toBe('Open descending');
    await click(h.root, '[aria-label="Table"] button', 'Services');
    expect(h.hash()).toBe('#/chart?table=services');
    expect(column(h.root, 'Process')[0]).toBe('nginx');
    expect(column(h.root, 'Open')[0]).toBe('38');
  });

  it('show direction only where it is known', async () => {
    const { root } = await twin('#/chart?table');
    const row = (words: string): string => find(root, 'tbody tr', words).textContent;
    expect(row('icinga2')).toContain('→ 10.20.9.7');
    expect(row('dnsmasq')).toContain('— 10.20.0.53');
    expect(row('icinga2')).toContain('old');
  });

  it('head each connection with its ends and its count, for narrow screens', async () => {
    const { root } = await twin('#/chart?table');
    expect(find(root, 'tbody tr', 'postgres').querySelector('td.narrow')?.textContent.replace(/\s+/g, ' ')).toBe('gunicorn → vm:5432 12');
  });

  it('say that a client’s name is hidden only where its own node reports it', async () => {
    const doc = oneHostFixture();
    const nameless = doc.connections.map((c) => ({ ...c, client: { ...c.client, process: '' } }));
    const { root } = await twin('#/chart?table', { ...doc, connections: nameless });
    const [from, process] = [column(root, 'Client'), column(root, 'Process')];
    expect(process[from.indexOf('vm')]).toBe('name hidden');
    expect(process[from.indexOf('Internet')]).toBe('');
  });

  it('select in the panel beside them', async () => {
    const h = await twin('#/chart?table=services');
    focusRow(h);
    await press('Enter');
    expect(h.app.route.value.selection?.kind).toBe('service');
    expect(h.app.route.value.table).toBe('services');
    expect(h.root.querySelector('tr[aria-selected="true"]')).not.toBeNull();
    expect(find(h.root, 'aside').getAttribute('aria-label')).toBe('Selection');
  });

  it('keep a row’s focus when a delta comes', async () => {
    const h = await twin('#/chart?table');
    focusRow(h);
    await press('ArrowDown');
    const focused = document.activeElement?.textContent;
    const [first] = oneHostFixture().connections;
    void act(() => h.sources[0]?.send('delta', { from: 'k3f9zq-1', revision: 'k3f9zq-2', at: '2026-11-23T05:31:00Z', connections: [{ ...first, opened: 300 }] }));
    await settle();
    expect(document.activeElement?.textContent).toBe(focused);
  });

  it('say why there are no services in a chart of nodes', async () => {
    const doc = { ...oneHostFixture(), level: 'node' as const, services: [] };
    const { root } = await twin('#/chart?level=node&table=services', doc);
    expect(root.textContent).toContain('A chart of nodes shows no services.');
  });

  it('wait for the topology, and say why it does not come', async () => {
    const problem = { title: 'forbidden', status: 403, detail: 'host header is not loopback' };
    const h = await show(<ChartView />, { hash: '#/chart?table', reply: (_, path) => (path.startsWith('topology') ? json(problem, 403) : null) });
    expect(find(h.root, '.outline').getAttribute('aria-label')).toBe('Loading');
    void act(() => h.app.feed.watch('service', []));
    await settle();
    expect(find(h.root, '[role="alert"]').textContent).toContain('Forbidden');
    expect(find(h.root, '[role="alert"] code').textContent).toBe('host header is not loopback');
  });
});
