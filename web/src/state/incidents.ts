import type { Incident, IncidentAlert, IncidentCause, IncidentEffect, IncidentRef, IncidentSummary, Source, Status } from '../api/types';
import { plural } from '../lib/format';
import type { StateName } from '../parts/shapes';
import { severity } from './checks';
import { type Route, type Selection, showNode, showOnChart } from './route';

/** Incidents in words and in order: what the list and the card say of them. */

/** Orders statuses, the worst first. */
function worse(a: Status, b: Status): number {
  return severity(b) - severity(a);
}

const HANDLED: Readonly<Partial<Record<Status, StateName>>> = {
  WARNING: 'HANDLED_WARNING',
  CRITICAL: 'HANDLED_CRITICAL',
  UNKNOWN: 'HANDLED_UNKNOWN',
  DOWN: 'HANDLED_DOWN',
  UNREACHABLE: 'HANDLED_UNREACHABLE',
};

/** The shape before an incident's title. */
export function stateOfIncident({ state, status, acknowledged }: { state: Incident['state']; status: Status; acknowledged?: Incident['acknowledged'] | undefined }): StateName {
  if (state === 'resolved') return 'OK';
  return (acknowledged && HANDLED[status]) || status;
}

/** What colours its path and its first cause: red is for what is critical. */
export function toneClass({ status }: Pick<Incident, 'status'>): string {
  return status === 'WARNING' || status === 'UNKNOWN' ? `tone-${status.toLowerCase()}` : '';
}

/** The checks that are bad now. */
export function badNow(incident: Pick<Incident, 'alerts'>): IncidentAlert[] {
  return (incident.alerts ?? []).filter((a) => !a.over);
}

/** What dotm sees in the sockets itself comes under this source. */
export const SIGNALS = 'dotm';

function counted(alerts: readonly IncidentAlert[]): string {
  const signals = alerts.filter((a) => a.source === SIGNALS).length;
  const checks = alerts.length - signals;
  return [checks > 0 ? plural(checks, 'check') : '', signals > 0 ? plural(signals, 'signal') : ''].filter(Boolean).join(', ');
}

/** `19 checks, 3 signals`; of one that is over, all that it had. */
export function alertsLine(incident: Pick<Incident, 'alerts' | 'state'>): string {
  return counted(incident.state === 'resolved' ? (incident.alerts ?? []) : badNow(incident));
}

/** `acknowledged, 4 checks, 2 more likely next`: what stands below a title of the list. */
export function summaryLine({ state, acknowledged, bad, alerts, predicted }: IncidentSummary): string {
  if (state === 'resolved') return plural(alerts, 'check');
  return [acknowledged ? 'acknowledged' : '', plural(bad, 'check'), predicted > 0 ? `${predicted} more likely next` : ''].filter(Boolean).join(', ');
}

/** The worst first, what somebody takes care of last, then the newest. */
export function worstIncidents(incidents: readonly IncidentSummary[]): IncidentSummary[] {
  const handled = (i: IncidentSummary): number => (i.acknowledged ? 1 : 0);
  return [...incidents].sort((a, b) => handled(a) - handled(b) || worse(a.status, b.status) || Date.parse(b.since) - Date.parse(a.since));
}

/** Those that nobody takes care of: what the tab counts. */
export function openCount(incidents: readonly IncidentSummary[]): number {
  return incidents.filter((i) => i.state === 'open' && !i.acknowledged).length;
}

/** One box of a path. */
export interface PathBox {
  ref: IncidentRef;
  /** How the box before it needs this one; '' for the first. */
  by: '' | 'calls' | 'on';
  /** The worst of its checks; '' where none is bad. */
  status: Status | '';
  cause: boolean;
}

/** The way from the client that is furthest away to the cause; nothing where it is its own and only trouble. */
export function pathOf(cause: Pick<IncidentCause, 'path' | 'component'>, alerts: readonly IncidentAlert[]): PathBox[] {
  const steps = cause.path ?? [];
  const first = steps[0];
  if (!first) return [];
  const box = (ref: IncidentRef, by: PathBox['by']): PathBox => ({ ref, by, status: worstOf(ref, alerts), cause: ref.component === cause.component });
  return [box(first.client, ''), ...steps.map((s) => box(s.server, s.kind))];
}

/** The worst of what is bad about a component now. */
function worstOf(ref: IncidentRef, alerts: readonly IncidentAlert[]): Status | '' {
  const own = alerts.filter((a) => a.about.component === ref.component).map((a) => a.status);
  return own.sort(worse)[0] ?? '';
}

/** A path for little room: the first, how many are left out, the last two. */
export function shortened(path: readonly PathBox[], most = 4): { boxes: readonly PathBox[]; out: number } {
  if (path.length <= most) return { boxes: path, out: 0 };
  return { boxes: [...path.slice(0, 1), ...path.slice(-2)], out: path.length - 3 };
}

/** A mark of the order in time, as shares of the line's length: when it went bad surely lies in between. */
export interface PlacedMark {
  check: string;
  name: string;
  status: Status;
  signal: boolean;
  from: number;
  to: number;
}

export interface PlacedRow {
  refs: readonly IncidentRef[];
  marks: readonly PlacedMark[];
  /** After the first of all, ms. */
  after: number;
  /** Its share is drawn until here: where all of it was over, or the end. */
  until: number;
}

/** Rows of the order in time on one line; `begin` and `end` are ms. */
export interface Order {
  begin: number;
  end: number;
  rows: readonly PlacedRow[];
  /** Rows for which there was no room. */
  more: number;
  /** Times of several clocks: their order is not sure. */
  clocks: boolean;
}

const MOST_ROWS = 12;

/** Marks closer than this share of the line would cover each other: the worst of them stands for all. */
const APART = 0.02;

function thinned(marks: readonly PlacedMark[]): PlacedMark[] {
  const out: PlacedMark[] = [];
  for (const m of [...marks].sort((a, b) => a.to - b.to)) {
    const last = out.at(-1);
    if (!last || m.to - last.to >= APART) out.push(m);
    else if (worse(m.status, last.status) < 0) out[out.length - 1] = { ...m, from: last.from, to: last.to };
  }
  return out;
}

/** What is placed has at least this much of the line before the present, so that a long incident still tells its beginning. */
const FRONT = 0.72;

/**
 * The order in which things went bad: the time in which they did takes most of the
 * line, however long the incident has lasted since.
 */
export function orderOf(incident: Pick<Incident, 'order' | 'resolved' | 'alerts'>, now: number): Order | null {
  const rows = (incident.order ?? []).filter((r) => r.marks.length > 0);
  if (rows.length === 0) return null;
  const signals = new Set((incident.alerts ?? []).filter((a) => a.source === SIGNALS).map((a) => a.id));
  const times = rows.flatMap((r) => r.marks.map((m) => Date.parse(m.by)));
  const begin = Math.min(...times);
  const last = Math.max(...times);
  const end = Math.max(last, incident.resolved ? Date.parse(incident.resolved) : now);
  const front = last > begin ? Math.max(FRONT, Math.min(1, (last - begin) / Math.max(1, end - begin))) : 0;
  const share = (ms: number): number => {
    const at = Math.min(Math.max(ms, begin), end);
    if (at <= last) return last > begin ? ((at - begin) / (last - begin)) * front : 0;
    return front + ((at - last) / Math.max(1, end - last)) * (1 - front);
  };
  const groups = alike(rows);
  const placed = groups.slice(0, MOST_ROWS).map((like): PlacedRow => {
    const all = like.flatMap((r) => r.marks);
    const marks = thinned(all.map((m): PlacedMark => ({ check: m.check, name: m.name, status: m.status, signal: signals.has(m.check), from: share(m.after ? Date.parse(m.after) : Date.parse(m.by)), to: share(Date.parse(m.by)) })));
    const overs = all.map((m) => (m.over ? Date.parse(m.over) : end));
    return { refs: like, marks, after: Math.min(...all.map((m) => Date.parse(m.by))) - begin, until: share(Math.max(...overs)) };
  });
  return { begin, end, rows: placed, more: Math.max(0, groups.length - MOST_ROWS), clocks: new Set(rows.flatMap((r) => r.marks.map((m) => m.clock))).size > 1 };
}

/** What is confirmed of one component, or of like ones: the worst check that is bad now, and how many there are. */
export interface Confirmed {
  ref: IncidentRef;
  /** All of them; like ones are the same program on the same port of several nodes. */
  refs: IncidentRef[];
  status: Status;
  signal: boolean;
  checks: number;
  output: string;
  since: string;
}

/** What a program and its port are called on whichever node; a node is like no other. */
function likeness(ref: IncidentRef): string {
  return refLines(ref).detail || ref.component;
}

/** Like ones together, in the order in which the first of each comes. */
function alike<T extends IncidentRef>(refs: readonly T[]): T[][] {
  const groups = new Map<string, T[]>();
  for (const ref of refs) {
    const known = groups.get(likeness(ref));
    if (known) known.push(ref);
    else groups.set(likeness(ref), [ref]);
  }
  return [...groups.values()];
}

/** What becomes of like components, as one row. */
export interface AlikeEffect {
  refs: readonly IncidentRef[];
  /** Of the first of them. */
  why: string;
  /** The fewest edges between one of them and what fails. */
  hops: number;
}

/** Like ones together: the members of a pool fail, or are spared, together. */
export function alikeEffects(effects: readonly IncidentEffect[]): AlikeEffect[] {
  return alike(effects).map((like) => ({ refs: like, why: like[0]?.why ?? '', hops: Math.min(...like.map((e) => e.hops ?? 0)) }));
}

/** Like components as one, named after what they have in common. */
export function together(refs: readonly IncidentRef[]): string {
  const [first] = refs;
  if (!first) return '';
  return refs.length > 1 ? `${refLines(first).detail} ×${refs.length}` : first.name;
}

/** Components with bad checks, like ones as one, in the order in which they went bad. */
export function confirmedOf(incident: Pick<Incident, 'alerts'>): Confirmed[] {
  const found = new Map<string, Confirmed>();
  for (const a of badNow(incident)) {
    const since = a.by ?? a.seen;
    const known = found.get(likeness(a.about));
    if (!known) {
      found.set(likeness(a.about), { ref: a.about, refs: [a.about], status: a.status, signal: a.source === SIGNALS, checks: 1, output: a.output ?? '', since });
      continue;
    }
    known.checks++;
    if (!known.refs.some((r) => r.component === a.about.component)) known.refs.push(a.about);
    if (since < known.since) known.since = since;
    if (worse(a.status, known.status) < 0) Object.assign(known, { status: a.status, signal: a.source === SIGNALS, output: a.output ?? known.output });
  }
  return [...found.values()].sort((a, b) => a.since.localeCompare(b.since));
}

/** Where a component is shown; null for what is on no chart. */
export function wayTo(route: Route, ref: IncidentRef): Route | null {
  const selection = selectionOf(ref);
  if (!selection) return null;
  return selection.kind === 'node' ? showNode(route, selection.id) : showOnChart(route, selection);
}

export function selectionOf({ service, node }: IncidentRef): Selection | null {
  if (service) return { kind: 'service', id: service };
  return node ? { kind: 'node', id: node } : null;
}

/** What one button of the card does: in monitoring systems, or here alone. */
export interface AckWay {
  checks: boolean;
  words: string;
}

/** Where the incident's checks can be acknowledged from here; here alone is always a way. */
export function acksOf(incident: Pick<Incident, 'alerts'>, sources: readonly Pick<Source, 'name' | 'acknowledges'>[]): AckWay[] {
  const able = new Map(sources.filter((s) => s.acknowledges).map((s) => [s.name, s.acknowledges ?? '']));
  const open = badNow(incident).filter((a) => able.has(a.source) && !(a.handled ?? []).includes('acknowledged'));
  const here: AckWay = { checks: false, words: 'Acknowledge here only' };
  if (open.length === 0) return [here];
  const names = [...new Set(open.map((a) => a.source))];
  const silences = names.every((n) => able.get(n)?.startsWith('silences'));
  return [{ checks: true, words: `${silences ? 'Silence' : 'Acknowledge'} ${plural(open.length, 'check')} in ${names.join(' and ')}` }, here];
}

/** What stands over a component's kind in the path: the process and port, or what it is. */
export function refLines(ref: IncidentRef): { title: string; detail: string } {
  const node = ref.node ?? '';
  if (node && ref.name.startsWith(`${node} `)) return { title: node, detail: ref.name.slice(node.length + 1) };
  return { title: ref.name, detail: '' };
}
