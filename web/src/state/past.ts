import type { ChartEvent, Gap, HistoryDocument } from '../api/types';
import { moment, plural } from '../lib/format';
import type { Namer } from './topology';

/** What could not be seen at a moment, in one sentence; '' where all was. */
export function seenThen(gaps: readonly Gap[], utc: boolean): string {
  const all = gaps.find((g) => !g.node);
  if (all) return `Nothing was seen from ${moment(all.from, utc)} ${until(all, utc)}: ${all.why}. This is what was seen last.`;
  const [first, ...rest] = gaps;
  if (!first) return '';
  const more = rest.length > 0 ? ` and ${plural(rest.length, 'more node')}` : '';
  return `${first.node}${more} could not be seen then.`;
}

function until({ to }: Gap, utc: boolean): string {
  return to ? `to ${moment(to, utc)}` : 'on';
}

/** What is wrong with what dotm keeps; '' while nothing is. */
export function storeTrouble({ problem, server, events_lost: lost }: HistoryDocument): string {
  const said: string[] = [];
  if (server?.role === 'alone') said.push('This server can’t reach the store and the other servers: it shows what it knows and is sent.');
  else if (problem) said.push(`${problem.replace(/^./, (c) => c.toUpperCase()).replace(/\.?$/, '.')} The live chart is not affected.`);
  if (lost > 0) said.push(`${plural(lost, 'event')} could not be kept since the start.`);
  return said.join(' ');
}

const VERBS = { appeared: 'appeared', vanished: 'vanished', changed: 'changed' } as const;

/** An event in words: `web nginx began to call db:5432`. */
export function eventText(e: ChartEvent, named: Namer): string {
  switch (e.subject) {
    case 'connection': {
      const what = `${named(e.node)}${e.process ? ` ${e.process}` : ''}`;
      const to = `${named(e.peer ?? '')}${e.port ? `:${e.port}` : ''}`;
      return e.kind === 'vanished' ? `${what} no longer calls ${to}` : `${what} began to call ${to}`;
    }
    case 'service': {
      const what = `${e.process || 'a service'}${e.port ? ` :${e.port}` : ''} on ${named(e.node)}`;
      if (e.kind === 'changed') return `${what} changed: ${(e.what ?? []).join(', ')}`;
      return e.kind === 'vanished' ? `${what} stopped listening` : `${what} began to listen`;
    }
    case 'node':
      return e.kind === 'changed' ? `node ${named(e.node)} changed: ${(e.what ?? []).join(', ')}` : `node ${named(e.node)} ${VERBS[e.kind]}`;
  }
}
