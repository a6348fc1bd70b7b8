import { beforeEach, vi } from 'vitest';
import type { View } from '../chart/brush';
import { Renderer } from '../chart/render';
import type { Scene, SceneBox, SceneEdge } from '../chart/scene';
import { type Drawing, PALETTE, fakeCanvas } from './canvas';

/** How the charts of tests are looked at, unless a test says otherwise. */
export const VIEW: View = {
  camera: { x: 0, y: 100, k: 1 },
  screen: { w: 1200, h: 800 },
  dpr: 1,
  level: 'card',
  palette: PALETTE,
  lit: null,
  pointed: null,
  selectedBox: null,
  selectedRow: '',
  selectedEdge: '',
  keyboard: false,
  roomy: false,
  now: Date.parse('2026-11-23T05:30:00Z'),
};

/** Gives every test of a file what painting needs and the test's DOM lacks. */
export function stubCanvas(): void {
  beforeEach(() => void vi.stubGlobal('Path2D', vi.fn()));
}

/** A renderer and the canvas that keeps what it draws. */
export function easel(): { renderer: Renderer; drawn: Drawing } {
  const { canvas, drawn } = fakeCanvas();
  const ctx = canvas.getContext('2d');
  if (!ctx) throw new Error('no context');
  return { renderer: new Renderer(ctx), drawn };
}

/** What a scene looks like. */
export function draw(scene: Scene, view: Partial<View> = {}): Drawing {
  const { renderer, drawn } = easel();
  renderer.draw(scene, { ...VIEW, ...view });
  return drawn;
}

export function edgeOf(scene: Scene, id: string): SceneEdge {
  const found = scene.edges.find((e) => e.connection.id === id);
  if (!found) throw new Error(`no edge ${id}`);
  return found;
}

export function boxOf(scene: Scene, name: string): SceneBox {
  const found = scene.boxByName.get(name);
  if (!found) throw new Error(`no box ${name}`);
  return found;
}
