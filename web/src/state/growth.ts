import type { Connection, Service } from '../api/types';

/** Counts that grow only while something goes wrong. */
export type Counter = 'refused' | 'timed_out' | 'drops';

/** By how much a count grew while this page looked, and when it last did, ms. */
export interface Count {
  by: number;
  at: number;
}

/** What grew of one connection or service. */
export type Growth = Readonly<Partial<Record<Counter, Count>>>;

/** What grew, by the id of its connection or service; ids of the two never meet. */
export type Grown = ReadonlyMap<string, Growth>;

export const NOTHING_GROWN: Grown = new Map();

/** So long a growth is said, ms: attempts are made, and reported, with pauses. */
export const FRESH_MS = 60_000;

/** Still worth saying. A moment before it (another clock's) counts as fresh. */
export function isFresh(count: Count | undefined, now: number): count is Count {
  return count !== undefined && now - count.at < FRESH_MS;
}

interface Seen {
  connections: ReadonlyMap<string, Connection>;
  services: ReadonlyMap<string, Service>;
  grown: Grown;
}

/** What a newer revision brings; with what it leaves out nothing grew. */
export interface Change {
  connections?: Iterable<Connection> | null | undefined;
  services?: Iterable<Service> | null | undefined;
}

/** The old growth with what `to` has more than `from`; an episode that has ended begins anew. */
function more(counter: Counter, from: number, to: number, old: Growth | undefined, now: number): Growth {
  const was = old?.[counter];
  return { [counter]: { by: to - from + (isFresh(was, now) ? was.by : 0), at: now } };
}

/**
 * What grew between two revisions, with what grew a moment before. What was not
 * there before says nothing: nobody knows since when it has its counts.
 */
export function grow(before: Seen, change: Change, now: number): Grown {
  const over = [...before.grown].filter(([, g]) => !Object.values(g).some((c) => isFresh(c, now)));
  const ended = new Set(over.map(([id]) => id));
  const news = new Map<string, Growth>();
  const add = (id: string, counter: Counter, from = 0, to = 0): void => {
    if (to > from) news.set(id, { ...(news.get(id) ?? (ended.has(id) ? {} : before.grown.get(id))), ...more(counter, from, to, before.grown.get(id), now) });
  };
  for (const c of change.connections ?? []) {
    const was = c.refused || c.timed_out ? before.connections.get(c.id) : undefined;
    if (!was) continue;
    add(c.id, 'refused', was.refused, c.refused);
    add(c.id, 'timed_out', was.timed_out, c.timed_out);
  }
  for (const s of change.services ?? []) {
    const was = s.drops ? before.services.get(s.id) : undefined;
    if (was) add(s.id, 'drops', was.drops, s.drops);
  }
  if (over.length + news.size === 0) return before.grown;
  const grown = new Map(before.grown);
  for (const [id] of over) grown.delete(id);
  for (const [id, growth] of news) grown.set(id, growth);
  return grown;
}
