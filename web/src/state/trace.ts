import type { IncidentRef, IncidentStep } from '../api/types';
import type { Topology } from './topology';

/**
 * The path of trouble on a chart: where it began, whom it reached and whom it would reach
 * next. A chart has pools where an incident has nodes, and edges that stand for many.
 */

/** What a tag over a box says; `sure` is the likely cause, the others are no more than possible. */
export interface Tag {
  text: string;
  sure: boolean;
}

/** An incident or a supposed failure, as far as a chart shows it. */
export interface Story {
  causes: readonly (Tag & { ref: IncidentRef })[];
  confirmed: readonly IncidentRef[];
  predicted: readonly IncidentRef[];
  steps: readonly Pick<IncidentStep, 'client' | 'server'>[];
  tone: Tone;
}

/**
 * How an edge is of the path: trouble came along it, it leads there through something that
 * nobody knows to be bad, or what would fail next hangs on it.
 */
export type Way = 'travels' | 'through' | 'next';

/** What a line of the path says of itself. */
export const WAY_WORDS: Readonly<Record<Way, string>> = {
  travels: 'trouble is on both ends: it goes from the server to its client',
  through: 'on the way of the trouble; nobody knows its client to be bad',
  next: 'its client would fail next',
};

/** A story on one chart: names of boxes, ids of connections. */
export interface Trace {
  tags: ReadonlyMap<string, Tag>;
  /** All that is not faded. */
  boxes: ReadonlySet<string>;
  /** How many of them are in trouble. */
  bad: number;
  /** Of them, those of which nothing is bad yet. */
  predicted: ReadonlySet<string>;
  edges: ReadonlyMap<string, Way>;
  /** The colour of all of it. */
  tone: Tone;
  /** What is not of it stands back. */
  fades: boolean;
}

/** How bad an incident is: what its path is drawn in. */
export type Tone = 'critical' | 'warning' | 'unknown';

/** The tag over what is only supposed to fail. */
export const FAILS = 'If this fails';

/** The causes of open incidents, marked while none of them is looked at: loudly those of what is critical. */
export function causesOf(topology: Topology, causes: readonly (IncidentRef & { loud: boolean })[]): Trace {
  const on = boxesByName(topology);
  const tags = new Map<string, Tag>();
  for (const { node, loud } of causes) {
    const box = on.get(node ?? '');
    if (box !== undefined && !tags.get(box)?.sure) tags.set(box, { text: 'Likely cause', sure: loud });
  }
  return { tags, boxes: new Set(), bad: 0, predicted: new Set(), edges: new Map(), tone: 'critical', fades: false };
}

/** The box of each node, and of each pool and group. */
export type Boxes = ReadonlyMap<string, string>;

export function boxesByName({ nodes }: Topology): Boxes {
  const found = new Map<string, string>();
  for (const n of nodes.values()) for (const m of n.members ?? []) found.set(m.name, n.name);
  for (const name of nodes.keys()) found.set(name, name);
  return found;
}
