import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { oneHostFixture } from '../fixtures';
import { fromDocument } from '../state/topology';
import { PALETTE, fakeContext, Drawing } from '../testing/canvas';
import { type Camera, toScreen } from './camera';
import { ChartController } from './controller';
import { downOf, lanesOf } from './down';
import { listen } from './gestures';
import { type Hit, buildScene } from './scene';

let canvas: HTMLCanvasElement;
let chart: ChartController;
let clicked: (Hit | null)[];
let stop: () => void;

beforeEach(() => {
  vi.stubGlobal('requestAnimationFrame', () => 1);
  vi.stubGlobal('cancelAnimationFrame', () => undefined);
  vi.stubGlobal('Path2D', vi.fn());
  canvas = document.createElement('canvas');
  const context = fakeContext(new Drawing());
  canvas.getContext = (() => context) as never;
  canvas.setPointerCapture = () => undefined;
  document.body.append(canvas);
  chart = new ChartController(() => true);
  chart.attach(canvas);
  chart.setPalette(PALETTE);
  chart.resize({ w: 1120, h: 800 });
  chart.setScene(buildScene(fromDocument(oneHostFixture()), { title: '', subtitle: '' }));
  clicked = [];
  stop = listen(canvas, chart, (hit) => clicked.push(hit));
});

afterEach(() => {
  canvas.remove();
  vi.unstubAllGlobals();
});

function pointer(type: string, x: number, y: number, init: PointerEventInit = {}): void {
  canvas.dispatchEvent(new PointerEvent(type, { clientX: x, clientY: y, pointerId: 1, button: 0, pointerType: 'mouse', bubbles: true, ...init }));
}

function wheel(init: WheelEventInit): WheelEvent {
  const event = new WheelEvent('wheel', { bubbles: true, cancelable: true, ...init });
  // The test's DOM knows nothing of a wheel event's place and modifiers.
  const { clientX = 300, clientY = 200, ctrlKey = false, metaKey = false, shiftKey = false } = init;
  for (const [name, value] of Object.entries({ clientX, clientY, ctrlKey, metaKey, shiftKey })) Object.defineProperty(event, name, { value });
  canvas.dispatchEvent(event);
  return event;
}

function camera(): Camera {
  if (!chart.camera) throw new Error('no camera');
  return chart.camera;
}

/** Where the middle of a box is on the screen. */
function at(name: string): { x: number; y: number } {
  const rect = chart.scene?.boxByName.get(name)?.rect;
  if (!rect) throw new Error(`no box ${name}`);
  return toScreen(camera(), { x: rect.x + rect.w / 2, y: rect.y + 10 });
}

describe('a drag', () => {
  it('pans by as much as the pointer moved', () => {
    const before = camera();
    pointer('pointerdown', 500, 400);
    pointer('pointermove', 520, 410);
    pointer('pointermove', 560, 430);
    pointer('pointerup', 560, 430);
    expect(camera()).toEqual({ k: before.k, x: before.x + 60, y: before.y + 30 });
    expect(clicked).toEqual([]);
  });

  it('shows that it holds the chart, and lets go', () => {
    pointer('pointerdown', 500, 400);
    expect(canvas.classList.contains('dragging')).toBe(false);
    pointer('pointermove', 540, 400);
    expect(canvas.classList.contains('dragging')).toBe(true);
    pointer('pointerup', 540, 400);
    expect(canvas.classList.contains('dragging')).toBe(false);
  });

  it('that is called off selects nothing', () => {
    pointer('pointerdown', 500, 400);
    pointer('pointercancel', 500, 400);
    expect(clicked).toEqual([]);
  });

  it('with another button does nothing', () => {
    const before = camera();
    pointer('pointerdown', 500, 400, { button: 2 });
    pointer('pointermove', 560, 430);
    expect(camera()).toEqual(before);
  });
});

describe('a click', () => {
  it('selects what is under it, even with a trembling hand', () => {
    const { x, y } = at('vm');
    pointer('pointerdown', x, y);
    pointer('pointermove', x + 2, y + 1);
    pointer('pointerup', x + 2, y + 1);
    expect(clicked).toHaveLength(1);
    expect(clicked[0]).toMatchObject({ kind: 'box', box: { node: { name: 'vm' } } });
  });

  it('on a row is the row, on nothing is nothing', () => {
    const rect = chart.scene?.boxByName.get('vm')?.rect ?? { x: 0, y: 0, w: 0, h: 0 };
    const row = toScreen(camera(), { x: rect.x + 40, y: rect.y + 27 + 10 });
    pointer('pointerdown', row.x, row.y);
    pointer('pointerup', row.x, row.y);
    pointer('pointerdown', 3, 3);
    pointer('pointerup', 3, 3);
    expect(clicked[0]).toMatchObject({ kind: 'row', row: { row: { process: 'nginx', port: 443 } } });
    expect(clicked[1]).toBeNull();
  });
});

describe('a mouse over the chart', () => {
  it('points at what is there, and no longer when it leaves', () => {
    const hover = vi.spyOn(chart, 'hover');
    const { x, y } = at('vm');
    pointer('pointermove', x, y);
    expect(canvas.classList.contains('pointing')).toBe(true);
    pointer('pointermove', 3, 3);
    expect(canvas.classList.contains('pointing')).toBe(false);
    pointer('pointerleave', 0, 0);
    expect(hover.mock.calls.map(([hit]) => hit?.kind ?? null)).toEqual(['box', null, null]);
  });

  it('is not what a finger does', () => {
    const hover = vi.spyOn(chart, 'hover');
    const { x, y } = at('vm');
    pointer('pointermove', x, y, { pointerType: 'touch' });
    expect(hover).not.toHaveBeenCalled();
  });
});

describe('two fingers', () => {
  const touch = (type: string, id: number, x: number, y: number): void => pointer(type, x, y, { pointerId: id, pointerType: 'touch' });

  it('zoom by their distance, around their middle', () => {
    touch('pointerdown', 1, 400, 300);
    touch('pointerdown', 2, 600, 300);
    const before = camera();
    touch('pointermove', 2, 800, 300);
    expect(camera().k).toBeCloseTo(before.k * 2, 6);
  });

  it('keep the point between them where it is when both move apart alike', () => {
    touch('pointerdown', 1, 400, 300);
    touch('pointerdown', 2, 600, 300);
    const before = camera();
    const point = { x: (500 - before.x) / before.k, y: (300 - before.y) / before.k };
    touch('pointermove', 1, 380, 300);
    touch('pointermove', 2, 620, 300);
    const after = toScreen(camera(), point);
    expect(after.x).toBeCloseTo(500, 6);
    expect(after.y).toBeCloseTo(300, 6);
  });

  it('pan when they move together', () => {
    touch('pointerdown', 1, 400, 300);
    touch('pointerdown', 2, 600, 300);
    const before = camera();
    for (let i = 1; i <= 40; i++) {
      touch('pointermove', 1, 400, 300 + i);
      touch('pointermove', 2, 600, 300 + i);
    }
    expect(camera().k).toBeCloseTo(before.k, 2);
    expect(camera().y - before.y).toBeCloseTo(40, 0);
  });

  it('select nothing, also when they leave one after the other', () => {
    const { x, y } = at('vm');
    touch('pointerdown', 1, x, y);
    touch('pointerdown', 2, x + 100, y);
    touch('pointermove', 2, x + 101, y);
    touch('pointerup', 2, x + 101, y);
    touch('pointerup', 1, x, y);
    expect(clicked).toEqual([]);
    touch('pointerdown', 1, x, y);
    touch('pointerup', 1, x, y);
    expect(clicked).toHaveLength(1);
  });
});

describe('the wheel', () => {
  it.each([
    ['pans', { deltaX: 30, deltaY: 40 }, -30, -40],
    ['pans sideways with Shift', { deltaY: 40, shiftKey: true }, -40, 0],
    ['pans by lines', { deltaY: 3, deltaMode: 1 }, 0, -48],
  ] as const)('%s', (_, init, dx, dy) => {
    const before = camera();
    expect(wheel(init).defaultPrevented).toBe(true);
    expect(camera().x).toBeCloseTo(before.x + dx, 6);
    expect(camera().y).toBeCloseTo(before.y + dy, 6);
  });

  it.each(['ctrlKey', 'metaKey'] as const)('zooms around the pointer with %s', (key) => {
    const before = camera();
    const point = { x: (300 - before.x) / before.k, y: (200 - before.y) / before.k };
    wheel({ deltaY: -20, [key]: true, clientX: 300, clientY: 200 });
    expect(camera().k).toBeGreaterThan(before.k);
    expect(toScreen(camera(), point).x).toBeCloseTo(300, 6);
    wheel({ deltaY: 20, [key]: true });
    expect(camera().k).toBeCloseTo(before.k, 6);
  });

  it('takes a coarse wheel in small steps', () => {
    const before = camera();
    wheel({ deltaY: -5000, ctrlKey: true });
    expect(camera().k / before.k).toBeLessThan(1.7);
  });
});

describe('stop', () => {
  it('leaves the canvas alone', () => {
    stop();
    const before = camera();
    pointer('pointerdown', 500, 400);
    pointer('pointermove', 560, 430);
    expect(wheel({ deltaY: 40 }).defaultPrevented).toBe(false);
    expect(camera()).toEqual(before);
  });
});

describe('a swipe over a lane', () => {
  let turns: number[];

  beforeEach(() => {
    stop();
    const topology = fromDocument(oneHostFixture());
    const [lane] = lanesOf(topology);
    if (!lane) throw new Error('no lane');
    chart.resize({ w: 390, h: 700 });
    chart.reset();
    chart.setScene(buildScene(downOf(topology, lane), { title: '', subtitle: '' }));
    turns = [];
    stop = listen(canvas, chart, (hit) => clicked.push(hit), undefined, undefined, (by) => turns.push(by));
  });

  const swipe = (dx: number, dy: number, pointerType = 'touch'): void => {
    pointer('pointerdown', 200, 300, { pointerType });
    pointer('pointermove', 200 + dx / 2, 300 + dy / 2, { pointerType });
    pointer('pointermove', 200 + dx, 300 + dy, { pointerType });
    pointer('pointerup', 200 + dx, 300 + dy, { pointerType });
  };

  it('goes to the next lane, or the one before, and moves nothing aside', () => {
    const { x } = camera();
    swipe(-120, 10);
    swipe(120, -20);
    expect(turns).toEqual([1, -1]);
    expect(camera().x).toBe(x);
  });

  it('is none down the page, of a mouse, or where it was zoomed in', () => {
    const { y } = camera();
    swipe(-80, 60);
    expect(camera().y).toBe(y + 60);
    swipe(-120, 0, 'mouse');
    chart.zoom(2);
    const { x } = camera();
    swipe(-120, 0);
    expect(turns).toEqual([]);
    expect(camera().x).toBe(x - 120);
  });
});
