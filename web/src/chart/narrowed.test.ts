import { describe, expect, it } from 'vitest';
import type { ChartNode, TopologyDocument } from '../api/types';
import { makeSite, oneHostFixture } from '../fixtures';
import { fromDocument } from '../state/topology';
import { boxOf, draw, stubCanvas } from '../testing/chart';
import type { Shown } from './brush';
import { type Scene, buildScene } from './scene';

stubCanvas();

const TITLE = { title: 'this site', subtitle: '' };
const WHOLE = { camera: { x: 0, y: 0, k: 0.5 }, screen: { w: 4000, h: 3000 } };

function scene(doc: TopologyDocument = oneHostFixture()): Scene {
  return buildScene(fromDocument(doc), TITLE);
}

function only(of: Scene, name: string): Shown {
  return { boxes: new Set([boxOf(of, name)]), edges: new Set() };
}

/** The fixture's host among lanes, in a box of some size and name. */
function named(name: string, w: number, h: number): Scene {
  const doc = oneHostFixture();
  const host = doc.nodes.find((n) => n.this) as ChartNode;
  return scene({ ...doc, nodes: [{ ...host, name, layout: { x: 300, y: 300, w, h } }], services: [], connections: [] });
}

describe('a narrowed chart', () => {
  it('fades what does not match to 42 %, and draws all of it where it was', () => {
    const all = scene();
    const host = all.boxes.find((b) => b.node.this)?.node.name ?? '';
    const drawn = draw(all, { ...WHOLE, camera: { x: 0, y: 0, k: 1 }, kept: only(all, host) });
    const plain = draw(all, { ...WHOLE, camera: { x: 0, y: 0, k: 1 } });
    expect(drawn.text(host).alpha).toBe(1);
    expect(drawn.text('10.20.9.7').alpha).toBe(0.42);
    for (const text of ['10.20.9.7', host]) expect(drawn.text(text).args).toEqual(plain.text(text).args);
    const [edge] = all.edges;
    expect(edge && drawn.along(edge.path)[0]?.alpha).toBe(0.42);
    expect(edge && draw(all, { ...WHOLE, camera: { x: 0, y: 0, k: 1 } }).along(edge.path)[0]?.alpha).toBe(1);
  });

  it('still shows the selected connection', () => {
    const all = scene();
    const [edge] = all.edges;
    const drawn = draw(all, { ...WHOLE, camera: { x: 0, y: 0, k: 1 }, kept: { boxes: new Set(), edges: new Set() }, selectedEdge: edge?.connection.id ?? '' });
    expect(edge && drawn.along(edge.path)[0]?.alpha).toBe(1);
  });
});

describe('names from afar', () => {
  it('are in two lines where one is too long', () => {
    expect(draw(named('billing-batch02', 90, 80), { ...WHOLE, level: 'tag' }).texts).toEqual(expect.arrayContaining(['billing-', 'batch02']));
  });

  it('stand under their box where it is too small, and are never cut', () => {
    const drawn = draw(named('warehouse', 40, 30), { ...WHOLE, level: 'tag' });
    expect(drawn.text('warehouse').args[1]).toBeGreaterThan(330);
    expect(drawn.texts.join()).not.toContain('…');
  });

  it('of boxes in trouble are there when all others are blocks', () => {
    const doc = makeSite(30);
    const nodes = doc.nodes.map((n, i) => (i === 4 ? { ...n, status: 'DOWN' as const, open_status: 'DOWN' as const } : n));
    const ill = nodes[4]?.name ?? '';
    const drawn = draw(scene({ ...doc, nodes }), { camera: { x: 0, y: 0, k: 0.2 }, screen: { w: 4000, h: 3000 }, level: 'dot' });
    expect(drawn.texts).toContain(ill);
    expect(drawn.texts).not.toContain(nodes[5]?.name);
  });

  it.each([
    ['before its boxes', { start: 200, end: 600 }, 16],
    ['behind them, where there is no room before', { start: 20, end: 600 }, 616],
    ['over the strip, where there is none at all', { start: 20, end: 990 }, 16],
  ])('of the strip stands %s', (_, ends, x) => {
    const all = scene();
    const strip = { rect: { x: 0, y: 500, w: 1000, h: 120 }, title: 'Shared services', subtitle: 'lines on hover', strip: true, ...ends };
    const drawn = draw({ ...all, lanes: [strip] }, { ...WHOLE, camera: { x: 0, y: 0, k: 1 } });
    expect(drawn.text('Shared services').args[0]).toBe(x);
    if (ends.end === 990) expect(drawn.text('Shared services').args[1]).toBeLessThan(500);
  });
});

describe('boxes on their way to new places', () => {
  it('are drawn where they were and fade their lines in', () => {
    const all = scene();
    const [edge] = all.edges;
    const boxes = new Map(all.boxes.map((b) => [b.node.name, { ...b.rect, x: b.rect.x - 400 }]));
    const view = { ...WHOLE, camera: { x: 0, y: 0, k: 1 } };
    const drawn = draw(all, { ...view, slide: { boxes, lanes: new Map(), t: 0.5 } });
    expect(edge && drawn.along(edge.path)[0]?.alpha).toBe(0.25);
    expect(drawn.of('strokeText')).toHaveLength(all.lanes.length);
  });

  it('carry a pin where people put them', () => {
    const doc = oneHostFixture();
    const pin = (pinned: boolean): number => draw(scene({ ...doc, nodes: doc.nodes.map((n) => (n.this ? { ...n, layout: { ...n.layout, pinned } } : n)) })).marks.length;
    expect(pin(true) - pin(false)).toBe(2);
  });
});

describe('names beside their boxes', () => {
  const doc = oneHostFixture();
  const host = doc.nodes.find((n) => n.this) as ChartNode;
  /** Boxes too small for their names, some px apart from each other at half size. */
  const rowOf = (apart: number): Scene =>
    scene({ ...doc, nodes: ['provider-one', 'provider-two', 'provider-six'].map((name, i) => ({ ...host, name, kind: 'network', rows: [], layout: { x: 300 + i * apart * 2, y: 300, w: 40, h: 30 } })), services: [], connections: [] });

  it('never touch each other: who has no room beside the box is cut inside it', () => {
    const said = draw(rowOf(40), { ...WHOLE, level: 'tag' }).of('fillText').filter((m) => m.text.startsWith('provider'));
    for (const a of said) {
      for (const b of said) {
        const [[ax = 0, ay = 0], [bx = 0, by = 0]] = [a.args, b.args];
        const touch = a !== b && ay === by && Math.abs(ax - bx) < ((a.text.length + b.text.length) / 2) * 6;
        expect(touch, `${a.text} and ${b.text}`).toBe(false);
      }
    }
    expect(said.length).toBeGreaterThan(1);
  });

  it('all stand beside them where there is room', () => {
    expect(draw(rowOf(120), { ...WHOLE, level: 'tag' }).texts.filter((t) => t.startsWith('provider-'))).toHaveLength(3);
  });
});

it('a part of the Internet says which below, within its box', () => {
  const doc = oneHostFixture();
  const nodes = doc.nodes.map((n) => (n.kind === 'internet' ? { ...n, name: 'Internet (Bosnia and Herzegovina)' } : n));
  const drawn = draw(scene({ ...doc, nodes, connections: [] }), { ...WHOLE, camera: { x: 0, y: 0, k: 1 } });
  expect(drawn.text('Internet').fill).toBe('ink');
  expect(drawn.texts.some((t) => /^Bosnia.*…/.test(t))).toBe(true);
});
