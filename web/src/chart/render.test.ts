import { describe, expect, it } from 'vitest';
import type { ChartNode, Connection, Row, Service, Status, TopologyDocument } from '../api/types';
import { makeSite, oneHostFixture } from '../fixtures';
import { fromDocument } from '../state/topology';
import type { Mark } from '../testing/canvas';
import { VIEW, boxOf, draw, easel, edgeOf, stubCanvas } from '../testing/chart';
import type { View } from './brush';
import type { Point } from './camera';
import { union } from './hit';
import { arrival } from './route';
import { type Scene, type SceneEdge, buildScene } from './scene';

stubCanvas();

interface Change {
  nodes?: (n: ChartNode) => ChartNode;
  services?: (s: Service) => Service;
  connections?: (c: Connection) => Connection;
}

function sceneOf(change: Change = {}, doc: TopologyDocument = oneHostFixture()): Scene {
  return buildScene(
    fromDocument({
      ...doc,
      nodes: doc.nodes.map(change.nodes ?? ((n) => n)),
      services: doc.services.map(change.services ?? ((s) => s)),
      connections: doc.connections.map(change.connections ?? ((c) => c)),
    }),
    { title: 'this site', subtitle: '4 nodes' },
  );
}

/** The stroke of an edge's line. */
function line(marks: Mark[]): Mark {
  const [first] = marks;
  if (!first) throw new Error('the edge is not drawn');
  return first;
}

function strokeOf(scene: Scene, id: string, view: Partial<View> = {}): Mark {
  return line(draw(scene, view).along(edgeOf(scene, id).path));
}

/** The arrow heads: filled triangles whose tip is where the edge arrives. */
function heads(scene: Scene, id: string, view: Partial<View> = {}): Mark[] {
  const tip = arrival(edgeOf(scene, id).path);
  return draw(scene, view).of('fill').filter((m) => m.path[0] === `moveTo ${tip.x},${tip.y}`);
}

/** The outline of a box: the stroke of its rounded rectangle. */
function outline(scene: Scene, name: string, view: Partial<View> = {}): Mark {
  const { x, y } = boxOf(scene, name).rect;
  const here = (m: Mark): boolean => {
    const [left = NaN, top = NaN] = (m.path[0] ?? '').replace('roundRect ', '').split(',').map(Number);
    return Math.abs(left - x) <= 1 && Math.abs(top - y) <= 1;
  };
  return line(draw(scene, view).of('stroke').filter(here));
}

const on = (name: string, change: Partial<ChartNode>): Change => ({ nodes: (n) => (n.name === name ? { ...n, ...change } : n) });
const service = (port: number, change: Partial<Service>): Change => ({ services: (s) => (s.port === port && s.node === 'vm' ? { ...s, ...change } : s) });
const connection = (id: string, change: Partial<Connection>): Change => ({ connections: (c) => (c.id === id ? { ...c, ...change } : c) });

describe('the ground', () => {
  it('is wiped with the page’s colour, on all device pixels', () => {
    const drawn = draw(sceneOf(), { dpr: 2 });
    expect(drawn.marks[0]).toMatchObject({ op: 'fillRect', args: [0, 0, 2400, 1600], fill: 'bg' });
  });

  it('names the lane, and its second line only where it can be read', () => {
    expect(draw(sceneOf()).texts).toEqual(expect.arrayContaining(['this site', '4 nodes']));
    const far = draw(sceneOf(), { camera: { x: 0, y: 0, k: 0.5 }, level: 'tag' });
    expect(far.texts).toContain('this site');
    expect(far.texts).not.toContain('4 nodes');
  });

  it('keeps the lane’s name at 12 px from far away, over its ground', () => {
    const scene = sceneOf();
    const drawn = draw(scene, { camera: { x: 0, y: 0, k: 0.1 }, level: 'dot' });
    expect(drawn.text('this site').font).toMatch(/^600 120px /);
    expect(drawn.text('this site').args[1]).toBeLessThan(scene.lane?.rect.y ?? 0);
  });
});

describe('boxes', () => {
  it('that report have a ground, a plain outline and ink', () => {
    const mark = outline(sceneOf(), 'vm');
    expect(mark).toMatchObject({ stroke: 'box', alpha: 1, dash: [] });
    expect(draw(sceneOf()).text('vm').fill).toBe('ink');
  });

  it('that never reported are dashed and say so', () => {
    const mark = outline(sceneOf(), '10.20.0.53');
    expect(mark.stroke).toBe('ink3');
    expect(mark.alpha).toBeCloseTo(0.6);
    expect(mark.dash).toEqual([4, 3]);
    expect(draw(sceneOf()).texts.filter((t) => t === 'no report' || t === 'does not report')).toHaveLength(3);
    expect(draw(sceneOf()).text('10.20.0.53').fill).toBe('ink2');
  });

  it('that are stale lie on the lane’s ground, in a quiet ink, and say for how long', () => {
    const scene = sceneOf(on('vm', { state: 'stale', last_report: '2026-11-23T05:16:00Z' }));
    const drawn = draw(scene);
    expect(drawn.text('14 min').fill).toBe('ink3');
    expect(drawn.text('vm').fill).toBe('ink3');
    expect(drawn.text('gunicorn').fill).toBe('ink3');
    expect(drawn.texts).not.toContain('this node');
  });

  it.each([
    ['left', 'off 14 min'],
    ['rebooting', 'reboots 14 min'],
    ['stopped', 'stopped 14 min'],
  ] as const)('that said they go (%s) look like those, and say so', (state, tag) => {
    const drawn = draw(sceneOf(on('vm', { state, last_report: '2026-11-23T05:16:00Z' })));
    expect(drawn.text(tag).fill).toBe('ink3');
    expect(drawn.text('vm').fill).toBe('ink3');
    expect(drawn.text('gunicorn').fill).toBe('ink3');
  });

  it.each([
    ['CRITICAL', 'critical'],
    ['DOWN', 'critical'],
    ['WARNING', 'warning-line'],
    ['UNKNOWN', 'unknown'],
    ['OK', 'box'],
    ['PENDING', 'box'],
    ['UNREACHABLE', 'box'],
    ['NONE', 'box'],
  ] as const)('%s has the outline %s', (status, colour) => {
    const mark = outline(sceneOf(on('vm', { status })), 'vm');
    expect(mark.stroke).toBe(colour);
    expect(mark.width).toBe(colour === 'box' ? 1 : 1.5);
  });

  it.each([
    ['container', 'container'],
    ['virtual', 'no holder'],
  ] as const)('of kind %s say so', (kind, tag) => {
    expect(draw(sceneOf(on('vm', { kind, this: false }))).text(tag).fill).toBe('ink3');
  });

  it('of an outside network have a double line and their range', () => {
    const scene = sceneOf({ nodes: (n) => (n.name === '10.20.9.7' ? { ...n, name: 'partner', kind: 'network', addresses: ['203.0.113.0/24'], rows: [] } : n) });
    const drawn = draw(scene);
    const rect = boxOf(scene, 'partner').rect;
    expect(drawn.of('fillRect')).toContainEqual(expect.objectContaining({ args: [rect.x + 4, rect.y + 5, 1.2, rect.h - 10], fill: 'box' }));
    expect(drawn.texts).toContain('203.0.113.0/24');
    expect(drawn.text('partner').args[0]).toBe(rect.x + 13);
  });

  it('of the Internet count what is open, and say nothing when nothing is', () => {
    expect(draw(sceneOf()).texts).toContain('45 connections');
    const quiet = sceneOf({ connections: (c) => ({ ...c, count: 0 }) });
    expect(draw(quiet).texts.filter((t) => t.includes('connection'))).toEqual([]);
  });

  it('outside of the window are not drawn', () => {
    const drawn = draw(sceneOf(), { screen: { w: 300, h: 800 }, camera: { x: -500, y: 100, k: 1 } });
    expect(drawn.texts).not.toContain('vm');
    expect(drawn.texts).toContain('10.20.4.31');
  });

  it('whose name has no room for a tag beside it have the name', () => {
    const texts = (w: number): string[] => draw(sceneOf({ nodes: (n) => (n.this ? { ...n, layout: { ...n.layout, w } } : n) })).texts;
    expect(texts(160)).toContain('this node');
    expect(texts(80)).toContain('vm');
    expect(texts(80)).not.toContain('this node');
  });

  it('with long names are cut in the middle, and keep the tag', () => {
    const name = `web-${'x'.repeat(50)}-production-0001`;
    const scene = sceneOf({ nodes: (n) => (n.name === 'vm' ? { ...n, name } : n) });
    const cut = draw(scene).texts.find((t) => t.startsWith('web-'));
    expect(cut).toMatch(/^web-.*….*1$/);
    expect((cut ?? '').length * 6).toBeLessThan(boxOf(scene, name).rect.w);
    expect(draw(scene).texts).toContain('this node');
  });
});

describe('rows', () => {
  it('say the process, the port and who is a client', () => {
    const drawn = draw(sceneOf());
    expect(drawn.text('gunicorn').fill).toBe('ink');
    expect(drawn.text(':8000')).toMatchObject({ fill: 'ink3' });
    expect(drawn.text('udp :53').fill).toBe('ink3');
    expect(drawn.text('apt').fill).toBe('ink3');
    expect(drawn.texts.filter((t) => t === 'client')).toHaveLength(3);
  });

  it('whose service is gone are faint and struck through', () => {
    const scene = sceneOf(service(8000, { state: 'gone' }));
    const drawn = draw(scene);
    const name = drawn.text('gunicorn');
    expect(name.alpha).toBeCloseTo(0.6);
    expect(name.fill).toBe('ink3');
    const strike = drawn.of('fillRect').find((m) => m.fill === 'vanished' && m.args[1] === name.args[1]);
    expect(strike?.args[2]).toBe('gunicorn'.length * 6);
  });

  it('whose service is gone have the sign of what vanished, and no other', () => {
    const signs = (scene: Scene): Mark[] => draw(scene).marks.filter((m) => m.path[0] === 'a shape' && m.op === 'fill' && m.fill === 'vanished');
    const listening = signs(sceneOf({ services: (s) => ({ ...s, state: 'listening' }) }));
    expect(listening).toHaveLength(0);
    expect(signs(sceneOf({ services: (s) => ({ ...s, state: s.port === 8000 ? 'gone' : 'listening' }) }))).toHaveLength(1);
  });

  it('of clients are whole before the word client is', () => {
    const of = (process: string): string[] => draw(sceneOf({ nodes: (n) => (n.name === 'vm' ? { ...n, layout: { ...n.layout, w: 120 }, rows: [{ kind: 'client', process }] } : { ...n, rows: [] }) })).texts;
    expect(of('cron')).toEqual(expect.arrayContaining(['cron', 'client']));
    expect(of('browser-pool')).toContain('browser-pool');
    expect(of('browser-pool')).not.toContain('client');
  });

  it('that are hidden say so in words that fit, never in a word that is cut', () => {
    const said = (w: number): string[] => {
      const small = (n: ChartNode): ChartNode => (n.name === 'vm' ? { ...n, layout: { ...n.layout, w }, rows: [{ kind: 'client', process: '' }] } : n);
      return draw(sceneOf({ nodes: small })).texts;
    };
    expect(said(180)).toContain('name hidden');
    expect(said(120)).toContain('hidden');
    for (const w of [120, 100, 90]) expect(said(w).filter((t) => t.includes('…') && /^(n|h)/.test(t))).toEqual([]);
  });

  it('without a name say that it is hidden on a node that reports, in a quiet ink', () => {
    const hide = (r: Row): Row => (r.kind === 'service' && r.port === 8000 ? { ...r, process: '' } : r);
    const scene = sceneOf({ nodes: (n) => ({ ...n, rows: (n.rows ?? []).map(hide) }) });
    const drawn = draw(scene);
    expect(drawn.text('name hidden').fill).toBe('ink3');
    expect(drawn.texts).toContain(':8000');
  });

  it('that did not fit are counted', () => {
    const scene = sceneOf({ nodes: (n) => (n.name === 'vm' ? { ...n, rows: [...(n.rows ?? []).slice(0, 3), { kind: 'more', count: 9 }] } : n) });
    const drawn = draw(scene);
    expect(drawn.text('+ 9').fill).toBe('ink3');
    expect(drawn.texts).not.toContain('gunicorn');
  });

  it.each([
    ['CRITICAL', 'critical-bg'],
    ['WARNING', 'warning-bg'],
    ['UNKNOWN', 'unknown-bg'],
  ] as const)('that are %s have a ground and bold text', (status, ground) => {
    const drawn = draw(sceneOf(service(8000, { status })));
    expect(drawn.of('fill').filter((m) => m.fill === ground)).toHaveLength(1);
    expect(drawn.text('gunicorn').font).toMatch(/^600 /);
    expect(drawn.text('postgres').font).not.toMatch(/^600 /);
  });

  it.each(['OK', 'NONE', 'PENDING', 'CRITICAL', 'WARNING'] as Status[])('show %s as a shape of its own, not as a bare colour', (status) => {
    const shapes = (s: Status): string => {
      const marks = draw(sceneOf({ services: (x) => ({ ...x, status: s }) })).marks;
      return marks.filter((m) => m.path[0] === 'a shape' || m.path[0]?.startsWith('arc')).map((m) => `${m.op} ${m.width} ${m.dash.join()} ${m.path[0]?.slice(0, 3)}`).join();
    };
    const others = (['OK', 'NONE', 'PENDING', 'CRITICAL'] as Status[]).filter((s) => s !== status && !(status === 'WARNING' && s === 'CRITICAL'));
    for (const other of others) expect(shapes(status)).not.toBe(shapes(other));
  });

  it('that are selected have a ring', () => {
    const id = 'vm~tcp~8000~127.0.0.1';
    const ring = (selectedRow: string): number => draw(sceneOf(), { selectedRow }).of('stroke').filter((m) => m.stroke === 'accent').length;
    expect(ring(id)).toBe(1);
    expect(ring('')).toBe(0);
  });
});

describe('lines', () => {
  it('are as wide as many connections are open', () => {
    expect(strokeOf(sceneOf(), 'c1')).toMatchObject({ width: 1.7, stroke: 'edge', alpha: 1, dash: [] });
    expect(strokeOf(sceneOf(connection('c1', { count: 2412 })), 'c1').width).toBe(3.6);
  });

  it('with nothing open are dashed', () => {
    expect(strokeOf(sceneOf(), 'c10')).toMatchObject({ dash: [2, 4], width: 1.3 });
  });

  it('have a head at the server, none when the direction is not known', () => {
    expect(heads(sceneOf(), 'c8')).toHaveLength(1);
    expect(heads(sceneOf(), 'c9')).toHaveLength(0);
    expect(heads(sceneOf(connection('c8', { directed: false })), 'c8')).toHaveLength(0);
  });

  it('end inside their head, and at the row where there is none', () => {
    const end = (scene: Scene, id: string): number => Number(strokeOf(scene, id).path.at(-1)?.split(',').at(-2));
    const tip = arrival(edgeOf(sceneOf(), 'c8').path).x;
    expect(end(sceneOf(), 'c8')).toBeLessThan(tip);
    expect(end(sceneOf(connection('c8', { directed: false })), 'c8')).toBe(tip);
  });

  it('to a service that is gone are ghosts', () => {
    expect(strokeOf(sceneOf(service(443, { state: 'gone' })), 'c1').alpha).toBe(0.35);
  });

  it('of dotm itself look like any other once they are asked for', () => {
    expect(strokeOf(sceneOf(connection('c8', { own: true })), 'c8')).toMatchObject({ stroke: 'edge', alpha: 1 });
  });

  it('that are selected are wider and in the accent', () => {
    const plain = strokeOf(sceneOf(), 'c8');
    expect(strokeOf(sceneOf(), 'c8', { selectedEdge: 'c8' })).toMatchObject({ stroke: 'accent', width: plain.width + 1 });
  });

  it('that are lit are dark, the others dimmed to 42 %', () => {
    const scene = sceneOf();
    const lit = { edges: new Set([edgeOf(scene, 'c8')]), boxes: new Set([boxOf(scene, 'vm'), boxOf(scene, '10.20.4.31')]) };
    expect(strokeOf(scene, 'c8', { lit })).toMatchObject({ stroke: 'ink2', alpha: 1 });
    expect(strokeOf(scene, 'c10', { lit })).toMatchObject({ stroke: 'edge', alpha: 0.42 });
    const drawn = draw(scene, { lit });
    expect(drawn.text('Internet').alpha).toBe(0.42);
    expect(drawn.text('vm').alpha).toBe(1);
  });

  it('of one pair are one from further away: the busiest', () => {
    const scene = sceneOf();
    const far = { camera: { x: 0, y: 0, k: 0.5 }, level: 'tag' } as const;
    const drawn = draw(scene, far);
    const shown = scene.edges.filter((e) => drawn.along(e.path).length > 0).map((e) => e.connection.id);
    expect(shown).toContain('c1');
    expect(shown).not.toContain('c2');
    expect(draw(scene, { ...far, selectedEdge: 'c2' }).along(edgeOf(scene, 'c2').path)).toHaveLength(1);
  });
});

/** The scene with another edge along some points. */
function beside(scene: Scene, points: readonly Point[]): Scene {
  const c8 = edgeOf(scene, 'c8');
  const other = Object.create(c8, {
    course: { value: c8.course },
    points: { value: points },
    area: { value: union(points.map((p) => ({ ...p, w: 0, h: 0 }))) },
    connection: { value: { ...c8.connection, count: 0 } },
  }) as SceneEdge;
  return { ...scene, edges: [...scene.edges, other] };
}

describe('labels', () => {
  const counts = ['38', '24', '12', '8', '6', '4', '2', '1'];
  const labels = (view: Partial<View> = {}): string[] => draw(sceneOf(), view).of('strokeText').map((m) => m.text).filter((t) => counts.includes(t));

  it('stand at the busiest only, with a halo in the ground’s colour', () => {
    expect(labels()).toContain('38');
    expect(labels()).not.toContain('1');
    expect(labels().length).toBeLessThanOrEqual(5);
    expect(draw(sceneOf()).of('strokeText')[0]).toMatchObject({ stroke: 'lane' });
  });

  it('stand everywhere in detail, where they don’t cover each other', () => {
    expect(labels({ level: 'detail', camera: { x: 0, y: 0, k: 2 } }).length).toBeGreaterThan(labels().length);
  });

  it('leave the middle of their line where another line runs', () => {
    const scene = sceneOf();
    const c1 = edgeOf(scene, 'c1');
    const spot = (s: Scene): readonly number[] => draw(s).text('38').args;
    expect(spot(scene)).toEqual([c1.label.x, c1.label.y]);
    const { x, y } = c1.label;
    const [left = 0, top = 0] = spot(beside(scene, [{ x, y: y - 30 }, { x, y: y + 30 }]));
    expect(Math.abs(left - x)).toBeGreaterThan(6);
    expect(c1.points.some((p) => p.x === left && p.y === top)).toBe(true);
  });

  it('stay in the middle where no place is free', () => {
    const scene = sceneOf();
    const c1 = edgeOf(scene, 'c1');
    expect(draw(beside(scene, c1.points)).text('38').args).toEqual([c1.label.x, c1.label.y]);
  });

  it('stand beside the lowest loop when it is one of the busiest', () => {
    const scene = sceneOf({ connections: (c) => (c.id === 'c5' ? { ...c, count: 77, client: { ...c.client, process: '', service: c.server.service } } : c) });
    const { area } = edgeOf(scene, 'c5');
    expect(area.h).toBeLessThan(20);
    expect((draw(scene).text('77').args[0] ?? 0) - 6).toBeGreaterThan(area.x + area.w);
  });

  it('don’t stand on dots', () => {
    expect(labels({ level: 'dot', camera: { x: 0, y: 0, k: 0.2 } })).toEqual([]);
  });

  it('say what is pointed at: processes, what is open and was opened', () => {
    const scene = sceneOf();
    const c5 = edgeOf(scene, 'c5');
    const view = { pointed: c5, lit: { edges: new Set([c5]), boxes: new Set([c5.client]) } };
    const mark = draw(scene, view).text('gunicorn → postgres, 12 open, 87 opened');
    expect(mark.fill).toBe('ink');
    expect(draw(scene, view).texts).not.toContain('12');
  });

  it('of what is pointed at stay in the window', () => {
    const scene = sceneOf();
    const pointed = edgeOf(scene, 'c1');
    const text = 'Internet → nginx, 38 open, 269 opened';
    const screen = { w: 260, h: 800 };
    const x = draw(scene, { pointed, screen, camera: { x: -60, y: 100, k: 1 } }).text(text).args[0] ?? 0;
    expect(x - (text.length * 6) / 2).toBeGreaterThanOrEqual(60);
  });

  it('of a connection with nothing open are said when it is pointed at', () => {
    const scene = sceneOf();
    expect(draw(scene, { pointed: edgeOf(scene, 'c10') }).texts.some((t) => t.startsWith('icinga2 → 10.20.9.7 :5665, 0 open'))).toBe(true);
  });
});

describe('selection', () => {
  const ring = (keyboard: boolean): Mark => {
    const scene = sceneOf();
    return line(draw(scene, { selectedBox: boxOf(scene, 'vm'), keyboard }).of('stroke').filter((m) => m.stroke === 'accent'));
  };

  it('is a ring of 2 px, dashed when the keyboard stands there', () => {
    expect(ring(false)).toMatchObject({ width: 2, dash: [] });
    expect(ring(true).dash).toEqual([4, 2]);
  });
});

describe('levels', () => {
  const site = sceneOf({}, makeSite(60));

  it('from far away are blocks without a word, filled only in trouble', () => {
    const drawn = draw(site, { level: 'dot', camera: { x: 0, y: 0, k: 0.2 }, screen: { w: 1200, h: 800 } });
    expect(drawn.texts).toEqual(['this site']);
    const red = sceneOf({ nodes: (n) => (n.name === 'db01' ? { ...n, status: 'CRITICAL' } : n) }, makeSite(60));
    const fills = (s: Scene): string[] => draw(s, { level: 'dot', camera: { x: 0, y: 0, k: 0.2 } }).of('fillRect').map((m) => m.fill);
    expect(fills(site)).not.toContain('critical');
    expect(fills(red).filter((f) => f === 'critical')).toHaveLength(1);
  });

  it('from far away tell a stale box from one that reports', () => {
    const fills = draw(site, { level: 'dot', camera: { x: 0, y: 0, k: 0.2 } }).of('fillRect').map((m) => m.fill);
    expect(fills.filter((f) => f === 'lane')).toHaveLength(1);
    expect(fills.filter((f) => f === 'surface')).toHaveLength(59);
  });

  it('as names are at 11 px on screen, 13 on a small one', () => {
    const far = { level: 'tag', camera: { x: 0, y: 0, k: 0.5 } } as const;
    expect(draw(site, far).text('web01').font).toMatch(/^600 22px /);
    expect(draw(site, { ...far, roomy: true }).text('web01').font).toMatch(/^600 26px /);
    expect(draw(site, far).texts).not.toContain('nginx');
  });

  it('as cards have larger text on a small screen', () => {
    expect(draw(sceneOf()).text('gunicorn').font).toMatch(/^11\.5px /);
    expect(draw(sceneOf(), { roomy: true }).text('gunicorn').font).toMatch(/^13\.5px /);
  });

  it('in detail add addresses and use, at constant size', () => {
    const drawn = draw(sceneOf(), { level: 'detail', camera: { x: -400, y: 0, k: 2 }, screen: { w: 1200, h: 800 } });
    expect(drawn.texts).toContain('192.0.2.2');
    expect(drawn.text('gunicorn').font).toMatch(/^6\.5px /);
    expect(drawn.texts.some((t) => /used 0 s ago|no use seen/.test(t) || t.includes('…'))).toBe(true);
  });
});

describe('overlay', () => {
  it('lays an earlier frame where its chart stands now', () => {
    const { drawn, renderer } = easel();
    renderer.draw(sceneOf(), { ...VIEW, camera: { x: 30, y: 40, k: 2 } });
    const image = { width: 1200, height: 800 } as HTMLCanvasElement;
    renderer.overlay(image, { x: 10, y: 10, k: 1 }, 0.25);
    const [mark] = drawn.of('drawImage');
    expect(mark?.alpha).toBe(0.25);
    expect(mark?.args).toEqual([10, 20, 2400, 1600]);
  });
});
