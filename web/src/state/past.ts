import type { ChartEvent, Gap, HistoryDocument, Usage } from '../api/types';
import { capital, moment, percent, plural } from '../lib/format';
import { type Route, type Selection, goTo, showMoment, showOnChart } from './route';
import type { Namer } from './topology';

/** What could not be seen at a moment, in one sentence; '' where all was. */
export function seenThen(gaps: readonly Gap[], utc: boolean): string {
  const all = gaps.find((g) => !g.node);
  if (all) return `Nothing was seen from ${moment(all.from, utc)} ${until(all, utc)}: ${all.why}. This is what was seen last.`;
  const [first, ...rest] = gaps;
  if (!first) return '';
  const more = rest.length > 0 ? ` and ${plural(rest.length, 'more node')}` : '';
  return `${first.node}${more} could not be seen: ${first.why}, from ${moment(first.from, utc)} ${until(first, utc)}. What was seen of ${more ? 'them' : 'it'} last is shown.`;
}

function until({ to }: Gap, utc: boolean): string {
  return to ? `to ${moment(to, utc)}` : 'on';
}

/** A cause as a sentence. */
function sentence(text: string): string {
  return `${capital(text).replace(/[.\s]*$/, '')}.`;
}

/**
 * What is wrong with what dotm keeps, at the moment: `lost` are the events that were lost
 * since a while ago. '' while nothing is.
 */
export function storeTrouble({ problem, server }: HistoryDocument, lost: number): string {
  const said: string[] = [];
  if (server?.role === 'alone') {
    said.push('This server can’t reach the store and the other servers: it shows what it knows and is sent.');
    if (server.trouble) said.push(sentence(server.trouble));
  } else if (problem) said.push(`${sentence(problem)} The live chart is not affected.`);
  if (lost > 0) said.push(`${plural(lost, 'event')} could not be kept: the history lacks ${lost === 1 ? 'it' : 'them'}.`);
  return said.join(' ');
}

/** What was counted when, ms. */
export interface Count {
  at: number;
  lost: number;
}

/** For so long it is said that events were lost, ms; the history page says it on. */
export const SAY_LOST_MS = 10 * 60_000;

/** The counts with a newer one, as far as they are needed to tell what was lost of late. */
export function counted(before: readonly Count[], { at, lost }: Count): Count[] {
  // A server that started anew counts anew.
  const held = before.filter((c) => c.lost <= lost);
  const recent = held.findLastIndex((c) => at - c.at >= SAY_LOST_MS);
  return [...held.slice(Math.max(0, recent)), { at, lost }];
}

/** How many events were lost within the counts. */
export function lostOfLate(counts: readonly Count[]): number {
  return (counts.at(-1)?.lost ?? 0) - (counts[0]?.lost ?? 0);
}

const VERBS = { appeared: 'appeared', vanished: 'vanished', changed: 'changed' } as const;

/** An event in words: `nginx on web began to call db:5432`. */
export function eventText(e: ChartEvent, named: Namer): string {
  switch (e.subject) {
    case 'check':
      return checkText(e, named);
    case 'connection': {
      const what = e.process ? `${e.process} on ${named(e.node)}` : named(e.node);
      const to = `${named(e.peer ?? '')}${e.port ? `:${e.port}` : ''}`;
      if (e.kind === 'changed') return `${what} calls ${to} in another way`;
      return e.kind === 'vanished' ? `${what} no longer calls ${to}` : `${what} began to call ${to}`;
    }
    case 'service': {
      const what = `${e.process || 'a service'}${e.port ? ` :${e.port}` : ''} on ${named(e.node)}`;
      if (e.kind === 'changed') return `${what} changed${fieldText(e)}`;
      return e.kind === 'vanished' ? `${what} stopped listening` : `${what} began to listen`;
    }
    case 'node':
      return e.kind === 'changed' ? `node ${named(e.node)} changed${fieldText(e)}` : `node ${named(e.node)} ${VERBS[e.kind]}`;
  }
}

/** `disk of db01 went from OK to CRITICAL`. */
function checkText({ check, node }: ChartEvent, named: Namer): string {
  const what = `${check?.name || 'the host'} of ${node ? named(node) : (check?.host ?? 'a host')}`;
  if (!check?.status) return `${what} is checked no more${check?.was ? `, it was ${check.was}` : ''}`;
  // A soft state that became a hard one.
  if (check.was === check.status) return `${what} stays ${check.status}`;
  return check.was ? `${what} went from ${check.was} to ${check.status}` : `${what} is ${check.status}`;
}

const FIELDS: Readonly<Record<string, string>> = {
  state: 'whether it reports',
  known_as: 'what others call it',
  process: 'its process',
  addresses: 'its addresses',
  virtual_addresses: 'its virtual addresses',
  holders: 'who has it',
  container: 'its container',
  image: 'its image',
  unit: 'its unit',
  user: 'its user',
  agent: 'the version of its agent',
  name: 'its name',
  kind: 'its kind',
  zone: 'its zone',
  collect: 'how it reports',
  notes: 'what limits its view',
  findings: 'what is odd about it',
  boot_id: 'it started anew',
};

/** What changed of a thing, in words where there are some. */
export function fieldsInWords(what: readonly string[]): string {
  return what.map((w) => FIELDS[w] ?? w.replaceAll('_', ' ')).join(', ');
}

/** What changed of what an event is about, after a colon; '' where nobody says. */
function fieldText({ what }: ChartEvent): string {
  return what && what.length > 0 ? `: ${fieldsInWords(what)}` : '';
}

/** What an event is about, on the chart; a check that is of no node is about nothing there. */
export function thingOf({ subject, id, node, check }: ChartEvent): Selection | null {
  if (subject !== 'check') return { kind: subject, id };
  if (check?.service) return { kind: 'service', id: check.service };
  return node ? { kind: 'node', id: node } : null;
}

/** A moment at which the thing of an event is on the chart: just before it vanished, else when it happened. */
function momentOfEvent({ kind, at }: ChartEvent): string {
  return kind === 'vanished' ? new Date(Date.parse(at) - 1).toISOString() : at;
}

/** Where an event leads: to its thing on the chart, at a moment at which it is there. */
export function routeOfEvent(route: Route, e: ChartEvent): Route {
  const thing = thingOf(e);
  const place = thing ? showOnChart(route, thing) : goTo(route, 'checks');
  return { ...showMoment(place, momentOfEvent(e)), from: '' };
}

/** How much of the time was seen, and what that leaves open. Nothing is ever said to be unused. */
export function usesSentence({ uses, covered, days }: Usage): string {
  const share = `${percent(covered)} coverage`;
  const callers = uses.filter((u) => !u.observer).length;
  if (callers === 0) return `No use seen in ${plural(days, 'covered day')} (${share}); standby, yearly and short connections may be missed.`;
  return `Seen in ${plural(days, 'covered day')} (${share}); standby, yearly and short connections may be missed.`;
}
