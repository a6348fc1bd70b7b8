import type { Point, Rect } from './camera';

/** A chain of cubic curves: start, then (control, control, end) six numbers each. */
export interface Path {
  readonly x: number;
  readonly y: number;
  readonly curves: readonly number[];
}

/** The box an edge starts or ends at, and the height of its row. */
export interface Port {
  box: Rect;
  y: number;
}

/** Finds the boxes that a rectangle touches; the index of the scene answers. */
export type Obstacles = (area: Rect) => readonly Rect[];

const GUTTER = 12;
const CLEARANCE = 4;
const SAMPLES = 20;
/** So often a way is looked for past what is in the way of the last one. */
const ROUNDS = 3;
/** How far from boxes of one column an edge between them runs, and what its height adds to that. */
const ASIDE = { least: 24, share: 0.12 } as const;
/** Between two vertical channels. */
export const CHANNEL_PITCH = 9;
const LOOP_FIRST = 20;
const LOOP_RADIUS = 7;
/** A corner as a cubic: the handle's share of the radius, 4/3·(√2−1). */
const KAPPA = 0.5523;

function right(box: Rect): number {
  return box.x + box.w;
}

function curve(a: Point, b: Point, bend: number): Path {
  return { x: a.x, y: a.y, curves: [a.x + bend, a.y, b.x - bend, b.y, b.x, b.y] };
}

function bendOf(dx: number): number {
  return Math.max(18, Math.abs(dx) / 2);
}

/** The point of a curve chain's last arrival and the direction it comes from, for the head. */
export function arrival(path: Path): { x: number; y: number; dx: number; dy: number } {
  const c = path.curves;
  const [cx = 0, cy = 0, x = 0, y = 0] = c.slice(-4);
  const length = Math.hypot(x - cx, y - cy) || 1;
  return { x, y, dx: (x - cx) / length, dy: (y - cy) / length };
}

/** Points along a path, start and end included, `per` of them on each curve. */
export function sample(path: Path, per = SAMPLES): Point[] {
  const points: Point[] = [{ x: path.x, y: path.y }];
  let x0 = path.x;
  let y0 = path.y;
  for (let i = 0; i + 5 < path.curves.length; i += 6) {
    const x1 = path.curves[i] ?? 0;
    const y1 = path.curves[i + 1] ?? 0;
    const x2 = path.curves[i + 2] ?? 0;
    const y2 = path.curves[i + 3] ?? 0;
    const x3 = path.curves[i + 4] ?? 0;
    const y3 = path.curves[i + 5] ?? 0;
    for (let s = 1; s <= per; s++) {
      const t = s / per;
      const u = 1 - t;
      points.push({
        x: u * u * u * x0 + 3 * u * u * t * x1 + 3 * u * t * t * x2 + t * t * t * x3,
        y: u * u * u * y0 + 3 * u * u * t * y1 + 3 * u * t * t * y2 + t * t * t * y3,
      });
    }
    x0 = x3;
    y0 = y3;
  }
  return points;
}

/** The rectangle around a path, `per` places of each of its curves looked at. */
export function extent({ x, y, curves }: Path, per: number): Rect {
  let [left, top, right, bottom] = [x, y, x, y];
  let [x0, y0] = [x, y];
  for (let i = 0; i + 5 < curves.length; i += 6) {
    const x1 = curves[i] ?? 0;
    const y1 = curves[i + 1] ?? 0;
    const x2 = curves[i + 2] ?? 0;
    const y2 = curves[i + 3] ?? 0;
    const x3 = curves[i + 4] ?? 0;
    const y3 = curves[i + 5] ?? 0;
    for (let s = 1; s <= per; s++) {
      const t = s / per;
      const u = 1 - t;
      const [a, b, c, d] = [u * u * u, 3 * u * u * t, 3 * u * t * t, t * t * t];
      const px = a * x0 + b * x1 + c * x2 + d * x3;
      const py = a * y0 + b * y1 + c * y2 + d * y3;
      left = Math.min(left, px);
      right = Math.max(right, px);
      top = Math.min(top, py);
      bottom = Math.max(bottom, py);
    }
    [x0, y0] = [x3, y3];
  }
  return { x: left, y: top, w: right - left, h: bottom - top };
}

/** The point half way along, where a label stands. */
export function middle(path: Path): Point {
  return along(sample(path), 0.5);
}

/** The first of the points at or after a share of their chain's length, 0 to 1. */
export function along(points: readonly Point[], share: number): Point {
  const lengths = points.map((p, i) => {
    const before = points[i - 1];
    return before ? Math.hypot(p.x - before.x, p.y - before.y) : 0;
  });
  let left = lengths.reduce((a, b) => a + b, 0) * share;
  for (let i = 1; i < points.length; i++) {
    left -= lengths[i] ?? 0;
    const point = points[i];
    if (left <= 0 && point) return point;
  }
  return points[0] ?? { x: 0, y: 0 };
}

/** The boxes on the way, other than the two ends. */
function blockers(path: Path, ends: readonly Rect[], obstacles: Obstacles): Rect[] {
  const hit = new Set<Rect>();
  for (const p of sample(path)) {
    const area = { x: p.x - CLEARANCE, y: p.y - CLEARANCE, w: 2 * CLEARANCE, h: 2 * CLEARANCE };
    for (const box of obstacles(area)) if (!ends.includes(box)) hit.add(box);
  }
  return [...hit];
}

function hull(boxes: readonly Rect[]): Rect {
  const x = Math.min(...boxes.map((b) => b.x));
  const y = Math.min(...boxes.map((b) => b.y));
  return { x, y, w: Math.max(...boxes.map(right)) - x, h: Math.max(...boxes.map((b) => b.y + b.h)) - y };
}

/** Along the gutter at height `y`, over or under everything between `from` and `to`. */
function detour(a: Point, b: Point, from: number, to: number, y: number): Path {
  const forward = b.x >= a.x ? 1 : -1;
  const enter = forward > 0 ? from : to;
  const leave = forward > 0 ? to : from;
  const first = forward * bendOf(enter - a.x);
  const last = forward * bendOf(b.x - leave);
  return {
    x: a.x,
    y: a.y,
    curves: [
      ...[a.x + first, a.y, enter - first, y, enter, y],
      ...[enter + (leave - enter) / 3, y, leave - (leave - enter) / 3, y, leave, y],
      ...[leave + last, y, b.x - last, b.y, b.x, b.y],
    ],
  };
}

/** The gutter over or under the boxes in the way, whichever meets fewer others. */
function around(a: Point, b: Point, blocking: readonly Rect[], ends: readonly Rect[], obstacles: Obstacles): Path {
  let best: Path | null = null;
  let fewest = Infinity;
  let known = [...blocking];
  for (let round = 0; round < ROUNDS && fewest > 0; round++) {
    const block = hull(known);
    const from = Math.max(block.x - GUTTER, Math.min(a.x, b.x) + GUTTER);
    const to = Math.min(right(block) + GUTTER, Math.max(a.x, b.x) - GUTTER);
    if (from >= to) break;
    const mid = (a.y + b.y) / 2;
    const gutters = [block.y - GUTTER, block.y + block.h + GUTTER];
    gutters.sort((p, q) => Math.abs(p - mid) - Math.abs(q - mid));
    const met: Rect[] = [];
    for (const y of gutters) {
      const path = detour(a, b, from, to, y);
      const hits = blockers(path, ends, obstacles);
      if (hits.length < fewest) {
        fewest = hits.length;
        best = path;
      }
      met.push(...hits);
    }
    known = [...new Set([...known, ...met])];
  }
  return best ?? curve(a, b, b.x >= a.x ? bendOf(b.x - a.x) : -bendOf(b.x - a.x));
}

/**
 * From the client's row to the server's row, arriving horizontally: left to right
 * where there is room, right to left for edges that run back, and round the right
 * side for boxes of one column. Boxes in the way are passed above or below.
 */
export function routeEdge(client: Port, server: Port, obstacles: Obstacles): Path {
  const direct = routeFreely(client, server);
  const ports = portsOf(client, server);
  if (!ports) return direct;
  const ends = [client.box, server.box];
  const blocking = blockers(direct, ends, obstacles);
  return blocking.length === 0 ? direct : around(ports.a, ports.b, blocking, ends, obstacles);
}

/** As `routeEdge` where nothing is in the way. */
export function routeFreely(client: Port, server: Port): Path {
  const ports = portsOf(client, server);
  return ports ? curve(ports.a, ports.b, ports.forward * bendOf(ports.b.x - ports.a.x)) : aside(client, server);
}

/** Where an edge leaves and arrives, at sides that face each other, and whether it runs to the right (1) or back (-1); null for boxes of one column. */
function portsOf(client: Port, server: Port): { a: Point; b: Point; forward: 1 | -1 } | null {
  if (server.box.x >= right(client.box)) return { a: { x: right(client.box), y: client.y }, b: { x: server.box.x, y: server.y }, forward: 1 };
  if (client.box.x >= right(server.box)) return { a: { x: client.box.x, y: client.y }, b: { x: right(server.box), y: server.y }, forward: -1 };
  return null;
}

/** A rectangle that `routeEdge` never leaves, where no box is higher than `tallest`. */
export function routeBound([client, server]: readonly [Port, Port], tallest: number): Rect {
  const [top, bottom] = [Math.min(client.y, server.y), Math.max(client.y, server.y)];
  // Each round may lead past one more box, over or under it.
  const aside = ROUNDS * (tallest + GUTTER + CLEARANCE);
  const { x, w } = hull([client.box, server.box]);
  const most = ASIDE.least + (bottom - top) * ASIDE.share;
  return { x: x - ASIDE.least, y: top - aside, w: w + ASIDE.least + most, h: bottom - top + 2 * aside };
}

/** Between two boxes of one column: out on the right and back in on the right. */
function aside(client: Port, server: Port): Path {
  const a = { x: right(client.box), y: client.y };
  const b = { x: right(server.box), y: server.y };
  const reach = Math.max(a.x, b.x) + ASIDE.least + Math.abs(a.y - b.y) * ASIDE.share;
  return { x: a.x, y: a.y, curves: [reach, a.y, reach, b.y, b.x, b.y] };
}

/**
 * A connection inside one node: out at the right, along a vertical channel, back
 * to the row. `channel` counts from 0, next to the box.
 */
export function routeLoop(box: Rect, from: number, to: number, channel: number): Path {
  const edge = right(box);
  const x = edge + LOOP_FIRST + channel * CHANNEL_PITCH;
  // A service that connects to itself gets a loop just high enough to see.
  const y1 = from === to ? from - LOOP_RADIUS : from;
  const y2 = from === to ? to + LOOP_RADIUS - 2 : to;
  const down = y2 >= y1 ? 1 : -1;
  const r = Math.min(LOOP_RADIUS, Math.abs(y2 - y1) / 2);
  const h = r * (1 - KAPPA);
  return {
    x: edge,
    y: y1,
    curves: [
      ...[edge, y1, x - r, y1, x - r, y1],
      ...[x - h, y1, x, y1 + down * h, x, y1 + down * r],
      ...[x, y1 + down * r, x, y2 - down * r, x, y2 - down * r],
      ...[x, y2 - down * h, x - h, y2, x - r, y2],
      ...[x - r, y2, edge + 1, y2, edge, y2],
    ],
  };
}

/** A rectangle that `routeLoop` never leaves. */
export function loopBound(box: Rect, from: number, to: number, channel: number): Rect {
  const top = Math.min(from, to) - LOOP_RADIUS;
  return { x: right(box), y: top, w: LOOP_FIRST + channel * CHANNEL_PITCH, h: Math.max(from, to) + LOOP_RADIUS - top };
}

/** A loop's rows, and what it must share a channel with: all loops to one row. */
export interface Loop {
  from: number;
  to: number;
}

/**
 * The channel of each loop of one box: loops to the same row share one, so that
 * they read as a tree; others take the innermost channel free over their height.
 */
export function loopChannels(loops: readonly Loop[]): number[] {
  const spans = new Map<number, { top: number; bottom: number }>();
  for (const { from, to } of loops) {
    const held = spans.get(to) ?? { top: to, bottom: to };
    spans.set(to, { top: Math.min(held.top, from), bottom: Math.max(held.bottom, from) });
  }
  const order = [...spans].sort(([, a], [, b]) => a.bottom - a.top - (b.bottom - b.top) || a.top - b.top);
  const taken: { top: number; bottom: number }[][] = [];
  const channelOf = new Map<number, number>();
  for (const [to, span] of order) {
    const free = taken.findIndex((c) => c.every((o) => o.bottom < span.top || o.top > span.bottom));
    const channel = free < 0 ? taken.length : free;
    (taken[channel] ??= []).push(span);
    channelOf.set(to, channel);
  }
  return loops.map(({ to }) => channelOf.get(to) ?? 0);
}
