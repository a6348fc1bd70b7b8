import { beforeEach, describe, expect, it, vi } from 'vitest';
import { makeSite } from '../fixtures/site';
import { fromDocument } from '../state/topology';
import { Drawing, PALETTE, fakeContext } from '../testing/canvas';
import { VIEW } from '../testing/chart';
import type { Shown, View } from './brush';
import { fit, pan } from './camera';
import { Plates, ahead } from './plates';
import { Renderer } from './render';
import { buildScene } from './scene';

const SCREEN = { w: 1000, h: 800 };
const scene = buildScene(fromDocument(makeSite(400, 3)), { title: 'this site', subtitle: '' });
const camera = fit(scene.bounds, SCREEN);

/** The canvases that nobody sees, by what is drawn on them; a reading of the clock takes so long. */
let hidden: Drawing[] = [];
let clock = 0;
let tick = 0;

function view(change: Partial<View> = {}): View {
  return { ...VIEW, camera, screen: SCREEN, dpr: 1, level: 'dot', palette: PALETTE, lit: null, pointed: null, selectedBox: null, selectedRow: '', selectedEdge: '', ...change };
}

function start() {
  const drawn = new Drawing();
  const ctx = fakeContext(drawn);
  return { plates: new Plates(ctx, new Renderer(ctx), () => (clock += tick), (on) => new Renderer(on)), drawn };
}

/** Works in frames of 16 ms until nothing is to come; how many that took. */
function settle(plates: Plates, of: View, version: number, from: number): number {
  let frames = 1;
  while (plates.work(scene, of, version, from + 16 * frames)) if (++frames > 5000) throw new Error('it never ends');
  return frames;
}

function light(): Shown {
  const [edge] = scene.edges;
  if (!edge) throw new Error('no edge');
  return { boxes: new Set([edge.client, edge.server]), edges: new Set([edge]) };
}

beforeEach(() => {
  hidden = [];
  clock = 0;
  tick = 0;
  vi.stubGlobal('Path2D', vi.fn());
  vi.stubGlobal('OffscreenCanvas', class {
    readonly #drawing = new Drawing();
    constructor(readonly width: number, readonly height: number) {
      hidden.push(this.#drawing);
    }
    getContext() {
      return fakeContext(this.#drawing);
    }
  });
});

describe('what is drawn ahead', () => {
  const most = { w: 300, h: 240 };
  it('is the screen where nothing moved', () => {
    expect(ahead(camera, null, SCREEN, most)).toEqual({ camera, screen: SCREEN });
    expect(ahead(camera, camera, SCREEN, most)).toEqual({ camera, screen: SCREEN });
  });
  it('is what comes in from the side that the camera goes to', () => {
    const { camera: to, screen } = ahead(pan(camera, 30, 0), camera, SCREEN, most);
    expect(screen).toEqual({ w: 1060, h: 800 });
    expect(to.x).toBe(camera.x + 30 + 60);
    expect(ahead(pan(camera, -30, 10), camera, SCREEN, most).screen).toEqual({ w: 1060, h: 820 });
  });
  it('is all around where the camera goes back, and the screen where it comes nearer', () => {
    const back = { ...camera, k: camera.k * 0.9, x: camera.x * 0.9 + 50, y: camera.y * 0.9 + 40 };
    const { screen } = ahead(back, camera, SCREEN, most);
    expect(screen.w).toBeGreaterThan(1190);
    expect(screen.h).toBeGreaterThan(955);
    expect(ahead(camera, back, SCREEN, most).screen).toEqual(SCREEN);
  });
  it('is never more than there is room for', () => {
    expect(ahead(pan(camera, 5000, -5000), camera, SCREEN, most).screen).toEqual({ w: 1300, h: 1040 });
  });
});

describe('pictures of a chart', () => {
  it('draws the first one at once, and nothing more while nothing changes', () => {
    const { plates, drawn } = start();
    plates.work(scene, view(), 1, 1000);
    expect(plates.isWhole(view(), 1)).toBe(true);
    plates.show(scene, view(), false);
    expect(drawn.of('drawImage')).toHaveLength(1);
    expect(drawn.of('drawImage')[0]?.args).toEqual([0, 0, 1000, 800, 0, 0, 1000, 800]);
    expect(plates.work(scene, view(), 1, 2000)).toBe(false);
    plates.show(scene, view(), false);
    expect(drawn.of('drawImage')).toHaveLength(1);
    expect(hidden).toHaveLength(1);
  });

  it('draws what the renderer draws', () => {
    const whole = new Drawing();
    new Renderer(fakeContext(whole)).draw(scene, view());
    start().plates.work(scene, view(), 1, 1000);
    expect(hidden[0]?.marks).toEqual(whole.marks);
  });

  it('is out of date when the chart changed, and new after several slices', () => {
    const { plates } = start();
    plates.work(scene, view(), 1, 1000);
    tick = 5;
    expect(plates.work(scene, view(), 2, 2000)).toBe(true);
    expect(plates.isWhole(view(), 2)).toBe(false);
    expect(plates.isWhole(view(), 1)).toBe(true);
    expect(settle(plates, view(), 2, 2000)).toBeGreaterThan(1);
    expect(plates.isWhole(view(), 2)).toBe(true);
  });

  it('gives up a picture of an older chart, but not again and again', () => {
    const { plates } = start();
    plates.work(scene, view(), 0, 1000);
    tick = 5;
    let done = 0;
    for (let version = 1; version < 400 && done === 0; version++) {
      plates.work(scene, view(), version, 1000 + version * 16);
      for (let v = 1; v <= version; v++) if (plates.isWhole(view(), v)) done = v;
    }
    expect(done).toBeGreaterThan(1);
    expect(done).toBeLessThan(6);
  });

  it('lays the last picture where the camera is, on whole pixels', () => {
    const { plates, drawn } = start();
    plates.work(scene, view(), 1, 1000);
    tick = 5;
    const moved = view({ camera: pan(camera, 40.4, 0) });
    plates.work(scene, moved, 1, 1016);
    plates.show(scene, moved, false);
    expect(drawn.of('drawImage').at(-1)?.args).toEqual([0, 0, 1000, 800, 40, 0, 1000, 800]);
    expect(plates.isWhole(moved, 1)).toBe(false);
    settle(plates, moved, 1, 1016);
    expect(plates.isWhole(moved, 1)).toBe(true);
    plates.show(scene, moved, false);
    expect(drawn.of('drawImage').at(-1)?.args).toEqual([0, 0, 1000, 800, 0, 0, 1000, 800]);
  });

  it('shows boxes as blocks where the picture ends', () => {
    const { plates, drawn } = start();
    const near = { k: 1, x: 0, y: 0 };
    plates.work(scene, view({ camera: near, level: 'card' }), 1, 1000);
    tick = 5;
    const there = view({ camera: { ...near, x: -900 }, level: 'card' });
    plates.work(scene, there, 1, 1016);
    drawn.wipe();
    plates.show(scene, there, false);
    const blocks = drawn.of('fillRect').filter((m) => m.fill === 'box');
    const seen = scene.boxes.filter(({ rect: r }) => r.x <= 1900 && r.x + r.w > 1000 && r.y <= 800 && r.y + r.h >= 0);
    expect(seen.length).toBeGreaterThan(0);
    expect(blocks).toHaveLength(seen.length);
  });

  it('lights what is pointed at over the last picture, and draws the whole one once the pointer rests', () => {
    const { plates, drawn } = start();
    plates.work(scene, view(), 1, 1000);
    const lit = view({ lit: light() });
    expect(plates.work(scene, lit, 1, 1016)).toBe(true);
    drawn.wipe();
    plates.show(scene, lit, false);
    expect(drawn.of('drawImage')[0]?.alpha).toBe(0.42);
    expect(drawn.of('fillRect').filter((m) => m.alpha === 1 && m.fill === 'box')).toHaveLength(2);
    expect(plates.isWhole(lit, 1)).toBe(false);
    settle(plates, lit, 1, 1016);
    expect(plates.isWhole(lit, 1)).toBe(true);
    // Without the pointer the picture of before is still right.
    expect(plates.isWhole(view(), 1)).toBe(true);
    expect(plates.work(scene, lit, 1, 9000)).toBe(false);
  });

  it('rings what is selected without another picture', () => {
    const { plates, drawn } = start();
    plates.work(scene, view(), 1, 1000);
    plates.show(scene, view(), false);
    const [box = null] = scene.boxes;
    drawn.wipe();
    plates.work(scene, view({ selectedBox: box }), 1, 2000);
    plates.show(scene, view({ selectedBox: box }), false);
    expect(drawn.of('stroke').map((m) => m.stroke)).toEqual(['accent']);
    expect(hidden).toHaveLength(1);
  });

  it('begins anew in other colours or sizes', () => {
    const { plates } = start();
    plates.work(scene, view(), 1, 1000);
    const dark = view({ palette: { ...PALETTE } });
    tick = 5;
    plates.work(scene, dark, 1, 2000);
    expect(plates.isWhole(dark, 1)).toBe(true);
    const small = view({ palette: dark.palette, screen: { w: 500, h: 400 } });
    plates.work(scene, small, 1, 3000);
    expect(plates.isWhole(small, 1)).toBe(true);
  });
});
