import type { Check } from '../api/types';
import { severity } from './checks';
import { judgeOf, suspectsOf } from './health';
import type { Topology } from './topology';

/** A screen on a wall: nobody touches it, and it is read from afar. */

/** Whether the address asks for it: `?wall=1`, before or after the hash. */
export function wallAsked({ search, hash }: Pick<Location, 'search' | 'hash'>): boolean {
  const asked = [search, hash.split('?')[1] ?? ''].map((q) => new URLSearchParams(q).get('wall'));
  return asked.some((v) => v !== null && v !== '0');
}

/** The window's height at which the smallest name on the chart, 11 px, is a 90th of it. */
const NATURAL_HEIGHT = 990;

/** How much everything is enlarged, so that names are at least a 90th of the height. */
export function wallScale(height: number): number {
  return Math.max(1, height / NATURAL_HEIGHT);
}

const SHIFT_MS = 10 * 60_000;
const SHIFT_PX = 2;

/** The corner where the picture stands, so that nothing burns in: another one every ten minutes. */
export function pixelShift(now: number): { x: number; y: number } {
  const turn = Math.floor(now / SHIFT_MS) % 4;
  return { x: turn === 1 || turn === 2 ? SHIFT_PX : 0, y: turn >= 2 ? SHIFT_PX : 0 };
}

/** How long the camera stays at new trouble, ms. */
export const STAY_MS = 60_000;

/** Something to fly to. */
export interface Trouble {
  key: string;
  node: string;
  rank: number;
}

/** What is open on the chart: alerts that are of a node, and connections that fail; the worst first. */
export function troublesOf(topology: Topology, alerts: readonly Check[], now: number): Trouble[] {
  const judge = judgeOf(topology, now);
  const failing = suspectsOf(topology).connections.filter((c) => judge.connection(c).some((t) => t.severity === 'failing'));
  return [
    ...alerts.flatMap((c) => (c.node ? [{ key: `check ${c.id}`, node: c.node, rank: severity(c.status) }] : [])),
    // What the agent sees itself stands between CRITICAL and WARNING.
    ...failing.map((c) => ({ key: `connection ${c.id}`, node: c.server.node, rank: severity('WARNING') + 0.5 })),
  ].sort((a, b) => b.rank - a.rank);
}

/** The worst of what was not there before; null where nothing is new, or nothing was looked at yet. */
export function newTrouble(seen: ReadonlySet<string> | null, troubles: readonly Trouble[]): Trouble | null {
  return (seen && troubles.find((t) => !seen.has(t.key))) ?? null;
}

/** The box in which a node is drawn: its own, or that of its pool or group; '' for none. */
export function boxOf(topology: Pick<Topology, 'nodes'>, node: string): string {
  if (topology.nodes.has(node)) return node;
  return [...topology.nodes.values()].find((n) => n.members?.some((m) => m.name === node))?.name ?? '';
}
