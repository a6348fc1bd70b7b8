import type { ChartNode, LaneInfo, Status } from '../api/types';
import { openOf, severity } from '../state/checks';
import { NOTHING_GONE } from '../state/gone';
import type { Topology } from '../state/topology';
import { type Rect } from './camera';
import { contains, overlaps } from './hit';
import type { Path } from './route';

/**
 * The chart on a narrow screen: one lane at a time, its columns run down the page. Nothing
 * of it is the server's layout but who stands left of whom, and above whom.
 */

/** A lane that can be looked at by itself. */
export interface OneLane {
  id: string;
  title: string;
  boxes: readonly ChartNode[];
  /** The worst open trouble on it. */
  worst: Status;
}

/** The lanes of what is on none: what serves everyone, what belongs nowhere, all of a chart without lanes. */
const STRIP = '~shared';
const REST = '~rest';
const ALL = '~all';

function isOutside({ kind }: ChartNode): boolean {
  return kind === 'internet' || kind === 'network';
}

function oneLane(id: string, title: string, boxes: readonly ChartNode[]): OneLane[] {
  if (boxes.length === 0) return [];
  const worst = boxes.map(openOf).reduce<Status>((a, b) => (severity(b) > severity(a) ? b : a), 'NONE');
  return [{ id, title, boxes, worst }];
}

/** The lanes of a chart in its order, then the shared services, then what is on no lane. */
export function lanesOf({ nodes, lanes }: Topology): OneLane[] {
  const inside = [...nodes.values()].filter((n) => !isOutside(n));
  if (!lanes?.length) return oneLane(ALL, 'all of it', inside);
  const on = new Map<LaneInfo | null, ChartNode[]>([...lanes.map((l): [LaneInfo, ChartNode[]] => [l, []]), [null, []]]);
  for (const node of inside) {
    const { x, y, w, h } = node.layout;
    const lane = lanes.find((l) => contains(l.layout, { x: x + w / 2, y: y + h / 2 })) ?? null;
    on.get(lane)?.push(node);
  }
  const named = [...on].filter(([lane]) => lane !== null && lane.id !== '').sort(([a], [b]) => (a?.layout.y ?? 0) - (b?.layout.y ?? 0) || (a?.layout.x ?? 0) - (b?.layout.x ?? 0));
  const strip = [...on].find(([lane]) => lane?.id === '')?.[1] ?? [];
  return [...named.flatMap(([lane, boxes]) => oneLane(lane?.id ?? '', lane?.title || (lane?.id ?? ''), boxes)), ...oneLane(STRIP, 'Shared services', strip), ...oneLane(REST, 'in no group', on.get(null) ?? [])];
}

/** The lane that a box stands on; undefined where it is on none, as the Internet. */
export function laneOfBox(lanes: readonly OneLane[], name: string): OneLane | undefined {
  return lanes.find((l) => l.boxes.some((b) => b.name === name));
}

/** The lane to look at first: where it is worst, else where this node stands, else the largest. */
export function firstLane(lanes: readonly OneLane[]): OneLane | undefined {
  const worst = lanes.reduce<OneLane | undefined>((a, b) => (severity(b.worst) > severity(a?.worst ?? 'NONE') ? b : a), undefined);
  if (worst) return worst;
  return lanes.find((l) => l.boxes.some((b) => b.this)) ?? lanes.reduce<OneLane | undefined>((a, b) => (b.boxes.length > (a?.boxes.length ?? 0) ? b : a), undefined);
}

/** So wide is the page, chart units: two of the widest boxes beside each other. */
export const PAGE = 384;
const GAP = { x: 16, row: 34, column: 52 };
const LANE = { pad: 20, head: 60 };

/** Boxes by columns: those that share some x are of one, from left to right. */
function columnsOf(boxes: readonly ChartNode[]): ChartNode[][] {
  const columns: ChartNode[][] = [];
  let end = -Infinity;
  for (const box of [...boxes].sort((a, b) => a.layout.x - b.layout.x || a.layout.y - b.layout.y)) {
    if (box.layout.x >= end) columns.push([]);
    columns.at(-1)?.push(box);
    end = Math.max(end, box.layout.x + box.layout.w);
  }
  return columns.map((c) => c.sort((a, b) => a.layout.y - b.layout.y || a.layout.x - b.layout.x));
}

/** Boxes in rows as wide as the page, from `y` down, each row in the middle; where the last ends. */
function flow(boxes: readonly ChartNode[], y: number, put: (box: ChartNode, at: Rect) => void): number {
  const rows: ChartNode[][] = [];
  let left = 0;
  for (const box of boxes) {
    if (rows.length === 0 || box.layout.w > left) {
      rows.push([]);
      left = PAGE;
    }
    rows.at(-1)?.push(box);
    left -= box.layout.w + GAP.x;
  }
  let top = y;
  for (const row of rows) {
    const width = row.reduce((w, b) => w + b.layout.w, (row.length - 1) * GAP.x);
    let x = (PAGE - width) / 2;
    for (const box of row) {
      put(box, { ...box.layout, x, y: top });
      x += box.layout.w + GAP.x;
    }
    top += Math.max(...row.map((b) => b.layout.h)) + GAP.row;
  }
  return top - GAP.row;
}

/** One lane of a chart with the outside networks that it has to do with, down the page. */
export function downOf(topology: Topology, lane: OneLane): Topology {
  const names = new Set(lane.boxes.map((b) => b.name));
  const near = new Set([...topology.connections.values()].flatMap(({ client, server }) => (names.has(client.node) ? [server.node] : names.has(server.node) ? [client.node] : [])));
  const outside = [...topology.nodes.values()].filter((n) => isOutside(n) && near.has(n.name));
  const first = Math.min(...lane.boxes.map((b) => b.layout.x));
  const placed = new Map<string, ChartNode>();
  const put = (box: ChartNode, at: Rect): void => void placed.set(box.name, { ...box, layout: { ...box.layout, ...at } });
  const before = outside.filter((n) => n.layout.x < first);
  const behind = outside.filter((n) => n.layout.x >= first);
  const top = before.length > 0 ? flow(before, 0, put) + GAP.column : 0;
  let y = top + LANE.head;
  for (const column of columnsOf(lane.boxes)) y = flow(column, y, put) + GAP.column;
  const bottom = y - GAP.column + LANE.pad;
  if (behind.length > 0) flow(behind, bottom + GAP.column, put);
  const ground = { id: lane.id, title: lane.title, layout: { x: -LANE.pad, y: top, w: PAGE + 2 * LANE.pad, h: bottom - top } };
  return { ...topology, gone: NOTHING_GONE, nodes: placed, lanes: [ground], down: true };
}

/** One end of a line down the page. */
export interface DownPort {
  box: Rect;
  x: number;
  /** Where the row of boxes ends that it is in. */
  row: { top: number; bottom: number };
}

const TURN = 28;
const LEFT = -8;
/** So many lines run beside each other along a side of the page, this far apart. */
export const BESIDE = 4;
const CHANNEL = 4.5;

/** Which side of the page a line runs along. */
export type Side = 'left' | 'right';

/**
 * From a box down, or up, to another: straight where nothing stands between, else along the
 * side of the page, in the channel that `turn` gives it there. Null for boxes of one row:
 * those are beside each other as on any chart.
 */
export function routeDown(from: DownPort, to: DownPort, boxes: (area: Rect) => readonly Rect[], turn: (side: Side) => number): Path | null {
  if (from.row.top === to.row.top) return null;
  const s = to.row.top > from.row.top ? 1 : -1;
  const start = s > 0 ? from.box.y + from.box.h : from.box.y;
  const end = s > 0 ? to.box.y : to.box.y + to.box.h;
  // Beside a box that is longer, or starts higher, a line goes straight until the row's end.
  const out = s > 0 ? Math.max(from.row.bottom, start) : Math.min(from.row.top, start);
  const into = s > 0 ? Math.min(to.row.top, end) : Math.max(to.row.bottom, end);
  const lead = straight(from.x, start, from.x, out);
  const rest = straight(to.x, into, to.x, end);
  const bend = s * Math.max(14, Math.abs(into - out) / 2);
  const direct = [from.x, out + bend, to.x, into - bend, to.x, into];
  const between = { x: Math.min(from.x, to.x) - 4, y: Math.min(out, into) + 1, w: Math.abs(from.x - to.x) + 8, h: Math.abs(into - out) - 2 };
  if (!boxes(between).some((b) => overlaps(b, between))) return { x: from.x, y: start, curves: [...lead, ...direct, ...rest] };
  const right = (from.x + to.x) / 2 > PAGE / 2;
  const channel = (turn(right ? 'right' : 'left') % BESIDE) * CHANNEL;
  const g = right ? PAGE - LEFT + channel : LEFT - channel;
  return {
    x: from.x,
    y: start,
    curves: [
      ...lead,
      ...[from.x, out + s * TURN * 0.6, g, out + s * TURN * 0.4, g, out + s * TURN],
      ...straight(g, out + s * TURN, g, into - s * TURN),
      ...[g, into - s * TURN * 0.4, to.x, into - s * TURN * 0.6, to.x, into],
      ...rest,
    ],
  };
}

/** A straight piece as a curve; none where it has no length. */
function straight(x1: number, y1: number, x2: number, y2: number): number[] {
  if (x1 === x2 && y1 === y2) return [];
  const at = (t: number): [number, number] => [x1 + (x2 - x1) * t, y1 + (y2 - y1) * t];
  return [...at(1 / 3), ...at(2 / 3), x2, y2];
}
