import { afterEach, describe, expect, it } from 'vitest';
import type { Connection, TopologyDocument } from '../api/types';
import { containersFixture, oneHostFixture } from '../fixtures';
import { clear, click, find, showLive, texts } from '../testing/app';
import { ChartView } from './Chart';
import { NodeView } from './Node';
import { ServicesView } from './Lists';

afterEach(clear);

const show = (name: string, doc: TopologyDocument = containersFixture()) => showLive(<NodeView name={name} />, { doc, hash: `#/nodes/${encodeURIComponent(name)}` });

/** The cells of a column, by its title. */
function column(root: ParentNode, title: string): string[] {
  const at = texts(root, 'th').findIndex((t) => t.replace(/[↑↓]/, '').trim() === title);
  if (at < 0) throw new Error(`no column ${title}; there is ${texts(root, 'th').join(' | ')}`);
  return [...root.querySelectorAll('tbody tr')].map((tr) => (tr.children[at]?.textContent ?? '').trim());
}

describe('the page of a host', () => {
  it('lists its containers with image, address and services, and links them', async () => {
    const { root } = await show('shop01');
    const table = find(root, 'table[aria-label="Containers"]');
    expect(column(table, 'Container')).toEqual(['shop-cache', 'shop-web', 'worker']);
    expect(column(table, 'Image')).toEqual(['redis:8.4', 'registry.example.net/shop/web:2026.11', 'registry.example.net/shop/worker:2026.11']);
    expect(column(table, 'Address')).toEqual(['172.17.0.3', '172.17.0.2', '172.17.0.4']);
    expect(column(table, 'Services')).toEqual(['1', '1', '1']);
    expect(find(table, 'a', 'shop-web').getAttribute('href')).toBe('#/nodes/shop01%2Fshop-web');
    expect(table.querySelectorAll('svg.icon')).toHaveLength(3);
  });

  it('has no column for images that nobody knows', async () => {
    const doc = containersFixture();
    const services = doc.services.map((s) => ({ ...s, image: '' }));
    const { root } = await show('shop01', { ...doc, services });
    expect(texts(find(root, 'table[aria-label="Containers"]'), 'th')).toEqual(['Container', 'Address', 'Services']);
  });

  it('says where calls are sent, and to which container', async () => {
    const { root } = await show('shop01');
    const table = find(root, 'table[aria-label="Address translation"]');
    expect(texts(table, 'tbody tr')).toEqual([
      '10.30.0.11:8080/tcp→ 172.17.0.2:9292shop-web',
      '10.30.0.11:6379/tcp→ 172.17.0.3:6379shop-cache',
      '[fd00:30::11]:5353/udp→ [fd00:172::9]:53',
    ]);
    expect(find(table, 'a', 'shop-cache').getAttribute('href')).toBe('#/nodes/shop01%2Fshop-cache');
  });

  it('finds the container of an IPv6 address', async () => {
    const doc = containersFixture();
    const nodes = doc.nodes.map((n) => (n.name === 'shop01/worker' ? { ...n, addresses: ['fd00:172::9'] } : n));
    const { root } = await show('shop01', { ...doc, nodes });
    expect(column(find(root, 'table[aria-label="Address translation"]'), 'Container')).toEqual(['shop-web', 'shop-cache', 'worker']);
  });

  it('has neither where there is none', async () => {
    const { root } = await show('vm', oneHostFixture());
    expect(root.querySelector('table[aria-label="Containers"]')).toBeNull();
    expect(root.querySelector('table[aria-label="Address translation"]')).toBeNull();
    clear();
    const doc = oneHostFixture();
    const h = await show('vm', { ...doc, nodes: doc.nodes.map((n) => ({ ...n, forwards: null })) });
    expect(h.root.querySelector('table[aria-label="Address translation"]')).toBeNull();
  });

  it('draws what is in trouble with ticks, and says what it is', async () => {
    const { root } = await show('shop01');
    expect(root.querySelectorAll('.wires path.failing')).toHaveLength(2);
    expect(root.querySelectorAll('.wires path.ticks.failing')).toHaveLength(1);
    expect(root.querySelectorAll('.tip.failing')).toHaveLength(1);
    const peer = find(root, 'a.peer', 'shop-web');
    expect(peer.title).toBe('shop01/shop-web puma :9292\n3 attempts wait for an answer, for 2 min');
    expect(peer.querySelector('svg')?.getAttribute('aria-label')).toBe('trouble seen in the sockets');
  });

  it('draws none in a healthy one', async () => {
    const { root } = await show('vm', oneHostFixture());
    expect(root.querySelectorAll('.wires .failing, .wires .strained, .wires .ticks')).toHaveLength(0);
  });
});

describe('the page of a container', () => {
  it('has its own name, its host as a link, image and pod', async () => {
    const { root } = await show('shop01/worker');
    expect(find(root, 'h1').textContent).toBe('worker');
    expect(texts(root, '.headline')[1]).toContain('container, reports');
    expect(find(root, '.strip a').getAttribute('href')).toBe('#/nodes/shop01');
    expect(texts(root, '.strip > div').slice(0, 3)).toEqual([
      'Hostshop01', 'Imageregistry.example.net/shop/worker:2026.11', 'Podshop/worker-7c9d5b8f6-x2v8q',
    ]);
  });

  it('leaves out an image and a pod that nobody knows', async () => {
    const doc = containersFixture();
    const { root } = await show('shop01/worker', { ...doc, services: doc.services.filter((s) => s.node !== 'shop01/worker') });
    expect(texts(root, '.strip dt')).not.toEqual(expect.arrayContaining(['Image']));
    expect(texts(root, '.strip dt')).not.toEqual(expect.arrayContaining(['Pod']));
    expect(texts(root, '.strip dt')[0]).toBe('Host');
  });
});

describe('the tables', () => {
  const connections = () => showLive(<ChartView />, { doc: containersFixture(), hash: '#/chart?table' });

  it('of connections say what a client runs in, and what is measured', async () => {
    const { root } = await connections();
    const at = column(root, 'Client').indexOf('Internet');
    expect(column(root, 'Round trip')[at]).toBe('21 ms');
    expect(column(root, 'Rate')[at]).toBe('▲ 18 kB/s ▼ 1.4 MB/s');
    expect(column(root, 'Resent')[at]).toBe('1.3 %');
    expect(column(root, 'Unit or container')).toEqual(expect.arrayContaining(['worker, kubelet.service', 'nginx.service', 'shop-web']));
  });

  it('leave cells empty where nothing is measured', async () => {
    const { root } = await connections();
    const at = column(root, 'Client').indexOf('shop01/worker');
    for (const title of ['Round trip', 'Rate', 'Resent', 'Trouble']) expect([title, column(root, title)[at]]).toEqual([title, '']);
    expect(root.textContent).not.toMatch(/undefined|NaN/);
  });

  it.each([
    ['Round trip', ['21 ms', '0.31 ms', '48 µs', '36 µs', '']],
    ['Resent', ['7.8 %', '1.3 %', '', '', '']],
    ['Trouble', ['3 unanswered', '14 not closed', '7.8 % resent', '', '']],
  ])('sort by %s, the most first', async (title, cells) => {
    const { root } = await connections();
    await click(root, 'th button', title);
    const sorted = column(root, title);
    expect([...sorted].sort()).toEqual([...cells].sort());
    expect(sorted[0]).toBe(cells[0]);
    expect(sorted.slice(-2)).toEqual(cells.slice(-2));
  });

  it('sort rates by both directions together', async () => {
    const { root } = await connections();
    await click(root, 'th button', 'Rate');
    expect(column(root, 'Rate').slice(0, 3)).toEqual(['▲ 18 kB/s ▼ 1.4 MB/s', '▲ 96 kB/s ▼ 1.2 MB/s', '']);
  });

  it('count several troubles of one, and tell all of them', async () => {
    const doc = containersFixture();
    const worse = (c: Connection): Connection => (c.id === 'k2' && c.health ? { ...c, health: { ...c.health, retransmit_ratio: 0.3 } } : c);
    const { root } = await showLive(<ChartView />, { doc: { ...doc, connections: doc.connections.map(worse) }, hash: '#/chart?table' });
    const cell = find(root, 'td .signal', '3 unanswered');
    expect(cell.textContent).toBe('3 unanswered + 1');
    expect(cell.title).toBe('3 attempts wait for an answer, for 2 min\n30 % of what is sent is sent again');
  });

  it('of services say what they run in and what is wrong', async () => {
    const { root } = await showLive(<ServicesView />, { hash: '#/services?each', doc: containersFixture() });
    const at = column(root, 'Process').indexOf('puma');
    expect(column(root, 'Unit or container')[at]).toBe('shop-web');
    expect(column(root, 'Trouble')[at]).toBe('129 of 128 wait');
    expect(find(root, 'tbody tr', 'puma').querySelector('td.state svg')?.getAttribute('aria-label')).toBe('trouble seen in the sockets');
    await click(root, 'th button', 'Trouble');
    expect(column(root, 'Process')[0]).toBe('puma');
  });

  it('drop the least important columns first where there is little room', async () => {
    const { root } = await connections();
    const classes = Object.fromEntries([...root.querySelectorAll('th')].map((th) => [th.textContent.replace(/[↑↓]/, ''), th.className]));
    for (const title of ['Unit or container', 'First seen']) expect(classes[title]).toContain('fourth');
    for (const title of ['State', 'Resent']) expect(classes[title]).toContain('third');
    for (const title of ['Round trip', 'Rate']) expect(classes[title]).toContain('second');
    for (const title of ['Client', 'Service', 'Trouble', 'Open']) expect(classes[title]).not.toMatch(/second|third|fourth/);
  });

  it('of nodes have them too', async () => {
    const { root } = await show('shop01/shop-web');
    expect(column(find(root, 'table[aria-label="Services of shop01/shop-web"]'), 'Trouble')).toEqual(['129 of 128 wait']);
    expect(column(find(root, 'table[aria-label="Connections of shop01/shop-web"]'), 'Trouble')).toEqual(expect.arrayContaining(['3 unanswered', '14 not closed', '7.8 % resent']));
  });
});
