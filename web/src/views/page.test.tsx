import { act } from 'preact/test-utils';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Service, TopologyDocument } from '../api/types';
import { fixture, oneHostFixture } from '../fixtures';
import { type Harness, clear, click, drawFrames, find, press, settle, show, texts, type } from '../testing/app';
import { Page } from './Page';

afterEach(clear);

/** The page on a fixture, live, with a chart that has a size. */
async function open(hash = '#/chart', doc?: TopologyDocument): Promise<Harness> {
  const h = await show(<Page />, { hash, ...(doc ? { doc } : {}) });
  h.sources.at(-1)?.send('snapshot', { revision: h.app.feed.topology.value?.revision });
  h.app.chart.resize({ w: 1120, h: 800 });
  await settle();
  drawFrames();
  return h;
}

function canvas(h: Harness): HTMLElement {
  return find(h.root, 'canvas');
}

describe('deep links', () => {
  it.each([
    ['#/chart', 'canvas', ''],
    ['#/', 'canvas', ''],
    ['#/nowhere', '[role="alert"] h1', 'There is no such page.'],
    ['#/chart?table', 'table[aria-label="Connections of the chart"] td', 'vm'],
    ['#/chart?table=services', 'table[aria-label="Services of the chart"] td', 'gunicorn'],
    ['#/services', 'h1', 'Services'],
    ['#/nodes', 'h1', 'Nodes'],
    ['#/nodes/vm', 'h1', 'vm'],
    ['#/nodes/10.20.4.31', 'h1', '10.20.4.31'],
    ['#/settings', 'h1', 'Settings'],
    ['#/mapping', 'h1', 'Check mapping'],
    ['#/report', 'h1', 'Report'],
    ['#/checks/gone', 'dialog.sheet h2', 'There is no such check'],
    ['#/nodes/vm?check=gone', 'dialog.sheet h2', 'There is no such check'],
    ['#/chart?node=vm', 'aside h2', 'vm'],
    ['#/chart?service=vm~tcp~8000~127.0.0.1', 'aside h2', 'gunicorn :8000'],
    ['#/chart?connection=c8', 'aside h2', 'vm gunicorn → 10.20.4.31 :6379'],
  ])('%s shows %s %s', async (hash, selector, words) => {
    const { root } = await open(hash);
    // The code of some pages comes when they are first shown.
    await vi.waitFor(() => expect(find(root, selector, words).textContent).toContain(words), 10_000);
  });

  it.each([
    ['#/chart', 'level=service&hide=ignored%2Cinfrastructure%2Cobservers'],
    ['#/chart?level=node', 'level=node&hide=ignored%2Cinfrastructure%2Cobservers'],
    ['#/chart?hide=none', 'level=service&hide=none'],
    ['#/services?hide=old', 'level=service&hide=old'],
  ])('%s reads %s', async (hash, query) => {
    const { asked, sources } = await open(hash);
    expect(asked).toContain(`GET topology?${query}`);
    expect(sources.at(-1)?.url).toContain(query);
  });

  it('that can’t be drawn say so, and the other pages are there', async () => {
    const said = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const broken = { ...oneHostFixture(), connections: oneHostFixture().connections.map((c) => ({ ...c, server: null }) as never) };
    const h = await open('#/services', broken);
    await h.go('#/chart?table');
    expect(find(h.root, '[role="alert"] h1').textContent).toBe('This page can’t be drawn.');
    expect(said).toHaveBeenCalled();
    await h.go('#/nodes');
    await vi.waitFor(() => expect(find(h.root, 'h1').textContent).toBe('Nodes'), 4_000);
  });

  it('show the tables of pools, whose connections name no reports', async () => {
    const doc = oneHostFixture();
    const merged = { ...doc, connections: doc.connections.map((c) => ({ ...c, client: { ...c.client, process: '' }, ...(c.evidence ? { evidence: { ...c.evidence, seen_by: null } } : {}) })) };
    const { root } = await open(`#/chart?table&connection=${doc.connections[0]?.id ?? ''}`, merged);
    await vi.waitFor(() => expect(texts(root, 'table[aria-label="Connections of the chart"] td').length).toBeGreaterThan(0), 4_000);
    expect(find(root, 'aside').textContent).toContain('stands for the connections of several nodes');
  });

  it('go on when the address changes, and name the window', async () => {
    const h = await open('#/chart');
    expect(document.title).toBe('Chart, dotm');
    await h.go('#/nodes/vm');
    expect(document.title).toBe('vm, dotm');
    await h.go('#/settings');
    expect(document.title).toBe('Settings, dotm');
  });

  it.each(['node', 'service', 'connection'])('say that a %s is not on the chart, why that may be, and show everything', async (kind) => {
    const h = await open(`#/chart?${kind}=ffff`);
    expect(find(h.root, 'aside h2').textContent).toBe(`This ${kind} is not on the chart.`);
    expect(find(h.root, 'aside [role="alert"]').textContent).toContain('It is gone from the map, or hidden by the filter.');
    await click(h.root, 'aside button', 'Show everything');
    expect(h.hash()).toBe(`#/chart?hide=none&${kind}=ffff`);
  });

  it('promise no more where nothing is hidden', async () => {
    const { root } = await open('#/chart?hide=none&service=ffff', { ...oneHostFixture(), hide: [] });
    expect(find(root, 'aside [role="alert"]').textContent).toContain('It is gone from the map.');
    expect(texts(root, 'aside button')).not.toContain('Show everything');
  });

  it('do not judge by a chart with another filter than theirs', async () => {
    const { root } = await open('#/chart?hide=none&service=ffff');
    expect(root.querySelector('aside [role="alert"]')).toBeNull();
  });

  it('of a service on a chart of nodes lead to the services', async () => {
    const h = await open('#/chart?level=node&hide=none&service=vm~tcp~1', { ...oneHostFixture(), level: 'node', hide: [], services: [] });
    expect(find(h.root, 'aside [role="alert"]').textContent).toContain('A chart of nodes shows no services.');
    await click(h.root, 'aside button', 'Show everything');
    expect(h.hash()).toBe('#/chart?hide=none&service=vm~tcp~1');
  });

  it('to no page lead back to the chart', async () => {
    const { root } = await open('#/nope?hide=none');
    expect(find(root, '[role="alert"]').textContent).toContain('#/nope');
    expect(find(root, '[role="alert"] a').getAttribute('href')).toBe('#/chart?hide=none');
    expect(document.title).toBe('No such page, dotm');
  });
});

describe('the chart', () => {
  it('draws the topology and says what it is', async () => {
    const h = await open();
    expect(canvas(h).getAttribute('aria-label')).toBe('Chart of 4 nodes, 12 services and 11 connections');
    expect(h.drawn.texts).toEqual(expect.arrayContaining(['vm', 'gunicorn', 'this node and its neighbours']));
  });

  it('says what to do when nobody reports', async () => {
    const { root } = await open('#/chart', fixture('empty'));
    expect(find(root, '.notice').textContent).toContain('No node reports yet.');
    expect(root.querySelector('.zoom')).toBeNull();
  });

  it('follows the stream', async () => {
    const h = await open();
    const gone = oneHostFixture().services.filter((s) => s.port === 8000).map<Service>((s) => ({ ...s, state: 'gone' }));
    void act(() => h.sources[0]?.send('delta', { from: 'k3f9zq-1', revision: 'k3f9zq-2', at: '2026-11-23T05:31:00Z', services: gone }));
    await settle();
    h.drawn.wipe();
    drawFrames();
    expect(h.drawn.text('gunicorn').alpha).toBeCloseTo(0.6);
    expect(find(h.root, '[role="status"][aria-live="polite"]').textContent).toBe('service vanished: gunicorn :8000 on vm');
  });

  it('selects by a click, and lets go by one on the ground', async () => {
    const h = await open();
    const { x, y, k } = h.app.chart.camera ?? { x: 0, y: 0, k: 1 };
    const at = (cx: number, cy: number) => ({ clientX: cx * k + x, clientY: cy * k + y, pointerId: 1, button: 0, bubbles: true });
    const press = async (place: ReturnType<typeof at>): Promise<void> => {
      const element = canvas(h);
      element.setPointerCapture = () => undefined;
      await act(() => {
        element.dispatchEvent(new PointerEvent('pointerdown', place));
        element.dispatchEvent(new PointerEvent('pointerup', place));
      });
      await settle();
    };
    await press(at(300, 30));
    expect(h.hash()).toBe('#/chart?node=vm');
    await press(at(300, 57));
    expect(h.hash()).toBe('#/chart?service=vm~tcp~443~0.0.0.0');
    await press(at(-200, -200));
    expect(h.hash()).toBe('#/chart');
  });

  it('zooms and fits by its buttons', async () => {
    const h = await open();
    const k = (): number => h.app.chart.camera?.k ?? 0;
    const first = k();
    await click(h.root, '[aria-label="Zoom out"]');
    expect(k()).toBeCloseTo(first * 0.8);
    await click(h.root, '[aria-label="Zoom in"]');
    expect(k()).toBeCloseTo(first);
    await click(h.root, '[aria-label="Zoom in"]');
    await click(h.root, '[aria-label="Fit"]');
    expect(k()).toBeCloseTo(first);
  });

  it('keeps its camera while another page is shown', async () => {
    const h = await open();
    h.app.chart.pan(50, 60);
    const camera = h.app.chart.camera;
    await h.go('#/nodes');
    await h.go('#/chart');
    expect(h.app.chart.camera).toEqual(camera);
  });
});

describe('Tab on the chart', () => {
  async function focused(hash: string): Promise<Harness> {
    const h = await open(hash);
    canvas(h).focus();
    return h;
  }

  it('goes out along connections, and with Shift back in', async () => {
    const h = await focused('#/chart?node=Internet');
    const out = [];
    for (let i = 0; i < 4; i++) {
      expect((await press('Tab')).defaultPrevented).toBe(true);
      out.push(h.app.route.value.selection?.id);
    }
    expect(out).toEqual(['c1', 'vm~tcp~443~0.0.0.0', 'c4', 'vm~tcp~8000~127.0.0.1']);
    await press('Tab', { shiftKey: true });
    expect(h.app.route.value.selection?.id).toBe('c4');
    expect(h.app.heading.value).toBe('in');
    expect(h.app.byKeyboard.value).toBe(true);
  });

  it('leaves the chart where the connections end, and when nothing is selected', async () => {
    const end = await focused('#/chart?service=vm~tcp~5432~127.0.0.1');
    expect((await press('Tab')).defaultPrevented).toBe(false);
    await end.go('#/chart');
    canvas(end).focus();
    expect((await press('Tab')).defaultPrevented).toBe(false);
  });

  it('is the browser’s elsewhere and with Ctrl', async () => {
    await focused('#/chart?node=vm');
    expect((await press('Tab', { ctrlKey: true })).defaultPrevented).toBe(false);
    (document.activeElement as HTMLElement).blur();
    expect((await press('Tab')).defaultPrevented).toBe(false);
  });

  it('then arrows go to the other connections of the same node', async () => {
    const h = await focused('#/chart?node=Internet');
    await press('Tab');
    await press('ArrowDown');
    const next = h.app.route.value.selection;
    expect(next?.kind).toBe('connection');
    expect(['c2', 'c3']).toContain(next?.id);
    await press('ArrowUp');
    expect(h.app.route.value.selection?.id).toBe('c1');
  });
});

describe('keys', () => {
  it.each([
    ['g s', '#/services'],
    ['g n', '#/nodes'],
    ['g c', '#/chart'],
    ['t', '#/chart?table'],
    ['Enter', '#/chart?node=vm'],
  ])('%s leads to %s', async (keys, hash) => {
    const h = await open();
    for (const key of keys.split(' ')) await press(key);
    expect(h.hash()).toBe(hash);
  });

  it.each([
    ['ArrowRight', '10.20.4.31'],
    ['ArrowLeft', 'Internet'],
  ])('%s goes to the next box', async (key, node) => {
    const h = await open('#/chart?node=vm');
    await press(key);
    expect(h.app.route.value.selection?.id).toBe(node);
    expect(h.app.byKeyboard.value).toBe(true);
  });

  it('arrows move the chart while nothing is selected', async () => {
    const h = await open();
    const before = h.app.chart.camera;
    await press('ArrowRight');
    expect(h.app.chart.camera?.x).toBe((before?.x ?? 0) - 64);
    await press('ArrowUp', { shiftKey: true });
    expect(h.app.chart.camera?.y).toBe((before?.y ?? 0) + 64);
  });

  it('Enter opens the page of what is selected', async () => {
    const h = await open('#/chart?connection=c8');
    await press('Enter');
    expect(h.hash()).toBe('#/nodes/10.20.4.31');
  });

  it('Escape backs out one step at a time', async () => {
    const h = await open('#/chart?table&node=vm');
    const steps = [];
    for (let i = 0; i < 3; i++) {
      await press('Escape');
      steps.push(h.hash());
    }
    expect(steps).toEqual(['#/chart?table', '#/chart', '#/chart']);
    await h.go('#/nodes/vm');
    await press('Escape');
    expect(h.hash()).toBe('#/nodes');
    await press('Escape');
    expect(h.hash()).toBe('#/chart');
  });

  it('d switches the theme for good, ] the panel', async () => {
    const h = await open();
    await press('d');
    expect(h.app.prefs.theme.value).toBe('dark');
    expect(h.root.querySelector('aside')).not.toBeNull();
    await press(']');
    expect(h.root.querySelector('aside')).toBeNull();
    await press(']');
    expect(h.root.querySelector('aside')).not.toBeNull();
  });

  it('? shows all keys; no key is a command behind a dialog', async () => {
    const h = await open();
    await press('?');
    expect(h.app.dialog.value).toBe('keys');
    expect(find(h.root, 'dialog.keys').hasAttribute('open')).toBe(true);
    expect(texts(h.root, 'dialog.keys dt')).toContain('Tab');
    await press('t');
    expect(h.hash()).toBe('#/chart');
    await click(h.root, 'dialog.keys [aria-label="Close"]');
    expect(h.app.dialog.value).toBe('');
  });

  it('are no commands while a sheet is over the page, wherever the focus is', async () => {
    const h = await open('#/nodes');
    await click(h.root, 'button', 'Add a node');
    (document.activeElement as HTMLElement | null)?.blur();
    await press('Escape');
    await press('t');
    expect(h.hash()).toBe('#/nodes');
    await click(h.root, '.sheet [aria-label="Close"]');
    await press('Escape');
    expect(h.hash()).toBe('#/chart');
  });

  it('are letters where text is written', async () => {
    const h = await open('#/settings');
    find(h.root, '#setting-hide_after').focus();
    await press('t');
    await press('d');
    expect(h.hash()).toBe('#/settings');
    expect(h.app.prefs.theme.value).toBe('system');
  });

  it('f goes to the selection and what is around it, once more shows all; + - zoom', async () => {
    const h = await open('#/chart?node=10.20.9.7');
    await press('-');
    await press('-');
    await press('f');
    const { x, y, k } = h.app.chart.camera ?? { x: 0, y: 0, k: 0 };
    const rect = h.app.chart.scene?.boxByName.get('10.20.9.7')?.rect ?? { x: 0, y: 0, w: 0, h: 0 };
    expect(rect.w).toBeGreaterThan(0);
    expect(rect.x * k + x).toBeGreaterThanOrEqual(0);
    expect((rect.x + rect.w) * k + x).toBeLessThanOrEqual(1120);
    expect(rect.y * k + y).toBeGreaterThanOrEqual(0);
    expect((rect.y + rect.h) * k + y).toBeLessThanOrEqual(800);
    expect(k).toBeGreaterThanOrEqual(0.6);
    expect(h.hash()).toContain('focus=10.20.9.7');
    await press('f');
    expect(h.hash()).not.toContain('focus=');
  });
});

describe('the palette', () => {
  async function searching(query: string): Promise<Harness> {
    const h = await open();
    await press('/');
    await type(find(h.root, '[role="combobox"]'), query);
    find(h.root, '[role="combobox"]').focus();
    return h;
  }

  const selected = (h: Harness): string => texts(h.root, '[role="option"][aria-selected="true"]').join();

  it('opens with / and Ctrl K, and lists everything', async () => {
    const h = await open();
    await press('k', { ctrlKey: true });
    expect(find(h.root, 'dialog.palette').hasAttribute('open')).toBe(true);
    expect(texts(h.root, '.section')).toEqual(['Nodes', 'Services', 'Actions']);
  });

  it('takes keys before it is painted: they are text, never commands', async () => {
    const h = await open();
    const down = (key: string): Event => {
      const event = new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true });
      document.activeElement?.dispatchEvent(event);
      return event;
    };
    expect(down('/').defaultPrevented).toBe(true);
    const input = find(h.root, '[role="combobox"]') as HTMLInputElement;
    expect(document.activeElement).toBe(input);
    expect(find(h.root, 'dialog.palette').hasAttribute('open')).toBe(true);
    expect([down('t'), down('g'), down('s')].map((e) => e.defaultPrevented)).toEqual([false, false, false]);
    input.value = 'postgres';
    down('Enter');
    await settle();
    expect(h.hash()).toBe('#/chart?service=vm~tcp~5432~127.0.0.1');
  });

  it('closes within the press of Escape, and can be asked for again at once', async () => {
    const h = await searching('zzz');
    find(h.root, '[role="combobox"]').dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', bubbles: true, cancelable: true }));
    expect(h.app.dialog.value).toBe('');
    expect(h.hash()).toBe('#/chart');
  });

  it('is empty again the next time', async () => {
    const h = await searching('zzz');
    await click(h.root, 'dialog.palette');
    find(h.root, '[role="combobox"]').blur(); // as browsers do when a dialog closes
    await press('/');
    expect((find(h.root, '[role="combobox"]') as HTMLInputElement).value).toBe('');
    expect(texts(h.root, '.section')).toEqual(['Nodes', 'Services', 'Actions']);
  });

  it('moves with the arrows, round both ends', async () => {
    const h = await searching('nginx');
    expect(selected(h)).toMatch(/nginx :443|nginx :80/);
    const first = selected(h);
    await press('ArrowDown');
    expect(selected(h)).not.toBe(first);
    await press('ArrowDown');
    expect(selected(h)).toBe(first);
    await press('ArrowUp');
    expect(selected(h)).not.toBe(first);
    const input = find(h.root, '[role="combobox"]');
    expect(input.getAttribute('aria-activedescendant')).toBe(find(h.root, '[aria-selected="true"]').id);
  });

  it('previews the hit on the chart, and forgets it when it is closed', async () => {
    const h = await searching('9.7');
    h.drawn.wipe();
    drawFrames();
    expect(h.drawn.text('10.20.9.7').alpha).toBe(1);
    expect(h.drawn.text('Internet').alpha).toBe(0.42);
    await click(h.root, 'dialog.palette');
    h.drawn.wipe();
    drawFrames();
    expect(h.drawn.text('Internet').alpha).toBe(1);
    expect(h.hash()).toBe('#/chart');
  });

  it('brings a hit into view and takes the viewer back', async () => {
    const h = await open();
    h.app.chart.pan(5000, 0);
    const before = h.app.chart.camera;
    await press('/');
    await type(find(h.root, '[role="combobox"]'), 'vm');
    expect(h.app.chart.camera).not.toEqual(before);
    await click(h.root, 'dialog.palette');
    expect(h.app.chart.camera).toEqual(before);
  });

  it('Enter goes there and selects, Ctrl Enter opens the page', async () => {
    const h = await searching('9.7');
    await press('Enter');
    expect(h.hash()).toBe('#/chart?node=10.20.9.7');
    expect(h.app.dialog.value).toBe('');
    clear();
    const again = await searching('gunicorn');
    await press('Enter', { ctrlKey: true });
    expect(again.hash()).toBe('#/nodes/vm');
  });

  it('a click on a hit does the same', async () => {
    const h = await searching('postgres');
    await click(h.root, '[role="option"]', 'postgres');
    expect(h.hash()).toBe('#/chart?service=vm~tcp~5432~127.0.0.1');
  });

  it('runs actions', async () => {
    const h = await searching('light and dark');
    await press('Enter');
    expect(h.app.prefs.theme.value).toBe('dark');
    await press('/');
    await type(find(h.root, '[role="combobox"]'), 'chart of nodes');
    find(h.root, '[role="combobox"]').focus();
    await press('Enter');
    expect(h.hash()).toBe('#/chart?level=node');
  });

  it('says when nothing matches, and Enter then does nothing', async () => {
    const h = await searching('zzz');
    expect(find(h.root, '.palette .nothing').textContent).toBe('Nothing matches zzz.');
    await press('Enter');
    expect(h.app.dialog.value).toBe('search');
  });

  it('marks what matched', async () => {
    const h = await searching('GUNI');
    expect(find(h.root, '[role="option"] b').textContent).toBe('guni');
  });
});

describe('text from the network', () => {
  const EVIL = '<img src=x onerror=alert(1)>';
  const doc = oneHostFixture();
  const evil: TopologyDocument = {
    ...doc,
    nodes: doc.nodes.map((n) => (n.name === 'vm' ? { ...n, name: EVIL, addresses: [EVIL], notes: [{ code: 'x', text: EVIL, hint: `Run: ${EVIL}` }], agent: EVIL } : n)),
    services: doc.services.map((s) => ({ ...s, node: s.node === 'vm' ? EVIL : s.node, process: EVIL, user: EVIL, addresses: [EVIL] })),
    connections: doc.connections.map((c) => ({
      ...c,
      client: { ...c.client, node: c.client.node === 'vm' ? EVIL : c.client.node, process: EVIL },
      server: { ...c.server, node: c.server.node === 'vm' ? EVIL : c.server.node, process: EVIL },
      evidence: { both_ends: false, seen_by: [{ node: EVIL, end: 'client' as const, at: doc.at }], client_address: EVIL, client_resolved: EVIL },
    })),
  };
  const name = encodeURIComponent(EVIL);

  it.each([
    '#/chart',
    '#/chart?table',
    '#/chart?table=services',
    `#/chart?node=${name}`,
    '#/chart?service=vm~tcp~8000~127.0.0.1',
    '#/chart?connection=c8',
    '#/services',
    '#/nodes',
    `#/nodes/${name}`,
  ])('stays text on %s', async (hash) => {
    const { root } = await open(hash, evil);
    expect(root.querySelector('img')).toBeNull();
    expect(root.textContent).toContain(EVIL);
  });

  it('stays text in the palette', async () => {
    const h = await open('#/chart', evil);
    await press('/');
    await type(find(h.root, '[role="combobox"]'), 'img');
    expect(h.root.querySelector('dialog img')).toBeNull();
    expect(find(h.root, '[role="option"]', '<img').textContent).toContain('onerror');
  });
});
