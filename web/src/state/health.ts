import type { Connection, Health, Service } from '../api/types';
import { percent, plural, figure, span } from '../lib/format';
import { type Growth, isFresh } from './growth';
import type { Topology } from './topology';
import { changedSince } from './versions';

/**
 * What the sockets say about the health of connections and services: which of it
 * is trouble, and in which words.
 */

/** `failing`: something does not work. `strained`: it works, but not well. */
export type Severity = 'failing' | 'strained';

export interface Trouble {
  severity: Severity;
  /** On a line or in a cell: `3 unanswered`. */
  short: string;
  /** A clause: `3 attempts wait for an answer`. */
  text: string;
  /** Which kind of signal it is, or would be. */
  kind: string;
}

/** An attempt that waits for longer is in trouble, ms: the first question is asked again after one second, then after two. */
export const WAIT_MS = 3_000;
/** So many sockets that a process did not close are no coincidence. */
export const UNCLOSED = 10;
/** The share of segments sent again from which it is said in colour, and from which the chart shows it. */
export const RESENT = { said: 0.01, shown: 0.05 };

const RANKS: Readonly<Record<Severity, number>> = { failing: 2, strained: 1 };

/** The worst of several: 2 failing, 1 strained, 0 nothing. */
export function rank(troubles: readonly Trouble[]): number {
  return troubles.reduce((worst, t) => Math.max(worst, RANKS[t.severity]), 0);
}

/** The worst first; equal ones stay in their order. */
export function worstFirst(troubles: readonly Trouble[]): Trouble[] {
  return [...troubles].sort((a, b) => RANKS[b.severity] - RANKS[a.severity]);
}

/** `3 attempts wait for an answer`; '' when none does. */
export function waitingText({ connecting = 0 }: Health): string {
  return connecting > 0 ? `${plural(connecting, 'attempt')} ${connecting === 1 ? 'waits' : 'wait'} for an answer` : '';
}

/** `5 connections closed by the other end, not by nginx`; '' when there is none. */
export function unclosedText({ health, client, server }: Pick<Connection, 'health' | 'client' | 'server'>): string {
  const n = health?.close_wait ?? 0;
  if (n === 0) return '';
  const own = health?.end === 'server' ? server : client;
  return `${plural(n, 'connection')} closed by the other end, not by ${own.process || own.node}`;
}

/** Whether an attempt waits for longer than it should. */
export function waitsLong({ connecting = 0, connecting_since: since }: Health, now: number): boolean {
  return connecting > 0 && since !== undefined && now - Date.parse(since) > WAIT_MS;
}

function fruitlessTroubles(growth: Growth | undefined, now: number): Trouble[] {
  const kinds = [['refused', 'refused', 'refused'], ['timed_out', 'timed out', 'unreachable']] as const;
  return kinds.flatMap(([counter, how, kind]) => {
    const count = growth?.[counter];
    if (!isFresh(count, now)) return [];
    return [trouble('failing', kind, () => `${figure(count.by)} ${how}`, () => `${plural(count.by, 'attempt')} ${how}, the last seen ${span(Math.max(0, now - count.at))} ago`)];
  });
}

/** Most who ask want to know how bad it is: its words are made when somebody reads them. */
function trouble(severity: Severity, kind: string, short: () => string, text: () => string): Trouble {
  return {
    severity,
    kind,
    get short() {
      return short();
    },
    get text() {
      return text();
    },
  };
}

function healthTroubles(c: Connection, h: Health, now: number): Trouble[] {
  const found: Trouble[] = [];
  if (waitsLong(h, now)) {
    found.push(trouble('failing', 'unreachable', () => `${figure(h.connecting ?? 0)} unanswered`, () => `${waitingText(h)}, for ${span(now - Date.parse(h.connecting_since ?? ''))}`));
  }
  const resent = h.retransmit_ratio ?? 0;
  if (resent >= RESENT.shown) {
    found.push(trouble('strained', 'retransmits', () => `${percent(resent)} resent`, () => `${percent(resent)} of what is sent is sent again`));
  }
  if ((h.close_wait ?? 0) >= UNCLOSED) {
    found.push(trouble('strained', 'close-wait', () => `${figure(h.close_wait ?? 0)} not closed`, () => unclosedText(c)));
  }
  return found;
}

/**
 * What is wrong with a connection at a moment, the worst first. What dotm's own checks say of it
 * comes before what this page saw: they know what is usual.
 */
export function connectionTroubles(c: Connection, growth: Growth | undefined, now: number, signals: readonly Trouble[] = NONE): Trouble[] {
  const seen = [...fruitlessTroubles(growth, now), ...(c.health ? healthTroubles(c, c.health, now) : [])];
  return signals.length > 0 ? [...signals, ...seen.filter((t) => !signals.some((s) => s.kind === t.kind))] : seen;
}

const NONE: readonly Trouble[] = [];

/** False for what cannot be in trouble, whatever the time: nearly all of a chart, told without making words. */
export function isSuspect({ health: h }: Connection, growth: Growth | undefined): boolean {
  if (growth) return true;
  return h !== undefined && ((h.connecting ?? 0) > 0 || (h.close_wait ?? 0) >= UNCLOSED || (h.retransmit_ratio ?? 0) >= RESENT.shown);
}

/** The few of a topology that may be in trouble. */
export interface Suspects {
  connections: readonly Connection[];
  services: readonly Service[];
}

/** Several parts of a page ask for them, of one topology after the other. */
const suspects = new WeakMap<Topology, Suspects>();
let last: Topology | null = null;

/** The few of a topology that may be in trouble; looked for once, and only among what changed since the one before. */
export function suspectsOf(topology: Topology): Suspects {
  const known = suspects.get(topology);
  if (known) return known;
  const { connections, services, grown } = topology;
  const before = last && suspects.get(last);
  const found: Suspects = {
    connections: among(last?.connections, connections, before?.connections, grown).filter((c) => isSuspect(c, grown.get(c.id))),
    services: among(last?.services, services, before?.services, grown).filter((s) => isOverflowing(s) || grown.has(s.id)),
  };
  suspects.set(topology, found);
  last = topology;
  return found;
}

/** Where to look for them: everywhere, or where they were, and what changed. */
function among<T extends { id: string }>(was: ReadonlyMap<string, T> | undefined, is: ReadonlyMap<string, T>, found: readonly T[] | undefined, grown: Topology['grown']): T[] {
  const changed = was && found && changedSince(was, is);
  if (!changed) return [...is.values()];
  const now = new Map<string, T | undefined>([...found.map(({ id }) => id), ...grown.keys()].map((id) => [id, is.get(id)]));
  for (const [id, [, item]] of changed) now.set(id, item);
  return [...now.values()].filter((item) => item !== undefined);
}

/** More wait to be accepted than may. */
export function isOverflowing({ queue = 0, queue_max = 0, state }: Pick<Service, 'queue' | 'queue_max' | 'state'>): boolean {
  return state !== 'gone' && queue_max > 0 && queue > queue_max;
}

/** `4 of 128 wait`; '' when none does. */
export function queueText({ queue = 0, queue_max = 0 }: Pick<Service, 'queue' | 'queue_max'>): string {
  if (queue === 0) return '';
  const of = queue_max > 0 ? `${figure(queue)} of ${figure(queue_max)}` : figure(queue);
  return `${of} ${queue === 1 && queue_max === 0 ? 'waits' : 'wait'}`;
}

/** What is wrong with a service at a moment. */
export function serviceTroubles(s: Service, growth: Growth | undefined, now: number): Trouble[] {
  const found: Trouble[] = [];
  if (isOverflowing(s)) found.push({ severity: 'failing', short: queueText(s), text: `the accept queue is full: ${queueText(s)}`, kind: 'queue' });
  const drops = growth?.drops;
  if (isFresh(drops, now)) {
    const last = `the last seen ${span(Math.max(0, now - drops.at))} ago`;
    found.push({ severity: 'failing', short: `${figure(drops.by)} turned away`, text: `${plural(drops.by, 'connection')} turned away, ${last}`, kind: 'queue' });
  }
  return found;
}

/** Says what is wrong with things of one topology, as of one moment. */
export interface Judge {
  connection: (c: Connection) => Trouble[];
  service: (s: Service) => Trouble[];
}

/** Knows of no trouble. */
export const CALM: Judge = { connection: () => [], service: () => [] };

/** The later of two clocks, so that a browser's slow one hides no trouble. */
export function latest(topology: Pick<Topology, 'at'>, now: number): number {
  return Math.max(now, Date.parse(topology.at) || 0);
}

/** `signals` is what dotm's own checks say of connections, by their id. */
export function judgeOf(topology: Topology | null, now: number, signals?: ReadonlyMap<string, readonly Trouble[]>): Judge {
  const at = topology ? latest(topology, now) : now;
  const growth = (id: string): Growth | undefined => topology?.grown.get(id);
  return {
    connection: (c) => connectionTroubles(c, growth(c.id), at, signals?.get(c.id)),
    service: (s) => serviceTroubles(s, growth(s.id), at),
  };
}
