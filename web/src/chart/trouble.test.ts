import { describe, expect, it } from 'vitest';
import type { Connection, Health, NodeState, Service, TopologyDocument } from '../api/types';
import { containersFixture, makeIllSite, makeSite, oneHostFixture } from '../fixtures';
import type { Grown } from '../state/growth';
import { fromDocument } from '../state/topology';
import type { Drawing, Mark } from '../testing/canvas';
import { VIEW, draw, edgeOf, stubCanvas } from '../testing/chart';
import type { View } from './brush';
import { type Scene, type SceneEdge, buildScene } from './scene';

stubCanvas();

const NOW = VIEW.now;
const LANE = { title: 'this site', subtitle: '' };

function sceneOf(doc: TopologyDocument, grown: Grown = new Map()): Scene {
  return buildScene({ ...fromDocument(doc), grown }, LANE);
}

/** The fixture with one connection in another health. */
function withHealth(health: Partial<Health>, change: Partial<Connection> = {}, id = 'c8'): TopologyDocument {
  const doc = oneHostFixture();
  return { ...doc, connections: doc.connections.map((c) => (c.id === id ? { ...c, ...change, health: { end: 'client', ...health } } : c)) };
}

/** The strokes of an edge's line, and after it its ticks: one stroke of many short lines. */
function strokes(scene: Scene, id: string, view: Partial<View> = {}): Mark[] {
  return strokesOf(draw(scene, view), edgeOf(scene, id));
}

function strokesOf({ marks }: Drawing, { path }: SceneEdge): Mark[] {
  const at = marks.findIndex((m) => m.op === 'stroke' && m.path[0] === `moveTo ${path.x},${path.y}` && m.path.at(-1)?.startsWith(`bezierCurveTo ${path.curves.slice(-6, -2).join()},`));
  const line = marks[at];
  const ticks = marks.slice(at + 1, at + 3).find((m) => m.op === 'stroke' && m.path.length > 1 && m.path[1]?.startsWith('lineTo') && m.path[2]?.startsWith('moveTo'));
  return [line, ticks].filter((m) => m !== undefined);
}

/** How far the first two ticks are apart, and how long the first is. */
function measure(ticks: Mark | undefined): { pitch: number; length: number } {
  const [a = [], b = [], c = [], d = []] = (ticks?.path ?? []).map((step) => (step.split(' ')[1] ?? '').split(',').map(Number));
  const middle = (p: number[], q: number[]): number[] => [((p[0] ?? 0) + (q[0] ?? 0)) / 2, ((p[1] ?? 0) + (q[1] ?? 0)) / 2];
  const distance = (p: number[], q: number[]): number => Math.hypot((p[0] ?? 0) - (q[0] ?? 0), (p[1] ?? 0) - (q[1] ?? 0));
  return { pitch: distance(middle(a, b), middle(c, d)), length: distance(a, b) };
}

const WAITING = { connecting: 3, connecting_since: '2026-11-23T05:28:00Z' };

describe('a line that fails', () => {
  it('is critical, with ticks across it', () => {
    const [line, ticks] = strokes(sceneOf(withHealth(WAITING)), 'c8');
    expect(line).toMatchObject({ stroke: 'critical', dash: [], alpha: 1 });
    expect(ticks).toMatchObject({ stroke: 'critical', width: 1.2, dash: [], alpha: 1 });
    expect(measure(ticks).length).toBeCloseTo(7);
    expect(measure(ticks).pitch).toBeCloseTo(7, 1);
  });

  it('is as wide as it would be, and runs where it would run', () => {
    const ill = sceneOf(withHealth(WAITING));
    const well = sceneOf(oneHostFixture());
    expect(edgeOf(ill, 'c8').path).toEqual(edgeOf(well, 'c8').path);
    expect(strokes(ill, 'c8')[0]?.width).toBe(strokes(well, 'c8')[0]?.width);
  });

  it('is solid and no ghost, even with nothing open or its service gone', () => {
    const doc = withHealth(WAITING, { status: 'old', count: 0 }, 'c10');
    expect(strokes(sceneOf(doc), 'c10')[0]).toMatchObject({ dash: [], stroke: 'critical' });
    const gone = withHealth(WAITING, {}, 'c1');
    const services = gone.services.map<Service>((s) => (s.port === 443 ? { ...s, state: 'gone' } : s));
    expect(strokes(sceneOf({ ...gone, services }), 'c1')[0]?.alpha).toBe(1);
  });

  it('fails from the moment that its oldest attempt waits too long', () => {
    const scene = sceneOf(withHealth({ connecting: 1, connecting_since: '2026-11-23T05:29:59Z' }));
    expect(strokes(scene, 'c8')).toHaveLength(1);
    expect(strokes(scene, 'c8', { now: NOW + 2001 })).toHaveLength(2);
  });

  it('fails too when the browser’s clock is slow', () => {
    expect(strokes(sceneOf(withHealth(WAITING)), 'c8', { now: NOW - 3_600_000 })).toHaveLength(2);
  });

  it('fails while it is refused, and no longer', () => {
    const scene = sceneOf(oneHostFixture(), new Map([['c8', { refused: { by: 12, at: NOW } }]]));
    expect(strokes(scene, 'c8', { now: NOW + 59_000 })[0]?.stroke).toBe('critical');
    expect(strokes(scene, 'c8', { now: NOW + 60_000 })).toMatchObject([{ stroke: 'edge' }]);
  });

  it('that is selected keeps its ticks', () => {
    const [line, ticks] = strokes(sceneOf(withHealth(WAITING)), 'c8', { selectedEdge: 'c8' });
    expect([line?.stroke, ticks?.stroke]).toEqual(['accent', 'critical']);
  });

  it('is dimmed while something else is lit, and dark when it is lit itself', () => {
    const scene = sceneOf(withHealth(WAITING));
    const lit = (id: string) => ({ lit: { edges: new Set([edgeOf(scene, id)]), boxes: new Set<never>() } });
    expect(strokes(scene, 'c8', lit('c1')).map((m) => m.alpha)).toEqual([0.42, 0.42]);
    expect(strokes(scene, 'c8', lit('c8')).map((m) => [m.alpha, m.stroke])).toEqual([[1, 'critical'], [1, 'critical']]);
  });
});

describe('a line that is strained', () => {
  it.each([
    ['sends much again', { retransmit_ratio: 0.05 }],
    ['is left open', { close_wait: 10 }],
  ])('because it %s has fewer ticks, so that it differs without colour', (_, health) => {
    const [line, ticks] = strokes(sceneOf(withHealth(health)), 'c8');
    expect(line).toMatchObject({ stroke: 'warning-line', dash: [] });
    expect(measure(ticks).length).toBeCloseTo(7);
    expect(measure(ticks).pitch).toBeCloseTo(16, 0);
  });

  it.each([
    ['little sent again', { retransmit_ratio: 0.049 }],
    ['a few left open', { close_wait: 9 }],
    ['nothing', {}],
  ])('is not so with %s', (_, health) => {
    expect(strokes(sceneOf(withHealth(health)), 'c8')).toMatchObject([{ stroke: 'edge' }]);
  });

  it('and fails as well is drawn as failing', () => {
    expect(strokes(sceneOf(withHealth({ ...WAITING, retransmit_ratio: 0.4 })), 'c8')[0]?.stroke).toBe('critical');
  });
});

describe('from further away', () => {
  const site = sceneOf(makeIllSite(60));
  const ill = site.suspects[0];
  if (!ill) throw new Error('nothing is ill');

  it.each([
    ['tag', 0.5],
    ['dot', 0.2],
  ] as const)('trouble is drawn as %s, with ticks of the same size on screen', (level, k) => {
    const marks = strokesOf(draw(site, { level, camera: { x: 0, y: 0, k } }), ill);
    expect(marks).toHaveLength(2);
    expect(measure(marks[1]).length).toBeCloseTo(7 / k);
  });

  it('what fails lies over what is strained, and both over the rest', () => {
    const order = draw(site, { screen: { w: 9000, h: 9000 } }).of('stroke').map((m) => m.stroke).filter((c) => ['edge', 'warning-line', 'critical'].includes(c));
    expect(order.lastIndexOf('edge')).toBeLessThan(order.indexOf('warning-line'));
    expect(order.lastIndexOf('warning-line')).toBeLessThan(order.indexOf('critical'));
  });
});

describe('labels of trouble', () => {
  it('say what it is in its colour, instead of the count, above the line', () => {
    const scene = sceneOf(withHealth(WAITING));
    const mark = draw(scene).text('3 unanswered');
    expect(mark.fill).toBe('critical');
    expect(draw(scene).texts).not.toContain('8');
    expect(mark.args[1]).not.toBe(edgeOf(scene, 'c8').label.y);
    expect(draw(sceneOf(withHealth({ retransmit_ratio: 0.08 }))).text('8 % resent').fill).toBe('warning-text');
  });

  it('stand on no box', () => {
    const scene = sceneOf(containersFixture());
    const drawn = draw(scene, { camera: { x: 50, y: 100, k: 1 } });
    for (const words of ['3 unanswered', '14 not closed', '7.8 % resent']) {
      const [x = 0, y = 0] = drawn.text(words).args;
      const half = (words.length * 6) / 2;
      const hit = scene.boxes.some(({ rect }) => x + half > rect.x && x - half < rect.x + rect.w && y > rect.y && y < rect.y + rect.h);
      expect([words, hit]).toEqual([words, false]);
    }
  });

  it('leave each other room, so that two don’t read as one', () => {
    const scene = buildScene(fromDocument(makeIllSite(15, 1)), LANE);
    const areas = draw(scene).of('strokeText').map((m) => ({ x: (m.args[0] ?? 0) - m.text.length * 3, y: m.args[1] ?? 0, w: m.text.length * 6 }));
    expect(areas.length).toBeGreaterThan(12);
    const close = areas.flatMap((a, i) => areas.slice(i + 1).filter((b) => Math.abs(a.y - b.y) < 12.6 && a.x < b.x + b.w + 7 && b.x < a.x + a.w + 7));
    expect(close).toEqual([]);
  });

  it('stand where nothing is open, but not from far away', () => {
    const scene = sceneOf(withHealth(WAITING, { count: 0 }, 'c10'));
    expect(draw(scene).texts).toContain('3 unanswered');
    expect(draw(scene, { level: 'dot', camera: { x: 0, y: 0, k: 0.2 } }).texts).not.toContain('3 unanswered');
  });

  it('go off the window with their line, rather than onto a box beside it', () => {
    const scene = sceneOf(containersFixture());
    const [shown = 0] = draw(scene, { camera: { x: 50, y: 100, k: 1 } }).text('14 not closed').args;
    const narrow = draw(scene, { camera: { x: 50, y: 100, k: 1 }, screen: { w: 690, h: 800 } });
    expect(narrow.text('14 not closed').args[0]).toBe(shown);
  });

  it('of what is pointed at tell all of it in sentences', () => {
    const scene = sceneOf(withHealth({ ...WAITING, close_wait: 12 }));
    const pointed = edgeOf(scene, 'c8');
    const drawn = draw(scene, { pointed, lit: { edges: new Set([pointed]), boxes: new Set() } });
    const [line, first, second] = ['gunicorn → 10.20.4.31 :6379, 8 open, 59 opened', '3 attempts wait for an answer, for 2 min', '12 connections closed by the other end, not by gunicorn'].map((t) => drawn.text(t));
    expect([line?.fill, first?.fill, second?.fill]).toEqual(['ink', 'critical', 'warning-text']);
    const heights = [line, first, second].map((m) => m?.args[1] ?? 0);
    expect(heights).toEqual([...heights].sort((a, b) => a - b));
    expect(new Set(heights).size).toBe(3);
  });

  it('of what is pointed at and well are one line', () => {
    const scene = sceneOf(oneHostFixture());
    expect(draw(scene, { pointed: edgeOf(scene, 'c8') }).texts.filter((t) => t.includes('gunicorn →'))).toHaveLength(1);
  });
});

describe('a service in trouble', () => {
  /** What is drawn in the critical colour by a state's shape. */
  const signs = (doc: TopologyDocument, grown?: Grown): number =>
    draw(sceneOf(doc, grown)).of('stroke').filter((m) => m.path[0] === 'a shape' && m.stroke === 'critical').length;
  const gunicorn = (change: Partial<Service>): TopologyDocument => {
    const doc = oneHostFixture();
    return { ...doc, services: doc.services.map((s) => (s.port === 8000 ? { ...s, ...change } : s)) };
  };

  it('has the sign of a signal in its row, in bold, on no ground', () => {
    expect(signs(gunicorn({ queue: 128 }))).toBe(0);
    expect(signs(gunicorn({ queue: 129 }))).toBe(1);
    const drawn = draw(sceneOf(gunicorn({ queue: 129 })));
    expect(drawn.text('gunicorn').font).toMatch(/^600 /);
    expect(drawn.of('fill').filter((m) => m.fill === 'critical-bg')).toHaveLength(0);
  });

  it('has it while it turns connections away', () => {
    const id = 'vm~tcp~8000~127.0.0.1';
    expect(signs(oneHostFixture(), new Map([[id, { drops: { by: 3, at: NOW - 1000 } }]]))).toBe(1);
    expect(signs(oneHostFixture(), new Map([[id, { drops: { by: 3, at: NOW - 60_000 } }]]))).toBe(0);
  });

  it('that is critical by a check keeps the sign of the check', () => {
    const drawn = draw(sceneOf(gunicorn({ queue: 129, status: 'CRITICAL' })));
    expect(drawn.of('fill').filter((m) => m.path[0] === 'a shape' && m.fill === 'critical')).toHaveLength(1);
    expect(signs(gunicorn({ queue: 129, status: 'CRITICAL' }))).toBe(0);
  });
});

describe('a container', () => {
  const scene = sceneOf(containersFixture());
  const marks = (s: Scene, view: Partial<View> = {}): Mark[] => draw(s, view).of('stroke').filter((m) => m.path[0] === 'a shape' && m.width === 1.5);

  it('has its own name, its host’s at the right, and a mark of its own', () => {
    const drawn = draw(scene);
    expect(drawn.text('shop-web')).toMatchObject({ fill: 'ink' });
    expect(drawn.text('shop-web').font).toMatch(/^600 /);
    expect(drawn.texts.filter((t) => t === 'shop01')).toHaveLength(4);
    expect(marks(scene).map((m) => m.stroke)).toEqual(['ink2', 'ink2', 'ink2']);
  });

  it('leaves its mark to no other kind', () => {
    expect(marks(sceneOf(oneHostFixture()))).toHaveLength(0);
    expect(draw(scene).text('db01').args[0]).toBe((scene.boxByName.get('db01')?.rect.x ?? 0) + 10);
    expect(draw(scene).text('worker').args[0]).toBe((scene.boxByName.get('shop01/worker')?.rect.x ?? 0) + 27);
  });

  it('says its whole name where its address stands at the right, its own where that has no room', () => {
    const close = { level: 'detail', camera: { x: -400, y: 0, k: 2 } } as const;
    expect(draw(scene, close).texts).toEqual(expect.arrayContaining(['worker', '172.17.0.4']));
    const doc = containersFixture();
    const wide = sceneOf({ ...doc, nodes: doc.nodes.map((n) => ({ ...n, layout: { ...n.layout, w: 220 } })) });
    expect(draw(wide, close).texts).toEqual(expect.arrayContaining(['shop01/worker', '172.17.0.4']));
  });

  it('that is stale says its whole name and its age, in a quiet ink', () => {
    const doc = containersFixture();
    const stale: NodeState = 'stale';
    const nodes = doc.nodes.map((n) => (n.name === 'shop01/worker' ? { ...n, state: stale, last_report: '2026-11-23T05:16:00Z' } : n));
    const drawn = draw(sceneOf({ ...doc, nodes }));
    expect(drawn.text('shop01/worker').fill).toBe('ink3');
    expect(drawn.texts).toContain('14 min');
    expect(marks(sceneOf({ ...doc, nodes })).map((m) => m.stroke)).toContain('ink3');
  });

  it('from further away has its own name and its mark', () => {
    const far = { level: 'tag', camera: { x: 0, y: 0, k: 0.6 } } as const;
    expect(draw(scene, far).texts).toEqual(expect.arrayContaining(['worker', 'shop-web', 'shop01', 'db01']));
    expect(draw(scene, far).texts.filter((t) => t.includes('/'))).toEqual([]);
    expect(marks(scene, far)).toHaveLength(3);
  });

  it('gives long names of hosts less than half of the header', () => {
    const doc = containersFixture();
    const long = `a-host-${'x'.repeat(40)}-01/worker`;
    const nodes = doc.nodes.map((n) => (n.name === 'shop01/worker' ? { ...n, name: long } : n));
    const { texts } = draw(sceneOf({ ...doc, nodes }));
    const host = texts.find((t) => t.startsWith('a-host')) ?? '';
    expect(host).toContain('…');
    expect(host.length * 6).toBeLessThan(170 / 2);
    expect(texts).toContain('worker');
  });
});

it('nothing moves because something is in trouble', () => {
  const [well, ill] = [sceneOf(makeSite(60)), sceneOf(makeIllSite(60))];
  expect(ill.suspects.length).toBeGreaterThan(0);
  expect(ill.boxes.map((b) => b.rect)).toEqual(well.boxes.map((b) => b.rect));
  expect(ill.edges.map((e) => e.path)).toEqual(well.edges.map((e) => e.path));
  expect(ill.bounds).toEqual(well.bounds);
});
