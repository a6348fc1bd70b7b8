import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { TopologyDocument } from '../api/types';
import { oneHostFixture } from '../fixtures';
import { actionsOf } from '../views/keys';
import { type Harness, type Reply, clear, click, find, json, press, settle, show, showLive, texts } from '../testing/app';
import { Page } from '../views/Page';
import { SidePanel } from './SidePanel';
import { ToolRow } from './ToolRow';

afterEach(clear);

const SAVED: string[] = [];

beforeEach(() => {
  SAVED.length = 0;
  vi.spyOn(URL, 'createObjectURL').mockImplementation(() => 'blob:file');
  vi.spyOn(HTMLAnchorElement.prototype, 'click').mockImplementation(function (this: HTMLAnchorElement) {
    SAVED.push(this.download);
  });
});

const file: Reply = (_, path) => (path.startsWith('export/svg') ? new Response('<svg/>', { headers: { 'content-disposition': 'inline; filename="dotm-service.svg"' } }) : path.startsWith('export/') ? json({ title: 'Request Entity Too Large', status: 413, detail: 'mermaid takes at most 2500 boxes and connections' }, 413) : null);

/** The menu of files, open. */
async function menu(hash = '#/chart'): Promise<Harness> {
  const h = await showLive(<ToolRow />, { hash, reply: file });
  await click(h.root, 'button', 'Export');
  await vi.waitFor(() => find(h.root, '.formats'), 10_000);
  return h;
}

describe('the menu of files', () => {
  it('saves what is seen, under the name that the server gives it', async () => {
    const h = await menu('#/chart?focus=vm&hops=2');
    expect(find(h.root, '.formats p').textContent).toBe('Nodes and their services, vm and 2 hops around, as it is now.');
    expect(texts(h.root, '.format b')).toEqual(['SVG', 'draw.io', 'DOT', 'Mermaid', 'GraphML', 'Markdown', 'CSV', 'JSON', 'PlantUML', 'Structurizr', 'Backstage', 'NetBox']);
    await click(h.root, '.format', 'SVG');
    await settle();
    expect(h.asked).toContain('GET export/svg?level=service&hide=ignored%2Cinfrastructure%2Cobservers&focus=vm&hops=2');
    expect(SAVED).toEqual(['dotm-service.svg']);
    expect(find(h.root, '.formats [role="status"]').textContent).toBe('dotm-service.svg is saved.');
  });

  it('says why a file is refused', async () => {
    const h = await menu();
    await click(h.root, '.format', 'Mermaid');
    await settle();
    expect(find(h.root, '.formats [role="alert"]').textContent).toBe('Mermaid takes at most 2500 boxes and connections');
    expect(SAVED).toEqual([]);
  });

  it('narrows the file as the chart is', async () => {
    const h = await menu('#/chart?trouble&process=nginx');
    expect(find(h.root, '.formats p').textContent).toBe('Nodes and their services, process nginx, trouble and 1 hop around, as it is now.');
    await click(h.root, '.format', 'SVG');
    await settle();
    expect(h.asked).toContain('GET export/svg?level=service&hide=ignored%2Cinfrastructure%2Cobservers&trouble=true&process=nginx');
  });

  it('gives the link of each file, to read where it can’t be copied', async () => {
    const written: string[] = [];
    vi.stubGlobal('navigator', { clipboard: { writeText: (text: string) => (written.length === 0 ? Promise.resolve(void written.push(text)) : Promise.reject(new Error('no'))) } });
    const h = await menu();
    await click(h.root, '.formats button', 'Copy link to SVG');
    await settle();
    expect(written[0]).toMatch(/^https?:\/\/.*\/api\/v1\/export\/svg\?level=service/);
    await click(h.root, '.formats button', 'Copy link to DOT');
    await settle();
    expect((find(h.root, '.formats input') as HTMLInputElement).value).toMatch(/\/api\/v1\/export\/dot\?level=service/);
  });

  it('makes a link of what is seen, for pages of others', async () => {
    let sent = '';
    const reply: Reply = (method, path, body) => {
      if (method !== 'POST') return file(method, path, body);
      sent = body;
      return json({ id: '1', name: 'wiki', role: 'viewer', by: 'anna', created: '2026-03-01T12:00:00Z', token: 'dotm1e.1.x', link: 'https://elsewhere.example/api/v1/export/svg?embed=dotm1e.1.x' }, 201);
    };
    const h = await showLive(<ToolRow />, { hash: '#/chart?level=pool&trouble', reply });
    h.app.session.role.value = 'admin';
    await click(h.root, 'button', 'Export');
    await vi.waitFor(() => find(h.root, '.embed'), 10_000);
    const name = find(h.root, '.embed input') as HTMLInputElement;
    name.value = ' wiki ';
    name.dispatchEvent(new Event('input', { bubbles: true }));
    await settle();
    await click(h.root, '.embed button', 'Make the link');
    await settle();
    expect(JSON.parse(sent)).toEqual({ name: 'wiki', role: 'viewer', embed: { formats: ['svg'], query: 'level=pool&hide=ignored%2Cinfrastructure%2Cobservers&trouble=true' } });
    expect((find(h.root, '.embed input') as HTMLInputElement).value).toBe(`${location.origin}/api/v1/export/svg?embed=dotm1e.1.x`);
  });

  it('opens by its key, and from the palette on any page, where it says what went wrong', async () => {
    const h = await show(<Page />, { hash: '#/chart', reply: file });
    await press('e');
    expect(h.app.exporting.value.open).toBe(true);
    h.app.exporting.value = { ...h.app.exporting.value, open: false };
    await h.go('#/services');
    await press('e');
    expect(h.app.exporting.value.open).toBe(false);
    actionsOf(h.app).find((a) => a.title === 'Export as Mermaid')?.run();
    await settle();
    expect(h.hash()).toBe('#/chart');
    expect(h.app.exporting.value).toMatchObject({ open: true, problem: { status: 413 } });
  });
});

describe('what is gone', () => {
  const since = '2026-11-23T05:27:00Z';
  const doc: TopologyDocument = { ...oneHostFixture(), ghosts: [{ name: 'db9', kind: 'host', since, layout: { x: 900, y: 40, w: 160, h: 60 } }] };

  it('is read with what it was connected to, and told in the panel, until the link says no', async () => {
    const line = doc.connections[0];
    const lost = line && { ...line, id: 'lost', client: { ...line.client, node: 'vm' }, server: { ...line.server, node: 'db9' } };
    const reply: Reply = (_, path) => (path.startsWith('diff?') ? json({ from: since, to: since, nodes: [], services: [], gaps: [], connections: [{ change: 'vanished', connection: lost }] }) : null);
    const h = await show(<Page />, { doc, reply, hash: '#/chart?node=db9' });
    await vi.waitFor(() => expect(find(h.root, 'aside').textContent).toContain('Gone since'), 4_000);
    await vi.waitFor(() => expect(texts(h.root, 'aside h3')).toContain('Connected in'), 4_000);
    expect(h.asked).toContain('GET diff?from=2026-11-23T05%3A26%3A58.000Z&hide=ignored%2Cinfrastructure%2Cobservers');
    expect(find(h.root, 'aside a', 'The chart just before').getAttribute('href')).toContain('at=2026-11-23T05:26:59Z');
    await h.go('#/chart?vanished=no&node=db9');
    expect(find(h.root, 'aside h2').textContent).toBe('This node is not on the chart.');
  });

  it('is asked for where the chart is filtered', async () => {
    const h = await showLive(<ToolRow />, { doc });
    await click(h.root, 'button', 'Filter');
    find(h.root, '.option', 'Show what vanished').querySelector('input')?.dispatchEvent(new Event('change', { bubbles: true }));
    expect(h.hash()).toBe('#/chart?vanished=no');
  });
});

it('the Internet leads to the map of its addresses', async () => {
  const { root } = await showLive(<SidePanel />, { hash: '#/chart?node=Internet' });
  expect(find(root, 'aside a', 'on the map').getAttribute('href')).toBe('#/geo');
});
