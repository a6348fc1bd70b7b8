import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Delta } from '../api/types';
import { makeSite, oneHostFixture } from '../fixtures';
import { applyDelta, fromDocument } from '../state/topology';
import { ChartController } from './controller';
import { renewScene } from './renew';
import { type Scene, buildScene } from './scene';
import { PALETTE, fakeCanvas } from '../testing/canvas';

let frames: ((now: number) => void)[];

function drawFrame(now = performance.now()): void {
  for (const run of frames.splice(0)) run(now);
}

function scene(): Scene {
  return buildScene(fromDocument(oneHostFixture()), { title: 'this site', subtitle: '5 nodes' });
}

function start(reduced = true) {
  const chart = new ChartController(() => reduced);
  const { canvas, drawn } = fakeCanvas();
  chart.attach(canvas);
  chart.setPalette(PALETTE);
  chart.resize({ w: 1120, h: 800 });
  chart.setScene(scene());
  drawFrame();
  return { chart, canvas, drawn };
}

beforeEach(() => {
  frames = [];
  vi.stubGlobal('requestAnimationFrame', (run: (now: number) => void) => frames.push(run));
  vi.stubGlobal('cancelAnimationFrame', () => (frames = []));
  vi.stubGlobal('devicePixelRatio', 2);
  vi.stubGlobal('Path2D', vi.fn());
});

describe('ChartController', () => {
  it('draws names, ports and words of the anatomy', () => {
    const { drawn } = start();
    for (const text of ['vm', 'this node', 'nginx', ':443', 'udp :53', 'client', 'Internet', '45 connections', 'does not report', 'this site', '38']) {
      expect(drawn.texts).toContain(text);
    }
  });

  it('gives the canvas its device pixels, and a new canvas too', () => {
    const { chart, canvas } = start();
    expect([canvas.width, canvas.height]).toEqual([2240, 1600]);
    chart.detach();
    const next = fakeCanvas();
    chart.attach(next.canvas);
    chart.resize({ w: 1120, h: 800 });
    chart.setScene(scene());
    drawFrame();
    expect(next.canvas.width).toBe(2240);
    expect(next.drawn.texts).toContain('vm');
  });

  it('draws nothing while nothing changes', () => {
    const { chart } = start();
    expect(frames).toHaveLength(0);
    chart.hover(null);
    chart.resize({ w: 1120, h: 800 });
    expect(frames).toHaveLength(0);
    chart.pan(1, 0);
    chart.pan(1, 0);
    expect(frames).toHaveLength(1);
  });

  it('draws nothing for figures that are not seen, and for bundles only after a while', () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { chart } = start();
    const made = makeSite(400, 3);
    const doc = { ...made, connections: made.connections.map((c) => ({ ...c, count: 1 })) };
    const lane = { id: 'a', title: 'a', layout: { x: -50, y: -50, w: 500, h: 20_000 } };
    let held = buildScene(fromDocument({ ...doc, lanes: [lane, { ...lane, id: 'b', title: 'b', layout: { ...lane.layout, x: 460, w: 20_000 } }] }), { title: 'a site', subtitle: '' });
    chart.reset();
    chart.setScene(held);
    drawFrame();
    const told = (change: Partial<Delta>): number => {
      const { source } = held;
      const after = applyDelta(source, { from: source.revision, revision: `${source.revision}+`, at: source.at, ...change });
      const next = after && renewScene(held, after, { title: 'a site', subtitle: '' });
      if (!next) throw new Error('it is not renewed');
      held = next;
      chart.setScene(held);
      return frames.length;
    };
    const edge = held.edges.find((e) => !e.quiet && e.client.lane !== e.server.lane);
    if (!edge) throw new Error('no edge from lane to lane');
    expect(told({ changed: { connections: [[edge.connection.id, { opened: 12_345 }]] } })).toBe(0);
    expect(told({ changed: { connections: [[edge.connection.id, { count: 90_000 }]] } })).toBe(0);
    vi.advanceTimersByTime(5_000);
    expect(frames).toHaveLength(1);
    drawFrame();
    expect(told({ nodes: [{ ...edge.client.node, open_status: 'CRITICAL', status: 'CRITICAL' }] })).toBe(1);
    drawFrame();
    expect(told({ changed: { connections: [[edge.connection.id, { health: { end: 'client', retransmit_ratio: 0.9 } }]] } })).toBe(1);
    drawFrame();
    chart.zoom(1000);
    drawFrame();
    drawFrame();
    expect(told({ changed: { connections: [[edge.connection.id, { count: 3 }]] } })).toBe(1);
    vi.useRealTimers();
  });

  it('keeps the camera when a delta brings a new scene', () => {
    const { chart } = start();
    const before = chart.camera;
    chart.setScene(scene());
    drawFrame();
    expect(chart.camera).toEqual(before);
  });

  it('keeps a moved camera when the window changes, and fits an unmoved one', () => {
    const { chart } = start();
    const fitted = chart.camera;
    chart.resize({ w: 700, h: 500 });
    expect(chart.camera).not.toEqual(fitted);
    chart.pan(33, 0);
    const moved = chart.camera;
    chart.resize({ w: 900, h: 500 });
    expect(chart.camera).toEqual(moved);
  });

  it('keeps all of a chart in view while it grows, until the viewer moved', () => {
    const { chart } = start();
    const grown = (): Scene => {
      const larger = scene();
      return { ...larger, bounds: { ...larger.bounds, h: larger.bounds.h * 3 } };
    };
    const before = chart.camera;
    chart.setScene(grown());
    expect(chart.camera?.k).toBeLessThan(before?.k ?? 0);
    chart.zoom(2);
    const moved = chart.camera;
    chart.setScene(scene());
    chart.setScene(grown());
    expect(chart.camera).toEqual(moved);
    chart.fit();
    chart.setScene(scene());
    const fitted = chart.camera;
    chart.setScene(grown());
    expect(chart.camera).toEqual(fitted); // it was all in view already
  });

  it('flies in 240 ms, or at once for those who want less motion', () => {
    const still = start(true);
    still.chart.focusAround('10.20.9.7', new Set());
    const goal = still.chart.camera;
    const { chart } = start(false);
    const from = chart.camera;
    chart.focusAround('10.20.9.7', new Set());
    expect(chart.camera).toEqual(from);
    drawFrame(performance.now() + 100);
    expect(chart.camera).not.toEqual(from);
    expect(chart.camera).not.toEqual(goal);
    drawFrame(performance.now() + 500);
    expect(chart.camera).toEqual(goal);
    expect(frames).toHaveLength(0);
  });

  it('flies as soon as there is a chart when asked before', () => {
    const chart = new ChartController(() => true);
    const vm = oneHostFixture().nodes.find((n) => n.name === 'vm');
    if (!vm) throw new Error('the fixture has no vm');
    chart.focus(vm.layout);
    const { canvas } = fakeCanvas();
    chart.attach(canvas);
    chart.resize({ w: 1000, h: 800 });
    chart.setScene(scene());
    const { x, y, w, h } = vm.layout;
    const camera = chart.camera;
    if (!camera) throw new Error('no camera');
    expect((x + w / 2) * camera.k + camera.x).toBeCloseTo(500, 6);
    expect((y + h / 2) * camera.k + camera.y).toBeCloseTo(400, 6);
  });

  it('starts at this node on a narrow screen, from the left edge where that fits, large enough to read', () => {
    const chart = new ChartController(() => true);
    chart.attach(fakeCanvas().canvas);
    chart.resize({ w: 390, h: 600 });
    chart.setScene(scene());
    const camera = chart.camera;
    const vm = chart.scene?.boxByName.get('vm')?.rect;
    if (!camera || !vm) throw new Error('no camera or box');
    expect(camera.k).toBeGreaterThan(0.85);
    expect(camera.x).toBeGreaterThanOrEqual(0);
    expect((vm.x + vm.w) * camera.k + camera.x).toBeLessThanOrEqual(390);
  });

  it('starts at the top of a node that is taller than the screen, and of what stands beside it', () => {
    const doc = oneHostFixture();
    const tall = doc.nodes.map((n) => (n.name === 'vm' ? { ...n, layout: { ...n.layout, y: 60, h: 2000 } } : n.name === 'Internet' ? { ...n, layout: { ...n.layout, y: 10 } } : n));
    const chart = new ChartController(() => true);
    chart.attach(fakeCanvas().canvas);
    chart.resize({ w: 390, h: 600 });
    chart.setScene(buildScene(fromDocument({ ...doc, nodes: tall }), { title: '', subtitle: '' }));
    const camera = chart.camera;
    if (!camera) throw new Error('no camera');
    expect(10 * camera.k + camera.y).toBeCloseTo(8, 6);
  });

  it('shows all of a small chart on a narrow screen', () => {
    const chart = new ChartController(() => true);
    chart.attach(fakeCanvas().canvas);
    chart.resize({ w: 560, h: 800 });
    chart.setScene(scene());
    const { bounds } = chart.scene ?? scene();
    const camera = chart.camera;
    if (!camera) throw new Error('no camera');
    expect(camera.k).toBeGreaterThanOrEqual(0.6);
    expect(bounds.x * camera.k + camera.x).toBeGreaterThanOrEqual(0);
    expect((bounds.x + bounds.w) * camera.k + camera.x).toBeLessThanOrEqual(560);
  });

  it('dims what is not hovered to 42 %', () => {
    const { chart, drawn } = start();
    drawn.wipe();
    const vm = chart.scene?.boxByName.get('10.20.9.7');
    if (!vm) throw new Error('no box');
    chart.hover({ kind: 'box', box: vm });
    drawFrame();
    // Only the hovered box's own connections keep a label, and its own has nothing open.
    expect(drawn.texts).not.toContain('38');
    expect(drawn.text('Internet').alpha).toBe(0.42);
    expect(drawn.text('vm').alpha).toBe(1);
    expect(drawn.text('10.20.9.7').alpha).toBe(1);
  });

  it('fades from one zoom level to the next in 120 ms', () => {
    const { chart, drawn } = start(false);
    // A whole number: what is added to it comes out as it went in.
    const now = Math.ceil(performance.now());
    chart.zoom(0.4);
    drawn.wipe();
    drawFrame(now);
    const alphas = (): number[] => drawn.of('drawImage').map((m) => m.alpha);
    expect(alphas()).toEqual([1]);
    drawFrame(now + 60);
    expect(alphas()[1]).toBeCloseTo(0.5, 5);
    drawFrame(now + 120);
    expect(alphas()).toHaveLength(2);
    expect(frames).toHaveLength(0);
  });

  it('lays the fading frame where its chart stands now', () => {
    const { chart, drawn } = start(false);
    const before = chart.camera;
    const now = performance.now();
    chart.zoom(0.4, { x: 0, y: 0 });
    drawn.wipe();
    drawFrame(now);
    const [x = 0, y = 0] = drawn.of('drawImage')[0]?.args ?? [];
    const after = chart.camera;
    if (!before || !after) throw new Error('no camera');
    expect(x).toBeCloseTo(2 * (after.x - before.x * (after.k / before.k)), 6);
    expect(y).toBeCloseTo(2 * (after.y - before.y * (after.k / before.k)), 6);
  });

  it('does not fade inside a level, nor for those who want less motion', () => {
    const still = start(true);
    still.chart.zoom(0.4);
    drawFrame();
    expect(still.drawn.of('drawImage')).toHaveLength(0);
    const { chart, drawn } = start(false);
    chart.zoom(1.01);
    drawFrame();
    expect(drawn.of('drawImage')).toHaveLength(0);
  });

  it('does not flicker between levels at their bound', () => {
    const { chart, drawn } = start(false);
    const k = chart.camera?.k ?? 1;
    chart.zoom((0.7 / k) * 1.02);
    drawFrame();
    chart.zoom(0.97);
    drawFrame();
    chart.zoom(1.03);
    drawFrame();
    expect(drawn.of('drawImage')).toHaveLength(0);
  });

  it('previews a node, and takes the viewer back', () => {
    const { chart, drawn } = start();
    chart.pan(4000, 0);
    const before = chart.camera;
    chart.preview('vm');
    drawn.wipe();
    drawFrame();
    expect(chart.camera).not.toEqual(before);
    expect(drawn.text('vm').alpha).toBe(1);
    expect(drawn.text('10.20.9.7').alpha).toBe(1);
    chart.preview('10.20.9.7');
    drawn.wipe();
    drawFrame();
    expect(drawn.text('Internet').alpha).toBe(0.42);
    chart.preview('');
    expect(chart.camera).toEqual(before);
  });

  it('previews beside what lies over the chart', () => {
    const { chart, canvas } = start();
    canvas.getBoundingClientRect = () => new DOMRect(0, 88, 1120, 800);
    const rect = chart.scene?.boxByName.get('vm')?.rect;
    if (!rect) throw new Error('no box');
    const middle = (): number => (rect.x + rect.w / 2) * (chart.camera?.k ?? 1) + (chart.camera?.x ?? 0);
    const covered = new DOMRect(300, 200, 600, 600);
    expect(middle()).toBeGreaterThan(300);
    chart.preview('vm', '', covered);
    expect(middle()).toBeCloseTo(150, 6);
    const there = chart.camera;
    chart.preview('vm', '', covered);
    expect(chart.camera).toEqual(there);
  });

  it('previews one row: only its own connections stay lit', () => {
    const { chart, drawn } = start();
    chart.preview('vm', 'vm~tcp~22~0.0.0.0');
    drawn.wipe();
    drawFrame();
    expect(drawn.text('10.20.4.31').alpha).toBe(0.42);
    expect(drawn.text('Internet').alpha).toBe(1);
  });

  it('ends a preview when it goes there, or to another page', () => {
    const { chart } = start();
    const before = chart.camera;
    chart.pan(4000, 0);
    const away = chart.camera;
    chart.preview('vm');
    chart.detach();
    expect(chart.camera).toEqual(away);
    chart.preview('vm');
    expect(chart.camera).toEqual(away);
    expect(before).not.toEqual(away);
  });

  it('lands a flight when the viewer goes to another page', () => {
    const { chart } = start(false);
    const home = start(true);
    home.chart.focusAround('10.20.9.7', new Set());
    chart.focusAround('10.20.9.7', new Set());
    drawFrame(performance.now() + 50);
    chart.detach();
    expect(chart.camera).toEqual(home.chart.camera);
  });

  it('says what the pointer is on', () => {
    const { chart, drawn } = start();
    const edge = chart.scene?.edges.find((e) => e.connection.id === 'c8');
    if (!edge) throw new Error('no edge');
    chart.hover({ kind: 'edge', edge });
    drawFrame();
    expect(drawn.text('gunicorn → 10.20.4.31 :6379, 8 open, 59 opened').fill).toBe('ink');
    expect(drawn.text('10.20.9.7').alpha).toBe(0.42);
  });

  it('keeps the hover through a delta, and drops it when its box goes', () => {
    const { chart, drawn } = start();
    const box = chart.scene?.boxByName.get('10.20.9.7');
    if (!box) throw new Error('no box');
    chart.hover({ kind: 'box', box });
    chart.setScene(scene());
    drawFrame();
    expect(drawn.text('Internet').alpha).toBe(0.42);
    const doc = oneHostFixture();
    chart.setScene(buildScene(fromDocument({ ...doc, nodes: doc.nodes.filter((n) => n.name !== '10.20.9.7') }), { title: '', subtitle: '' }));
    drawn.wipe();
    drawFrame();
    expect(drawn.text('Internet').alpha).toBe(1);
  });

  it('reveals only what is out of view, above what a sheet covers', () => {
    const { chart } = start();
    const rect = chart.scene?.boxByName.get('vm')?.rect ?? { x: 0, y: 0, w: 0, h: 0 };
    const middle = (): number => (rect.y + rect.h / 2) * (chart.camera?.k ?? 0) + (chart.camera?.y ?? 0);
    const before = middle();
    chart.reveal(rect);
    expect(middle()).toBe(before);
    chart.reveal(rect, 0.8);
    expect(middle()).toBeCloseTo(80, 6);
  });

  it('hits no line where lines are bundled', () => {
    const { chart } = start();
    const edge = chart.scene?.edges.find((e) => e.connection.id === 'c8');
    const middle = (): { x: number; y: number } => {
      const { x, y, k } = chart.camera ?? { x: 0, y: 0, k: 1 };
      return { x: (edge?.label.x ?? 0) * k + x, y: (edge?.label.y ?? 0) * k + y };
    };
    expect(chart.hit(middle())?.kind).toBe('edge');
    chart.zoom(0.15);
    expect(chart.hit(middle())?.kind).not.toBe('edge');
  });

  it('moves the picture of a large chart, and draws it anew when the camera rests', async () => {
    const canvases = new Map<object, number>();
    let clock = 0; // what is drawn takes its time, on any machine
    vi.spyOn(performance, 'now').mockImplementation(() => (clock += 1));
    vi.stubGlobal('OffscreenCanvas', class {
      getContext() {
        canvases.set(this, 0);
        const { canvas } = fakeCanvas();
        return canvas.getContext('2d');
      }
    });
    const { chart, drawn } = start();
    chart.reset();
    chart.setScene(buildScene(fromDocument(makeSite(1000, 3)), { title: 'a site', subtitle: '' }));
    await vi.dynamicImportSettled();
    drawFrame(1000);
    expect(canvases.size).toBe(1);
    for (let now = 1016; frames.length > 0 && now < 3000; now += 16) drawFrame(now);
    expect(frames).toHaveLength(0);
    drawn.wipe();
    chart.pan(7, 0);
    drawFrame(3000);
    expect(drawn.of('drawImage').map((m) => m.args.slice(4, 6))).toEqual([[14, 0]]);
    expect(drawn.of('stroke')).toHaveLength(0);
    for (let now = 3016; frames.length > 0 && now < 9000; now += 16) drawFrame(now);
    expect(frames).toHaveLength(0);
    expect(drawn.of('drawImage').at(-1)?.args.slice(4, 6)).toEqual([0, 0]);
    expect(canvases.size).toBeLessThanOrEqual(3);
  });

  it('says so when the browser has no canvas', () => {
    const chart = new ChartController(() => true);
    expect(() => chart.attach({ getContext: () => null } as unknown as HTMLCanvasElement)).toThrow('this browser gives no 2d canvas');
  });
});
