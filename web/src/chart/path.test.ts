import { describe, expect, it } from 'vitest';
import { shopFixture } from '../fixtures/shop';
import { fromDocument } from '../state/topology';
import type { Tag, Way } from '../state/trace';
import type { Mark } from '../testing/canvas';
import { boxOf, draw, edgeOf, stubCanvas } from '../testing/chart';
import type { Traced, View } from './brush';
import { type Scene, buildScene } from './scene';
import { chevrons, ticks } from './ticks';

stubCanvas();

const APP_DB = 'app01 puma db01~tcp~5432';
const CRON_DB = 'cron01 reports db01~tcp~5432';
const WEB_APP = 'web01 nginx app01~tcp~9292';

const scene: Scene = buildScene(fromDocument(shopFixture()), { title: 'shop', subtitle: '' });

function traced(tag: Tag = { text: 'Cause 1', sure: true }, edges: Record<string, Way> = { [APP_DB]: 'travels', [CRON_DB]: 'next', [WEB_APP]: 'through' }): Traced {
  return {
    tags: new Map([[boxOf(scene, 'db01'), tag]]),
    tone: 'critical',
    predicted: new Set([boxOf(scene, 'cron01')]),
    edges: new Map(Object.entries(edges).map(([id, way]) => [edgeOf(scene, id), way])),
  };
}

const strokes = (id: string, view: Partial<View> = {}): Mark[] => draw(scene, { traced: traced(), ...view }).along(edgeOf(scene, id).path);

/** Strokes that are one after the other of two short lines: the marks on a line. */
const wings = (view: Partial<View> = {}): Mark[] => draw(scene, { traced: traced(), ...view }).of('stroke').filter((m) => m.stroke === 'critical' && m.path[1]?.startsWith('lineTo') === true && m.path[2]?.startsWith('lineTo') === true && m.path.length >= 3 && m.path[0]?.startsWith('moveTo') === true);

describe('the path on the chart', () => {
  it('is wide and solid where trouble came, dotted where nobody watches, broken where it would go', () => {
    expect(strokes(APP_DB)[0]).toMatchObject({ stroke: 'critical', dash: [] });
    expect(strokes(APP_DB)[0]?.width).toBeGreaterThanOrEqual(2.2);
    expect(strokes(WEB_APP)[0]).toMatchObject({ stroke: 'critical', dash: [1.5, 2.5] });
    expect(strokes(CRON_DB)[0]).toMatchObject({ stroke: 'critical', dash: [4, 3] });
  });

  it('has marks against the arrow of the connection, but for what would only be', () => {
    // Each is a gap in the ground's colour and the mark itself.
    expect(wings()).toHaveLength(2);
    const only = (way: Way): Partial<View> => ({ traced: traced(undefined, { [APP_DB]: way }) });
    expect(wings(only('next'))).toHaveLength(0);
    expect(wings(only('travels'))).toHaveLength(1);
  });

  it('is drawn from however far away', () => {
    for (const [k, level] of [[0.2, 'dot'], [0.5, 'tag'], [1, 'card'], [1.8, 'detail']] as const) {
      expect(strokes(APP_DB, { camera: { x: 0, y: 100, k }, level })[0]?.stroke).toBe('critical');
    }
  });

  it('has a tag and a halo on the likely cause', () => {
    const marks = draw(scene, { traced: traced() });
    expect(marks.text('Cause 1').fill).toBe('critical-on');
    expect(marks.of('stroke').some((m) => m.stroke === 'critical' && Math.abs(m.alpha - 0.18) < 0.001)).toBe(true);
  });

  it('has a plain tag on what is no more than possible', () => {
    const marks = draw(scene, { traced: traced({ text: 'Possible 1', sure: false }, {}) });
    expect(marks.text('Possible 1').fill).toBe('ink');
    expect(marks.of('stroke').some((m) => m.stroke === 'critical' && Math.abs(m.alpha - 0.18) < 0.001)).toBe(false);
  });

  it('outlines what would fail next with a broken line', () => {
    const { x, y } = boxOf(scene, 'cron01').rect;
    const outline = draw(scene, { traced: traced() }).of('stroke').filter((m) => {
      const [left = NaN, top = NaN] = (m.path[0] ?? '').replace('roundRect ', '').split(',').map(Number);
      return m.stroke === 'critical' && Math.abs(left - x) <= 1 && Math.abs(top - y) <= 1;
    });
    expect(outline.at(-1)).toMatchObject({ dash: [4, 3] });
  });

  it('has the colour of its incident', () => {
    const mild = { ...traced(), tone: 'warning' as const };
    expect(draw(scene, { traced: mild }).text('Cause 1').fill).toBe('warning-on');
    expect(draw(scene, { traced: mild }).along(edgeOf(scene, APP_DB).path)[0]?.stroke).toBe('warning-line');
  });

  it('leaves a chart without one as it is', () => {
    expect(draw(scene, { traced: null }).marks).toEqual(draw(scene).marks);
  });
});

describe('a signal', () => {
  it('is drawn on its line and written, though the page itself saw nothing', () => {
    const trouble = { severity: 'failing' as const, short: '12 refused', text: '12 attempts refused', kind: 'refused' };
    const signals = new Map([[CRON_DB, [trouble]]]);
    expect(draw(scene, { signals }).along(edgeOf(scene, CRON_DB).path)[0]?.stroke).toBe('critical');
    expect(draw(scene, { signals }).texts).toContain('12 refused');
    expect(draw(scene).texts).not.toContain('12 refused');
  });
});

describe('marks along a line', () => {
  const line = [{ x: 0, y: 0 }, { x: 100, y: 0 }];
  const all = { x: -10, y: -10, w: 200, h: 20 };

  it('point back to where the line begins, none on its head', () => {
    // A wing, the tip and the other wing, of each; the tip is nearer to the beginning.
    expect(chevrons(line, 40, 4, 20, all)).toEqual([24, -4, 20, 0, 24, 4, 64, -4, 60, 0, 64, 4]);
  });

  it('stand where ticks would', () => {
    expect(ticks(line, 40, 4, 20, all)).toEqual([20, -4, 20, 4, 60, -4, 60, 4]);
    expect(chevrons(line, 40, 4, 20, { x: 50, y: -10, w: 100, h: 20 })).toHaveLength(6);
  });
});
