import { type Topology, isMany } from '../state/topology';
import type { Boxes, SceneBox } from './box';
import type { Rect } from './camera';
import { Course, type Plan, type Router, SceneEdge, held, plansOf } from './course';
import { BESIDE, type DownPort, type Side, routeDown } from './down';
import { type Grid, middleOf } from './hit';

/** Where one end of a line meets its box, and at which other box it points. */
interface DownEnd {
  plan: Plan;
  end: 'from' | 'to';
  near: SceneBox;
  far: SceneBox;
}

const PITCH = 14;
/** How far the sheets behind a box that stands for many reach over it. */
const SHEETS = 6;

/** The edges of a chart that runs down the page: all are found anew, as it is one lane only. */
export function buildEdgesDown(topology: Topology, boxes: Boxes, grid: Grid<SceneBox>, router: Router): readonly SceneEdge[] {
  const plans = plansOf(topology, boxes);
  const bottoms = new Map<number, number>();
  for (const { rect } of boxes.all) bottoms.set(rect.y, Math.max(bottoms.get(rect.y) ?? -Infinity, rect.y + rect.h));
  const ports = portsOf(plans);
  const rects = (area: Rect): Rect[] => grid.near(area).map((b) => b.rect);
  const port = ({ node, rect }: SceneBox, x: number): DownPort => {
    const sheets = isMany(node) || node.kind === 'network' ? SHEETS : 0;
    return { box: { ...rect, y: rect.y - sheets, h: rect.h + sheets }, x, row: { top: rect.y, bottom: bottoms.get(rect.y) ?? rect.y + rect.h } };
  };
  const beside: Record<Side, number> = { left: 0, right: 0 };
  const edges = new Map<Plan, SceneEdge>();
  for (const plan of [...plans].sort(busiestFirst)) {
    const at = ports.get(plan);
    let crowded = false;
    const turn = (side: Side): number => {
      crowded = beside[side] >= BESIDE;
      return beside[side]++;
    };
    const path = at ? routeDown(port(plan.client, at.from), port(plan.server, at.to), rects, turn) : null;
    edges.set(plan, new SceneEdge(plan, new Course(plan, router, path), crowded));
  }
  return plans.flatMap((plan) => edges.get(plan) ?? []);
}

/** Along the sides there is room for few lines: the busiest have it. */
function busiestFirst({ connection: a }: Plan, { connection: b }: Plan): number {
  return b.count - a.count || (a.id < b.id ? -1 : 1);
}

/** How many lines of a chart that runs down the page are drawn only where somebody asks. */
export function crowdedOut(edges: readonly SceneEdge[]): number {
  return edges.filter((e) => e.quiet && !e.client.hushed && !e.server.hushed).length;
}

/** Where lines leave and arrive: spread over the tops and bottoms of boxes, in the order of their far ends. */
function portsOf(plans: readonly Plan[]): ReadonlyMap<Plan, Record<'from' | 'to', number>> {
  const sides = new Map<string, DownEnd[]>();
  const add = (plan: Plan, end: 'from' | 'to', near: SceneBox, far: SceneBox): void => {
    if (near.rect.y === far.rect.y) return;
    const key = `${far.rect.y > near.rect.y ? 'below' : 'above'} ${near.node.name}`;
    held(sides, key, () => []).push({ plan, end, near, far });
  };
  for (const p of plans) {
    add(p, 'from', p.client, p.server);
    add(p, 'to', p.server, p.client);
  }
  const at = new Map<Plan, Record<'from' | 'to', number>>();
  for (const ends of sides.values()) {
    ends.sort((a, b) => middleOf(a.far.rect).x - middleOf(b.far.rect).x || a.far.rect.y - b.far.rect.y || (a.plan.connection.id < b.plan.connection.id ? -1 : 1));
    ends.forEach(({ plan, end, near }, i) => {
      const pitch = Math.min(PITCH, (near.rect.w - 24) / Math.max(1, ends.length - 1));
      held(at, plan, () => ({ from: 0, to: 0 }))[end] = middleOf(near.rect).x + (i - (ends.length - 1) / 2) * pitch;
    });
  }
  return at;
}
