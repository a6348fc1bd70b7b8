import type { Point, Rect } from './camera';

/** More cells than a chart has in a row, so that a cell's number is one of its own. */
const ROW_OF_CELLS = 2 ** 21;

/** Things by place: answers "what is near here" without looking at everything. */
export class Grid<T> {
  readonly #cell: number;
  readonly #cells = new Map<number, T[]>();

  /** `cell` is the side of a grid cell in chart units. */
  constructor(cell = 128) {
    this.#cell = cell;
  }

  add(item: T, area: Rect): void {
    this.#each(area, (key) => {
      const held = this.#cells.get(key);
      if (!held) this.#cells.set(key, [item]);
      else if (held.at(-1) !== item) held.push(item);
    });
  }

  /** Every item with a cell in `area`, each once; the caller looks closer. */
  near(area: Rect): readonly T[] {
    const x = Math.floor(area.x / this.#cell);
    const y = Math.floor(area.y / this.#cell);
    if (x === Math.floor((area.x + area.w) / this.#cell) && y === Math.floor((area.y + area.h) / this.#cell)) return this.#cells.get(x * ROW_OF_CELLS + y) ?? [];
    const cells: T[][] = [];
    this.#each(area, (key) => {
      const held = this.#cells.get(key);
      if (held) cells.push(held);
    });
    return cells.length > 1 ? [...new Set(cells.flat())] : (cells[0] ?? []);
  }

  #each(area: Rect, visit: (key: number) => void): void {
    const x1 = Math.floor((area.x + area.w) / this.#cell);
    const y1 = Math.floor((area.y + area.h) / this.#cell);
    for (let x = Math.floor(area.x / this.#cell); x <= x1; x++) {
      for (let y = Math.floor(area.y / this.#cell); y <= y1; y++) visit(x * ROW_OF_CELLS + y);
    }
  }
}

/** The smallest rectangle around all of them; however many there are. */
export function union(rects: readonly Rect[]): Rect {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const { x, y, w, h } of rects) {
    left = Math.min(left, x);
    top = Math.min(top, y);
    right = Math.max(right, x + w);
    bottom = Math.max(bottom, y + h);
  }
  return rects.length === 0 ? { x: 0, y: 0, w: 0, h: 0 } : { x: left, y: top, w: right - left, h: bottom - top };
}

export function middleOf({ x, y, w, h }: Rect): Point {
  return { x: x + w / 2, y: y + h / 2 };
}

export function sameRect(a: Rect, b: Rect): boolean {
  return a === b || (a.x === b.x && a.y === b.y && a.w === b.w && a.h === b.h);
}

/** Whether all of `b` lies in `a`. */
export function encloses(a: Rect, b: Rect): boolean {
  return a.x <= b.x && a.y <= b.y && a.x + a.w >= b.x + b.w && a.y + a.h >= b.y + b.h;
}

export function overlaps(a: Rect, b: Rect): boolean {
  return a.x <= b.x + b.w && b.x <= a.x + a.w && a.y <= b.y + b.h && b.y <= a.y + a.h;
}

export function contains(box: Rect, p: Point): boolean {
  return p.x >= box.x && p.x <= box.x + box.w && p.y >= box.y && p.y <= box.y + box.h;
}

/** `box` at least `side` wide and high, around the same middle. */
export function atLeast(box: Rect, side: number): Rect {
  const dx = Math.max(0, side - box.w) / 2;
  const dy = Math.max(0, side - box.h) / 2;
  return { x: box.x - dx, y: box.y - dy, w: box.w + 2 * dx, h: box.h + 2 * dy };
}

/** Whether a chain of straight pieces runs through a rectangle. */
export function crosses(points: readonly Point[], box: Rect): boolean {
  return points.some((p, i) => {
    const before = points[i - 1];
    return before !== undefined && pieceCrosses(before, p, box);
  });
}

/** Clips the piece against the sides, one axis after the other (Liang and Barsky, 1984). */
function pieceCrosses(a: Point, b: Point, { x, y, w, h }: Rect): boolean {
  let from = 0;
  let to = 1;
  for (const [start, step, low, high] of [
    [a.x, b.x - a.x, x, x + w],
    [a.y, b.y - a.y, y, y + h],
  ] as const) {
    if (step === 0) {
      if (start < low || start > high) return false;
      continue;
    }
    const [enter, leave] = [(low - start) / step, (high - start) / step];
    from = Math.max(from, Math.min(enter, leave));
    to = Math.min(to, Math.max(enter, leave));
  }
  return from <= to;
}

/** Distance from a point to a chain of straight pieces. */
export function distanceTo(points: readonly Point[], p: Point): number {
  let best = Infinity;
  for (let i = 1; i < points.length; i++) {
    const a = points[i - 1];
    const b = points[i];
    if (a && b) best = Math.min(best, distanceToPiece(a, b, p));
  }
  return best;
}

function distanceToPiece(a: Point, b: Point, p: Point): number {
  const dx = b.x - a.x;
  const dy = b.y - a.y;
  const length = dx * dx + dy * dy;
  const t = length === 0 ? 0 : Math.max(0, Math.min(1, ((p.x - a.x) * dx + (p.y - a.y) * dy) / length));
  return Math.hypot(p.x - (a.x + t * dx), p.y - (a.y + t * dy));
}
