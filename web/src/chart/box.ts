import type { ChartNode, ClientRow, LaneInfo, MoreRow, Service, ServiceRow } from '../api/types';
import type { Mark } from '../state/compare';
import { goneBox } from '../state/gone';
import type { Growth } from '../state/growth';
import type { Topology } from '../state/topology';
import type { Rect } from './camera';
import { contains, middleOf, sameRect } from './hit';

/** Geometry that the server's layout is computed with, chart units. */
export const HEADER = 27;
export const ROW = 20;
export const FOOT = 6;
/** Room for the ticks of a pool's members, under its header. */
export const MEMBERS = 12;

export interface SceneRow {
  row: ServiceRow | ClientRow | MoreRow;
  /** Middle of the row, chart units. */
  y: number;
  service: Service | null;
  /** What grew of it while this page looked. */
  growth: Growth | undefined;
  /** How it differs from another moment. */
  mark: Mark | undefined;
}

/** Scenes share it; only what renews a scene writes it. */
export interface SceneBox {
  node: ChartNode;
  /** The same object in a later scene as long as neither the box nor a row of it changes its place. */
  rect: Rect;
  rows: readonly SceneRow[];
  /** How it, or something of it, differs from another moment. */
  mark: Mark | undefined;
  /** It could not be seen at that moment. */
  unseen: boolean;
  /** The ground that it stands on. */
  ground: LaneInfo | null;
  /** The name of the lane that it stands on; its own need not say that again. */
  lane: string;
  /** All nodes have lines to it, so that these are drawn only where somebody asks or something fails. */
  hushed: boolean;
  /** It is gone, and only keeps its place. */
  gone: boolean;
}

/** The boxes of a scene, and how they differ from those of an earlier one. */
export interface Boxes {
  all: readonly SceneBox[];
  byName: ReadonlyMap<string, SceneBox>;
  /** The boxes of before that are gone, or others now. */
  renewed: ReadonlySet<SceneBox>;
  /** Where boxes came, went or moved from and to. */
  changed: readonly Rect[];
}

/** The boxes of an earlier scene, and what they were made of. */
export interface BoxesBefore {
  boxes: readonly SceneBox[];
  boxByName: ReadonlyMap<string, SceneBox>;
  source: Topology;
}

/** What all boxes of a topology have in common. */
export interface Common {
  topology: Topology;
  unseen: ReadonlySet<string>;
  /** The chart has a strip of shared services. */
  strip: boolean;
}

/** The boxes of a topology. Those in which nothing changed are the ones of before. */
export function buildBoxes(topology: Topology, before: BoxesBefore | null): Boxes {
  const common = commonOf(topology);
  const alike = before !== null && isAlike(before.source, topology);
  const all: SceneBox[] = [];
  const byName = new Map<string, SceneBox>();
  const renewed = new Set<SceneBox>();
  const changed: Rect[] = [];
  const add = (was: SceneBox | undefined, box: SceneBox): void => {
    all.push(box);
    byName.set(box.node.name, box);
    if (!was) changed.push(box.rect);
    else if (box !== was) {
      renewed.add(was);
      if (!sameRect(was.rect, box.rect)) changed.push(was.rect, box.rect);
    }
  };
  for (const node of topology.nodes.values()) {
    const was = before?.boxByName.get(node.name);
    add(was, was && alike && holds(was, node, topology) ? was : boxOf(node, common, was));
  }
  for (const ghost of topology.gone?.boxes ?? []) {
    const was = before?.boxByName.get(ghost.name);
    add(was, { ...boxOf(goneBox(ghost), common, was), mark: 'vanished', gone: true });
  }
  for (const box of before?.boxes ?? []) {
    if (byName.has(box.node.name)) continue;
    renewed.add(box);
    changed.push(box.rect);
  }
  return { all, byName, renewed, changed };
}

export function commonOf(topology: Topology): Common {
  return { topology, unseen: new Set((topology.gaps ?? []).flatMap((g) => g.node ?? [])), strip: (topology.lanes ?? []).some((l) => l.id === '') };
}

/** Whether what boxes have in common is the same in both. */
function isAlike(a: Topology, b: Topology): boolean {
  return (a.lanes ?? null) === (b.lanes ?? null) && a.gaps === b.gaps && a.marks === b.marks;
}

/** Whether all that a box is made of is still the same. */
function holds(box: SceneBox, node: ChartNode, { services, grown }: Topology): boolean {
  if (box.node !== node) return false;
  for (const { row, service, growth } of box.rows) {
    if (row.kind !== 'service') continue;
    if ((services.get(row.service) ?? null) !== service || grown.get(row.service) !== growth) return false;
  }
  return true;
}

export function boxOf(node: ChartNode, { topology, unseen, strip }: Common, was: SceneBox | undefined): SceneBox {
  const { x, y, w, h } = node.layout;
  const { services, grown, marks } = topology;
  const rows = (node.rows ?? []).map((row, i) => ({
    row,
    y: y + HEADER + (node.kind === 'pool' ? MEMBERS : 0) + (i + 0.5) * ROW,
    service: row.kind === 'service' ? (services.get(row.service) ?? null) : null,
    growth: row.kind === 'service' ? grown.get(row.service) : undefined,
    mark: row.kind === 'service' ? marks?.services.get(row.service) : undefined,
  }));
  const rect = { x, y, w, h };
  const mark = marks?.nodes.get(node.name) ?? (rows.some((r) => r.mark && r.mark !== 'absent') ? 'changed' : undefined);
  const ground = (topology.lanes ?? []).find((l) => contains(l.layout, middleOf(rect))) ?? null;
  const hushed = strip && ((node.shared ?? false) || ground?.id === '');
  const box = { node, rect, rows, mark, unseen: unseen.has(node.name), ground, lane: ground?.title ?? '', hushed, gone: false };
  return was && sameShape(was, box) ? { ...box, rect: was.rect } : box;
}

/** Whether two boxes of a name, and their rows, are in the same places. */
function sameShape(a: SceneBox, b: SceneBox): boolean {
  if (!sameRect(a.rect, b.rect) || a.rows.length !== b.rows.length) return false;
  return a.rows.every(({ row, y }, i) => {
    const other = b.rows[i];
    return other !== undefined && y === other.y && rowKey(row) === rowKey(other.row);
  });
}

/** What connections find a row by. */
export function rowKey(row: SceneRow['row']): string {
  if (row.kind === 'more') return row.kind;
  return row.kind === 'service' ? `service ${row.service} ${row.process}` : `client ${row.process}`;
}
