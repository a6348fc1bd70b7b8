import { describe, expect, it } from 'vitest';
import { fleetFixture, oneHostFixture } from '../fixtures';
import { fromDocument } from '../state/topology';
import type { Row } from '../api/types';
import type { Drawing } from '../testing/canvas';
import { boxOf, draw, stubCanvas } from '../testing/chart';
import { type SceneBox, buildScene } from './scene';

stubCanvas();

const scene = buildScene(fromDocument(fleetFixture()), { title: 'this site', subtitle: '15 nodes' });

const ALL = { camera: { x: 0, y: 0, k: 1 }, screen: { w: 3000, h: 2000 } };

function box(name: string): SceneBox {
  return boxOf(scene, name);
}

describe('a virtual address', () => {
  it('has a shape of its own: its corners are cut off', () => {
    const { x, y } = box('10.20.0.100').rect;
    const cut = draw(scene, ALL).of('stroke').find((m) => m.path.length === 9 && m.path.filter((p) => p.startsWith('lineTo')).length === 7);
    const [left = NaN, top = NaN] = (cut?.path[0] ?? '').replace('moveTo ', '').split(',').map(Number);
    expect(left - x).toBeCloseTo(9.5, 0);
    expect(Math.abs(top - y)).toBeLessThanOrEqual(1);
    expect([cut?.dash, cut?.stroke]).toEqual([[], 'box']);
  });

  it('is called what it is known as, says who has it, and which address it is', () => {
    const { texts } = draw(scene, ALL);
    for (const words of ['shop', 'on lb02', '10.20.0.100']) expect(texts).toContain(words);
  });

  it('says who has it in any box: beside its name, else below it, with rows and without', () => {
    const doc = fleetFixture();
    const texts = (w: number, rows: Row[]): Drawing => {
      const nodes = doc.nodes.map((n) => (n.kind === 'virtual' ? { ...n, known_as: '', layout: { ...n.layout, w, h: rows.length > 0 ? 53 : 47 }, rows } : n));
      return draw(buildScene(fromDocument({ ...doc, nodes }), { title: '', subtitle: '' }), ALL);
    };
    const rows: Row[] = [{ kind: 'service', process: 'haproxy', service: 'vip', protocol: 'tcp', port: 80 }];
    const y = (d: Drawing, words: string): number => d.text(words).args[1] ?? NaN;
    const wide = texts(180, rows);
    expect(y(wide, 'on lb02')).toBe(y(wide, '10.20.0.100'));
    for (const narrow of [texts(120, rows), texts(120, [])]) {
      expect(y(narrow, 'on lb02') - y(narrow, '10.20.0.100')).toBeGreaterThan(10);
    }
  });

  it('that is selected has a ring of the same shape', () => {
    const rings = draw(scene, { ...ALL, selectedBox: box('10.20.0.100') }).of('stroke').filter((m) => m.stroke === 'accent');
    expect(rings.map((m) => m.path.filter((p) => p.startsWith('lineTo')).length)).toEqual([7]);
  });
});

describe('a network', () => {
  it('stands as sheets, and says how many call', () => {
    const { x, y } = box('10.20.77.0/24').rect;
    const sheets = draw(scene, ALL).of('stroke').filter((m) => {
      const [left = NaN, top = NaN] = (m.path[0] ?? '').replace('roundRect ', '').split(',').map(Number);
      return Math.abs(left - x) < 8 && Math.abs(top - y) < 8;
    });
    expect(sheets).toHaveLength(3);
    expect(draw(scene, ALL).texts).toContain('84 callers');
  });
});

describe('what never reported', () => {
  it('is called what others call it, with its address', () => {
    const { texts } = draw(scene, ALL);
    expect(texts).toContain('legacy-db');
    expect(texts.some((t) => t.startsWith('10.20.9.9'))).toBe(true);
  });
});

describe('observers', () => {
  it('are dotted, others are not', () => {
    const dashes = (id: string): readonly number[] | undefined => {
      const edge = scene.edges.find((e) => e.connection.id === id);
      return edge && draw(scene, ALL).along(edge.path)[0]?.dash;
    };
    expect(dashes('obs~1')).toEqual([0, 4]);
    expect(dashes('net~vip')).toEqual([]);
  });
});

describe('the name of a lane', () => {
  it('never leaves its lane', () => {
    const doc = oneHostFixture();
    const nodes = doc.nodes.filter((n) => n.this);
    const long = { title: 'this node and all of its many, many neighbours on both sides', subtitle: '' };
    const small = buildScene(fromDocument({ ...doc, nodes, services: [], connections: [] }), long);
    const title = draw(small, ALL).texts.find((text) => text.startsWith('this node and')) ?? '';
    expect(title).toContain('…');
    expect(title.length * 6).toBeLessThanOrEqual((small.lane?.rect.w ?? 0) - 32);
  });
});
