import { describe, expect, it } from 'vitest';
import { makeAlertSite } from '../fixtures';
import { SHAPES, shapeOf, stateOf } from '../parts/shapes';
import { isBad } from '../state/checks';
import { fromDocument } from '../state/topology';
import { boxOf, draw, stubCanvas } from '../testing/chart';
import type { View } from './brush';
import { buildScene } from './scene';

stubCanvas();

const scene = buildScene(fromDocument(makeAlertSite()), { title: 'this site', subtitle: '' });

/** What is drawn within a box. */
function within(name: string, view: Partial<View> = {}) {
  const { x, y, w, h } = boxOf(scene, name).rect;
  const marks = draw({ ...scene, boxes: scene.boxes.filter((b) => b.node.name === name), edges: [] }, { camera: { x: 200 - x, y: 200 - y, k: 1 }, ...view }).marks;
  return { marks, w, h, x };
}

const strokes = (name: string): string[] => within(name).marks.filter((m) => m.op === 'stroke').map((m) => m.stroke);
const fills = (name: string): string[] => within(name).marks.filter((m) => m.op === 'fill').map((m) => m.fill);

describe('a box', () => {
  it('with open trouble has its outline, a ground under its row, and a shape before its name', () => {
    expect(strokes('db01')).toContain('critical');
    expect(fills('db01')).toContain('critical-bg');
    const name = within('db01').marks.find((m) => m.text === 'db01');
    const calm = within('db02').marks.find((m) => m.text === 'db02');
    expect((name?.args[0] ?? 0) - within('db01').x).toBeGreaterThan((calm?.args[0] ?? 0) - within('db02').x);
  });

  it('whose trouble is taken care of has a hollow shape, and neither outline nor ground', () => {
    const { marks } = within('app01');
    const first = marks.filter((m) => m.op === 'stroke' && m.path[0] !== 'a shape').map((m) => m.stroke);
    expect(first).not.toContain('warning-line');
    expect(fills('app01')).not.toContain('warning-bg');
    expect(marks.filter((m) => m.op === 'stroke' && m.path[0] === 'a shape').map((m) => m.stroke)).toContain('warning-line');
    expect(fills('app01')).not.toContain('warning-fill');
  });

  it('of which nobody tells any more is grey, with a hatched row', () => {
    const { marks } = within('cache01');
    expect(marks.filter((m) => m.op !== 'fillText').some((m) => m.fill === 'critical' || m.stroke === 'critical')).toBe(false);
    const hatch = marks.find((m) => m.op === 'stroke' && m.stroke === 'line2' && m.path.filter((p) => p.startsWith('moveTo')).length > 5);
    expect(hatch).toBeDefined();
    expect(marks.filter((m) => m.op === 'stroke' && m.path[0] === 'a shape').map((m) => m.stroke)).toContain('ink3');
  });

  it('where all is fine is as quiet as one that nobody checks, but for a dot', () => {
    expect(strokes('web01')).toEqual(strokes('web02').filter((s) => s !== 'ink3'));
    expect(fills('web01')).toContain('ok');
  });

  it('from afar is a block that only open trouble fills', () => {
    const block = (name: string): string[] => within(name, { level: 'dot' }).marks.filter((m) => m.op === 'fillRect' && m.args[2] === boxOf(scene, name).rect.w).map((m) => m.fill);
    expect(block('db01')).toEqual(['critical']);
    expect(block('app01')[0]).toBe('box');
    expect(block('cache01')[0]).toBe('box');
  });
});

describe('the shapes of checks', () => {
  const bad = ['WARNING', 'CRITICAL', 'UNKNOWN', 'DOWN', 'UNREACHABLE'] as const;

  it.each(bad)('%s is another shape when open, taken care of, and no longer told', (status) => {
    expect(isBad(status)).toBe(true);
    const shapes = (['open', 'handled', 'stale'] as const).map((way) => shapeOf({ way, status }));
    expect(new Set(shapes).size).toBe(3);
    expect(new Set(shapes.map((s) => SHAPES[s].marks.map((m) => `${m.d} ${m.stroke}`).join())).size).toBe(3);
  });

  it('of what is fine is its own, grey when nobody tells', () => {
    expect(shapeOf({ way: 'quiet', status: 'UP' })).toBe('UP');
    expect(shapeOf({ way: 'stale', status: 'UP' })).toBe('STALE_OK');
    expect(shapeOf({ way: 'stale', status: 'PENDING' })).toBe('STALE_OK');
  });

  it('rank below what the sockets show, but for open CRITICAL and DOWN', () => {
    const service = { state: 'listening' } as const;
    expect(stateOf({ ...service, status: 'CRITICAL', open_status: 'CRITICAL' }, true)).toBe('CRITICAL');
    expect(stateOf({ ...service, status: 'CRITICAL', open_status: 'OK' }, true)).toBe('SIGNAL');
    expect(stateOf({ ...service, status: 'WARNING', open_status: 'WARNING' }, true)).toBe('SIGNAL');
    expect(stateOf({ ...service, state: 'gone', status: 'CRITICAL' }, true)).toBe('GONE');
  });
});
