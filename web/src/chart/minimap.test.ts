import { describe, expect, it } from 'vitest';
import { makeSite } from '../fixtures';
import { fromDocument } from '../state/topology';
import { Drawing, PALETTE, fakeContext } from '../testing/canvas';
import { centre, fit } from './camera';
import { drawWhole, isNeeded, minimapOf, pointOf, windowOn } from './minimap';
import { buildScene } from './scene';

const SCREEN = { w: 1120, h: 780 };
const document = makeSite(60);
const ill = document.nodes.map((n, i) => (i === 3 ? { ...n, status: 'DOWN' as const, open_status: 'DOWN' as const } : n));
const scene = buildScene(fromDocument({ ...document, nodes: ill }), { title: 'this site', subtitle: '' });
const map = minimapOf(scene);

describe('the minimap', () => {
  it('holds all of the chart within its most', () => {
    expect(map.size.w).toBeLessThanOrEqual(200);
    expect(map.size.h).toBeLessThanOrEqual(140);
    expect(map.boxes).toHaveLength(scene.boxes.length);
    for (const r of [...map.boxes, ...map.lanes]) {
      expect(r.x).toBeGreaterThanOrEqual(0);
      expect(r.x + r.w).toBeLessThanOrEqual(map.size.w);
      expect(r.y + r.h).toBeLessThanOrEqual(map.size.h);
    }
  });

  it('draws boxes in trouble so large that they are seen', () => {
    expect(map.troubles.map((t) => t.colour)).toEqual(['critical']);
    expect(Math.min(...map.troubles.flatMap((t) => [t.w, t.h]))).toBeGreaterThanOrEqual(2.99);
  });

  it('leads to the point of the chart that is pressed', () => {
    const middle = { x: scene.bounds.x + scene.bounds.w / 2, y: scene.bounds.y + scene.bounds.h / 2 };
    const seen = windowOn(map, centre(middle, 1, SCREEN), SCREEN);
    const back = pointOf(map, { x: seen.x + seen.w / 2, y: seen.y + seen.h / 2 });
    expect(back.x).toBeCloseTo(middle.x);
    expect(back.y).toBeCloseTo(middle.y);
  });

  it('is there where a part of a chart is seen that cannot be read as a whole', () => {
    const far = fit(scene.bounds, SCREEN);
    expect(far.k).toBeLessThan(0.7);
    expect(isNeeded(scene, far, SCREEN)).toBe(false);
    expect(isNeeded(scene, { ...far, k: far.k * 3 }, SCREEN)).toBe(true);
    const { bounds } = scene;
    const small = { ...scene, bounds: { ...bounds, w: 400, h: 300 } };
    expect(isNeeded(small, centre({ x: 9000, y: 0 }, 1, SCREEN), SCREEN)).toBe(false);
  });

  it('draws lanes, boxes, trouble, and the window over them', () => {
    const drawn = new Drawing();
    drawWhole(fakeContext(drawn), map, PALETTE, 2);
    const fills = drawn.of('fillRect').map((m) => m.fill);
    expect(fills[0]).toBe('bg');
    expect(fills.at(-1)).toBe('critical');
    expect(fills.filter((f) => f === 'box')).toHaveLength(scene.boxes.length);
  });
});
