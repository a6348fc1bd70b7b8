import { openOf } from '../state/checks';
import { type Camera, type Point, type Rect, type Size, fit, toChart, toScreen, visible } from './camera';
import { encloses } from './hit';
import type { ColourName, Palette } from './palette';
import type { Scene } from './scene';

/** The largest side of the small picture, px. */
const MOST: Size = { w: 200, h: 140 };
/** From this scale on a chart that is seen as a whole can be read. */
const READABLE = 0.7;
/** A box in trouble is at least so large on it, px. */
const LEAST = 3;
const PAD = 4;

/** What a box in trouble looks like. */
const TROUBLE: Readonly<Record<string, ColourName>> = { DOWN: 'critical', CRITICAL: 'critical', WARNING: 'warning-fill', UNKNOWN: 'unknown' };

/** The whole of a chart in a corner: lanes, boxes in trouble, and the part that is seen. */
export interface Minimap {
  size: Size;
  /** How it looks at the chart. */
  camera: Camera;
  lanes: readonly Rect[];
  boxes: readonly Rect[];
  troubles: readonly (Rect & { colour: ColourName })[];
}

/** The small picture of a scene, in its own pixels. */
export function minimapOf(scene: Scene): Minimap {
  const { w, h } = scene.bounds;
  const k = Math.min(MOST.w / Math.max(w, 1), MOST.h / Math.max(h, 1));
  const size = { w: Math.ceil(w * k), h: Math.ceil(h * k) };
  const camera = fit(scene.bounds, size, PAD);
  const small = (rect: Rect): Rect => scaled(rect, camera);
  const troubles = scene.boxes.flatMap(({ node, rect }) => {
    const colour = TROUBLE[openOf(node)];
    return colour ? [{ ...large(small(rect)), colour }] : [];
  });
  return { size, camera, lanes: scene.lanes.map((l) => small(l.rect)), boxes: scene.boxes.map((b) => small(b.rect)), troubles };
}

function scaled(rect: Rect, camera: Camera): Rect {
  const { x, y } = toScreen(camera, rect);
  return { x, y, w: rect.w * camera.k, h: rect.h * camera.k };
}

function large({ x, y, w, h }: Rect): Rect {
  const [dx, dy] = [Math.max(0, LEAST - w) / 2, Math.max(0, LEAST - h) / 2];
  return { x: x - dx, y: y - dy, w: w + 2 * dx, h: h + 2 * dy };
}

/** What the chart's camera shows, on the small picture. */
export function windowOn(map: Minimap, camera: Camera, screen: Size): Rect {
  return scaled(visible(camera, screen), map.camera);
}

/** The point of the chart that a point of the small picture is. */
export function pointOf(map: Minimap, at: Point): Point {
  return toChart(map.camera, at);
}

/** Whether it helps: the chart as a whole is too small to read, and a part of it is not in view. */
export function isNeeded(scene: Scene, camera: Camera, screen: Size): boolean {
  return !encloses(visible(camera, screen), scene.bounds) && fit(scene.bounds, screen).k < READABLE;
}

/** All of it but the part that is in view: the same in every frame. */
export function drawWhole(ctx: CanvasRenderingContext2D, map: Minimap, palette: Palette, dpr: number): void {
  ctx.setTransform(dpr, 0, 0, dpr, 0, 0);
  ctx.fillStyle = palette.bg;
  ctx.fillRect(0, 0, map.size.w, map.size.h);
  fill(ctx, map.lanes, palette.lane);
  fill(ctx, map.boxes, palette.box);
  for (const box of map.troubles) fill(ctx, [box], palette[box.colour]);
}

/** The part that is in view. */
export function drawSeen(ctx: CanvasRenderingContext2D, seen: Rect, palette: Palette, dpr: number): void {
  ctx.setTransform(dpr, 0, 0, dpr, 0, 0);
  ctx.lineWidth = 1.5;
  ctx.strokeStyle = palette.accent;
  ctx.strokeRect(seen.x, seen.y, seen.w, seen.h);
}

function fill(ctx: CanvasRenderingContext2D, rects: readonly Rect[], colour: string): void {
  ctx.fillStyle = colour;
  for (const r of rects) ctx.fillRect(r.x, r.y, r.w, r.h);
}
