/** Where the viewer looks: screen = chart × k + (x, y). Screen in CSS pixels. */
export interface Camera {
  readonly x: number;
  readonly y: number;
  readonly k: number;
}

export interface Point {
  x: number;
  y: number;
}

export interface Rect {
  x: number;
  y: number;
  w: number;
  h: number;
}

export interface Size {
  w: number;
  h: number;
}

export const MIN_ZOOM = 0.02;
export const MAX_ZOOM = 4;
/** A small chart is not blown up to fill the screen. */
export const MAX_FIT = 1.25;

/** How much a level boundary is moved against the direction of travel. */
const HYSTERESIS = 0.05;

export type ZoomLevel = 'dot' | 'tag' | 'card' | 'detail';

const LEVELS: readonly ZoomLevel[] = ['dot', 'tag', 'card', 'detail'];
const BOUNDS: readonly number[] = [0.3, 0.7, 1.6];

export function clampZoom(k: number): number {
  return Math.min(MAX_ZOOM, Math.max(MIN_ZOOM, k));
}

export function toScreen(camera: Camera, point: Point): Point {
  return { x: point.x * camera.k + camera.x, y: point.y * camera.k + camera.y };
}

export function toChart(camera: Camera, point: Point): Point {
  return { x: (point.x - camera.x) / camera.k, y: (point.y - camera.y) / camera.k };
}

export function pan(camera: Camera, dx: number, dy: number): Camera {
  return { ...camera, x: camera.x + dx, y: camera.y + dy };
}

/** Zooms by `factor`; the chart point under `at` (screen) stays under it. */
export function zoomAt(camera: Camera, factor: number, at: Point): Camera {
  const k = clampZoom(camera.k * factor);
  const ratio = k / camera.k;
  return { k, x: at.x - (at.x - camera.x) * ratio, y: at.y - (at.y - camera.y) * ratio };
}

/** Shows all of `bounds` in the middle of the screen, `padding` px free around it. */
export function fit(bounds: Rect, screen: Size, padding = 24): Camera {
  const k = Math.min(
    (screen.w - 2 * padding) / Math.max(bounds.w, 1),
    (screen.h - 2 * padding) / Math.max(bounds.h, 1),
    MAX_FIT,
  );
  return centre({ x: bounds.x + bounds.w / 2, y: bounds.y + bounds.h / 2 }, clampZoom(k), screen);
}

/** `point` (chart) in the middle of the screen at zoom `k`. */
export function centre(point: Point, k: number, screen: Size): Camera {
  return { k, x: screen.w / 2 - point.x * k, y: screen.h / 2 - point.y * k };
}

/** The part of the chart that is on the screen. */
export function visible(camera: Camera, screen: Size): Rect {
  const { x, y } = toChart(camera, { x: 0, y: 0 });
  return { x, y, w: screen.w / camera.k, h: screen.h / camera.k };
}

/**
 * A camera between two, `t` from 0 to 1. Zoom goes in equal ratios, and the middle
 * of the screen travels straight.
 */
export function between(a: Camera, b: Camera, t: number, screen: Size): Camera {
  if (t >= 1) return b;
  const middle = { x: screen.w / 2, y: screen.h / 2 };
  const from = toChart(a, middle);
  const to = toChart(b, middle);
  const k = a.k * (b.k / a.k) ** t;
  return centre({ x: from.x + (to.x - from.x) * t, y: from.y + (to.y - from.y) * t }, k, screen);
}

export function easeOut(t: number): number {
  return 1 - (1 - t) ** 3;
}

/** How much of a box is drawn at zoom `k`; `held` is the level before (hysteresis). */
export function levelAt(k: number, held: ZoomLevel | null): ZoomLevel {
  const before = held === null ? -1 : LEVELS.indexOf(held);
  let level = 0;
  BOUNDS.forEach((bound, i) => {
    const shift = before < 0 ? 0 : before > i ? -HYSTERESIS : HYSTERESIS;
    if (k >= bound * (1 + shift)) level = i + 1;
  });
  return LEVELS[level] ?? 'card';
}
