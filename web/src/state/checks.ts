import type { Check, Mapping, Source, Status, Verdict } from '../api/types';
import { capital, plural } from '../lib/format';
import type { Selection } from './route';
import { changedSince } from './versions';

/** Words and order of what monitoring systems say. */

/** The statuses from nothing to the worst, as the server has them. */
export const SEVERITIES: readonly Status[] = ['NONE', 'PENDING', 'OK', 'UP', 'WARNING', 'UNKNOWN', 'UNREACHABLE', 'CRITICAL', 'DOWN'];

/** Whether a source is a monitoring system: dotm's own is none, nor one that results may be handed to and that has none. */
export function monitors({ built_in, kind, checks }: Source): boolean {
  return !built_in && (checks > 0 || kind !== 'passive');
}

/** The sources that are not dotm's own: what it sees by itself is no monitoring. */
export function others(sources: readonly Source[]): readonly Source[] {
  return sources.filter((s) => !s.built_in);
}

/** Where checks are from: `2 sources and dotm itself`. */
export function sourcesLine(sources: readonly Source[]): string {
  const n = others(sources).length;
  return [n > 0 ? plural(n, 'source') : '', sources.length > n ? 'dotm itself' : ''].filter(Boolean).join(' and ');
}

export function severity(status: Status): number {
  return SEVERITIES.indexOf(status);
}

export function isBad(status: Status): boolean {
  return severity(status) >= severity('WARNING');
}

/** How a status is to be taken: open trouble, trouble that is taken care of, one that nobody tells any more, or none. */
export type Way = 'open' | 'handled' | 'stale' | 'quiet';

/** What is shown of the checks on a thing. */
export interface Sign {
  way: Way;
  status: Status;
}

const SAID = ['status', 'open_status', 'status_stale', 'checks', 'open_checks', 'handled_checks', 'status_changed'] as const;

/** Whether checks say the same of all boxes as they did: where not, what they say in full is to be read again. */
export function sameVerdicts(before: ReadonlyMap<string, Verdict> | undefined, after: ReadonlyMap<string, Verdict>): boolean {
  const differ = (was: Verdict | undefined, is: Verdict | undefined): boolean => was !== is && (!was || !is || SAID.some((field) => was[field] !== is[field]));
  const changed = before && changedSince(before, after);
  if (changed) return ![...changed.values()].some(([was, is]) => differ(was, is));
  if (before?.size !== after.size) return false;
  for (const [name, is] of after) if (differ(before.get(name), is)) return false;
  return true;
}

/** What is shown of the checks on a thing: what is open before what is taken care of. */
export function signOf({ status, open_status: open = status, status_stale: stale }: Verdict): Sign {
  if (stale) return { way: 'stale', status };
  if (isBad(open)) return { way: 'open', status: open };
  return isBad(status) ? { way: 'handled', status } : { way: 'quiet', status };
}

/** The trouble that colours a thing; NONE where there is nothing open. */
export function openOf(verdict: Verdict): Status {
  const { way, status } = signOf(verdict);
  return way === 'open' ? status : 'NONE';
}

export function isHandled({ acknowledged, downtime, flapping, suppressed, hard }: Check): boolean {
  return acknowledged || downtime || flapping || suppressed || !hard;
}

/** What is shown of one check. */
export function signOfCheck(check: Check): Sign {
  if (check.stale) return { way: 'stale', status: check.status };
  if (!isBad(check.status)) return { way: 'quiet', status: check.status };
  return { way: isHandled(check) ? 'handled' : 'open', status: check.status };
}

/** A word beside a check, and what it means. */
export interface Badge {
  word: string;
  means: string;
}

/** Who or what takes care of it, or why it may not be true. */
export function badgesOf({ acknowledged, downtime, flapping, suppressed, hard, stale, status }: Check): Badge[] {
  return [
    ...(stale ? [{ word: 'stale', means: 'Nothing is known of it any more: its source can’t be read, or it was not checked for three of its intervals.' }] : []),
    ...(acknowledged ? [{ word: 'acknowledged', means: 'Somebody takes care of it.' }] : []),
    ...(downtime ? [{ word: 'in downtime', means: 'Work on it was announced.' }] : []),
    ...(flapping ? [{ word: 'flapping', means: 'It changes too often to be believed.' }] : []),
    ...(suppressed ? [{ word: 'symptom', means: 'The monitoring system takes it for a consequence of something else.' }] : []),
    ...(!hard && isBad(status) ? [{ word: 'soft', means: 'The monitoring system checks again before it believes it.' }] : []),
  ];
}

/** The name of a check: that of a host is about the host itself. */
export function checkName({ name, node, signal }: Pick<Check, 'name' | 'node' | 'signal'>): string {
  // What dotm says of a node is a sentence that begins with it.
  if (signal?.title) return node && signal.title.startsWith(`${node} `) ? signal.title.slice(node.length + 1) : signal.title;
  return name || 'host';
}

/** What a check is about, on the chart; null for one that is of no node. */
export function placeOf({ node, service }: Pick<Check, 'node' | 'service'>): Selection | null {
  if (service) return { kind: 'service', id: service };
  return node ? { kind: 'node', id: node } : null;
}

const RANKS: readonly Way[] = ['open', 'stale', 'handled', 'quiet'];
const names = new Intl.Collator('en', { numeric: true });

/** For sorting: the lower, the more it wants to be seen. */
export function rankOf(check: Check): number {
  const { way, status } = signOfCheck(check);
  return RANKS.indexOf(way) * 100 - severity(status);
}

/** Open trouble first, the worst of it first, then by host and name. */
export function worstFirst(checks: readonly Check[]): Check[] {
  return [...checks].sort((a, b) => rankOf(a) - rankOf(b) || names.compare(a.host, b.host) || names.compare(a.name, b.name));
}

/** What the list of checks can be narrowed to. */
export type CheckFilter = 'open' | 'handled' | 'stale' | 'unmapped' | Status;

const STATUS_FILTERS: readonly Status[] = ['DOWN', 'CRITICAL', 'UNREACHABLE', 'UNKNOWN', 'WARNING', 'PENDING', 'OK', 'UP'];

export const CHECK_FILTERS: readonly (readonly [CheckFilter, string])[] = [
  ['open', 'Open'],
  ['handled', 'Taken care of'],
  ['stale', 'Stale'],
  ['unmapped', 'Of no node'],
  ...STATUS_FILTERS.map((s) => [s, s] as const),
];

export function isOf(check: Check, filter: CheckFilter): boolean {
  if (filter === 'unmapped') return !check.node;
  if (filter === 'open' || filter === 'handled' || filter === 'stale') return signOfCheck(check).way === filter;
  return check.status === filter;
}

/** The checks of any of the filters, all without one, in which every word stands. */
export function narrowed(checks: readonly Check[], filters: readonly CheckFilter[], find: string): readonly Check[] {
  const words = find.toLowerCase().split(/\s+/).filter(Boolean);
  if (filters.length + words.length === 0) return checks;
  return checks.filter((c) => {
    if (filters.length > 0 && !filters.some((f) => isOf(c, f))) return false;
    const text = [c.host, c.name, c.output, c.node, c.service, c.source, ...(c.groups ?? [])].join('\n').toLowerCase();
    return words.every((w) => text.includes(w));
  });
}

/** How many there are of each status, the worst first. */
export function byStatus(checks: readonly Check[]): (readonly [Status, number])[] {
  const found = new Map<Status, number>();
  for (const { status } of checks) found.set(status, (found.get(status) ?? 0) + 1);
  return [...found].sort(([a], [b]) => severity(b) - severity(a));
}

/** `315 checks, 312 of them fine`. */
export function checksLine(checks: readonly Check[]): string {
  const fine = checks.filter((c) => !c.stale && (c.status === 'OK' || c.status === 'UP')).length;
  if (checks.length === 1) return `1 check, ${fine === 1 ? 'fine' : 'not fine'}`;
  return `${plural(checks.length, 'check')}, ${fine === checks.length ? 'all' : fine === 0 ? 'none' : fine} of them fine`;
}

/** What decided, in a word: the API's word for it, `ambiguous` or `none`. */
export function ruleOf({ node, mapping }: Pick<Check, 'node' | 'mapping'>): string {
  if (!mapping || !node) return 'none';
  return mapping.ambiguous ? 'ambiguous' : mapping.rule;
}

const BY: Readonly<Record<string, string>> = { host: 'whole host', known: 'well-known', address: 'address', alias: 'alias', none: 'none' };

/** `rule 3` or a rule's name, where one of the settings decided; '' else. */
export function ruleName({ rule, evidence }: Mapping): string {
  if (rule !== 'rule') return '';
  const [, number, quoted] = /(?:^|\s)(rule \d+|rule ("(?:[^"\\]|\\.)*")) of the settings/.exec(evidence) ?? [];
  if (!quoted) return number ?? '';
  try {
    return `rule ${JSON.parse(quoted) as string}`;
  } catch {
    return number ?? '';
  }
}

/** What decided on what a check is about, as a chip says it. */
export function byWord(check: Pick<Check, 'node' | 'mapping'>): string {
  const rule = ruleOf(check);
  return (rule === 'rule' && check.mapping && ruleName(check.mapping)) || (BY[rule] ?? rule);
}

/** An address that a browser may follow from here; '' for anything else. */
export function safeLink(link: string | undefined): string {
  try {
    const { protocol, href } = new URL(link ?? '');
    return protocol === 'http:' || protocol === 'https:' ? href : '';
  } catch {
    return '';
  }
}

/** Stands for the sources until they were read: nobody knows yet whether there is monitoring. */
export const UNREAD: readonly Source[] = [];

/** What monitoring systems are called. */
export const KINDS = {
  nagios: 'Nagios',
  icinga2: 'Icinga 2',
  icinga: 'Icinga 1',
  livestatus: 'Livestatus',
  alertmanager: 'Alertmanager',
  zabbix: 'Zabbix',
  passive: 'Passive',
  signals: 'dotm itself',
} as const;

/** Sources that can't be read, in sentences for the top of the page; '' while all can be. */
export function sourceTrouble(sources: readonly Source[]): string {
  const bad = sources.filter((s) => s.state === 'failing' || s.state === 'stale');
  const [first] = bad;
  if (!first) return '';
  const others = bad.length > 1 ? ` and ${bad.length === 2 ? (bad[1]?.name ?? '') : plural(bad.length - 1, 'other source')}` : '';
  const why = first.error ? (bad.length > 1 ? `${first.name}: ${first.error.text}` : capital(first.error.text)) : '';
  const grey = bad.some((s) => s.state === 'stale') ? ' What was said last is shown grey.' : '';
  const fine = sources.length - bad.length;
  const of = fine > 0 ? ` The other ${fine === 1 ? 'one' : fine} can be.` : '';
  return `Monitoring can’t be read from ${first.name}${others}.${why ? ` ${why.replace(/[.\s]*$/, '')}.` : ''}${grey}${of}`;
}
