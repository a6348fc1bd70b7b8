import type { Point, Rect } from './camera';

/**
 * Short strokes across a chain of points, `pitch` apart and `half` long to each side,
 * as x1, y1, x2, y2 of each. None in the last `head` of the chain, none outside of
 * `area`: a long line in trouble would have thousands. (Dashing a wide stroke gives the
 * same picture, at many times the cost.)
 */
export function ticks(points: readonly Point[], pitch: number, half: number, head: number, area: Rect): number[] {
  return stations(points, pitch, pitch / 2, head, area).flatMap(({ x, y, dx, dy }) => [x + dy * half, y - dx * half, x - dy * half, y + dx * half]);
}

/** Arrow heads against a chain of points, `half` wide to each side: x and y of a wing, the tip and the other wing, of each. A short chain has one in its middle. */
export function chevrons(points: readonly Point[], pitch: number, half: number, head: number, area: Rect): number[] {
  return stations(points, pitch, Math.min(pitch, lengthOf(points) - head) / 2, head, area).flatMap(({ x, y, dx, dy }) => {
    const [bx, by] = [x + dx * half, y + dy * half];
    return [bx + dy * half, by - dx * half, x, y, bx - dy * half, by + dx * half];
  });
}

/** Places on a chain of points, the first after `first` and then `pitch` apart, with the direction there. */
function stations(points: readonly Point[], pitch: number, first: number, head: number, area: Rect): { x: number; y: number; dx: number; dy: number }[] {
  const found: { x: number; y: number; dx: number; dy: number }[] = [];
  let left = lengthOf(points) - head;
  let next = first;
  for (let i = 1; i < points.length && left > 0; i++) {
    const [a, b] = [points[i - 1] as Point, points[i] as Point];
    const length = Math.hypot(b.x - a.x, b.y - a.y);
    const end = Math.min(length, left);
    left -= length;
    if (length === 0) continue;
    const [dx, dy] = [(b.x - a.x) / length, (b.y - a.y) / length];
    for (; next < end; next += pitch) {
      const [x, y] = [a.x + dx * next, a.y + dy * next];
      if (x < area.x || y < area.y || x > area.x + area.w || y > area.y + area.h) continue;
      found.push({ x, y, dx, dy });
    }
    next -= length;
  }
  return found;
}

function lengthOf(points: readonly Point[]): number {
  return points.reduce((sum, p, i) => sum + (i === 0 ? 0 : Math.hypot(p.x - (points[i - 1]?.x ?? 0), p.y - (points[i - 1]?.y ?? 0))), 0);
}
