import { describe, expect, it } from 'vitest';
import { makeSite, oneHostFixture } from '../fixtures';
import { fromDocument } from '../state/topology';
import { Trunks } from './bundle';
import { arrival } from './route';
import { type Scene, buildScene } from './scene';

const LANE = { title: '', subtitle: '' };
const one = buildScene(fromDocument(oneHostFixture()), LANE);
const large = buildScene(fromDocument(makeSite(1000)), LANE);

/** The connections between different boxes. */
function between(scene: Scene) {
  return scene.edges.filter((e) => e.client !== e.server);
}

describe('bundle', () => {
  it('draws far fewer trunks than there are connections', () => {
    const trunks = new Trunks(large).lines.filter((b) => b.width > 1);
    expect(between(large).length).toBeGreaterThan(1500);
    expect(trunks.length).toBeLessThan(between(large).length / 5);
  });

  it('is wider than each of the connections it holds', () => {
    const widest = Math.max(...large.edges.map((e) => e.width));
    expect(Math.max(...new Trunks(large).lines.map((b) => b.width))).toBeGreaterThanOrEqual(widest);
  });

  it('gives each connected box a branch that starts at it', () => {
    const lines = new Trunks(one).lines;
    for (const name of ['Internet', 'vm', '10.20.4.31']) {
      const rect = one.boxByName.get(name)?.rect;
      if (!rect) throw new Error(`no box ${name}`);
      const sides = [rect.x, rect.x + rect.w];
      expect(lines.some((b) => sides.includes(b.path.x) && b.path.y === rect.y + rect.h / 2)).toBe(true);
    }
  });

  it('joins each branch to the end of a trunk', () => {
    const lines = new Trunks(one).lines;
    const trunks = lines.filter((b) => !one.boxes.some(({ rect }) => [rect.x, rect.x + rect.w].includes(b.path.x)));
    const ends = new Set(trunks.flatMap((t) => [`${t.path.x} ${t.path.y}`, `${arrival(t.path).x} ${arrival(t.path).y}`]));
    const branches = lines.filter((b) => !trunks.includes(b));
    expect(branches.length).toBeGreaterThan(0);
    for (const b of branches) expect(ends).toContain(`${arrival(b.path).x} ${arrival(b.path).y}`);
  });

  it('knows the area of each line, so that what is out of view is left out', () => {
    for (const { path, area } of new Trunks(one).lines) {
      const end = arrival(path);
      for (const p of [path, end]) {
        expect(p.x).toBeGreaterThanOrEqual(area.x);
        expect(p.x).toBeLessThanOrEqual(area.x + area.w);
        expect(p.y).toBeGreaterThanOrEqual(area.y);
        expect(p.y).toBeLessThanOrEqual(area.y + area.h);
      }
    }
  });

  it('has nothing to draw where everything stays inside a box, or nothing is', () => {
    const doc = oneHostFixture();
    const inside = doc.connections.filter((c) => c.client.node === c.server.node);
    expect(new Trunks(buildScene(fromDocument({ ...doc, connections: inside }), LANE)).lines).toEqual([]);
    expect(new Trunks(buildScene(fromDocument({ ...doc, nodes: [], services: [], connections: [] }), LANE)).lines).toEqual([]);
  });

  it('is made once for a scene', () => {
    expect(large.bundles).toBe(large.bundles);
  });
});
