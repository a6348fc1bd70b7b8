import { signal } from '@preact/signals';
import type { ChartEvent, HideKind, Level } from '../api/types';
import { CHECK_FILTERS, type CheckFilter } from './checks';
import { type Filter, NO_FILTER, formatFilter, parseFilter } from './filter';
import { NODE_FILTERS, type NodeFilter } from './fleet';
import { SERVICE_FILTERS, type ServiceFilter } from './processes';

export type View = 'chart' | 'incidents' | 'geo' | 'services' | 'nodes' | 'node' | 'checks' | 'mapping' | 'report' | 'drift' | 'history' | 'settings' | 'unknown';

export interface Selection {
  kind: 'node' | 'service' | 'connection';
  id: string;
}

/** What is asked of things: what fails with them, or who needs them. */
export type Question = 'fails' | 'needs';

/** So many can be asked about at once. */
export const MOST_OF = 20;

/** The chart's twin in words: '' is the chart itself. */
export type Twin = '' | 'connections' | 'services' | 'pools';

/** The lists of the nodes page: '' is the nodes themselves. */
export type NodesList = '' | 'asked' | 'suggestions' | 'agents';

/** How much time the scrubber shows. */
export type Reach = 'hour' | 'day' | 'week' | 'month';

export const REACHES: readonly Reach[] = ['hour', 'day', 'week', 'month'];

/** The halves of the history page: '' is what happened. */
export type Half = '' | 'compare';

const SUBJECTS: readonly ChartEvent['subject'][] = ['node', 'service', 'connection', 'check'];
const KINDS: readonly ChartEvent['kind'][] = ['appeared', 'vanished', 'changed'];

/** Pages whose link is their name alone. */
const PAGES = ['chart', 'geo', 'services', 'settings', 'history', 'mapping', 'report', 'drift'] as const;

const NODES_LISTS: readonly NodesList[] = ['asked', 'suggestions', 'agents'];

/** Everything a link can carry. Equal links show equal pages. */
export interface Route {
  view: View;
  /** The node of the node page, else ''. */
  node: string;
  /** What the link says where it names no page, else ''. */
  path: string;
  level: Level;
  /** Pools whose members stand on the chart in their place. */
  expand: readonly string[];
  hide: readonly HideKind[];
  /** What is gone is shown at its place for some minutes. */
  vanished: boolean;
  /** What the chart is narrowed to. */
  filter: Filter;
  selection: Selection | null;
  /** The table instead of the canvas. */
  table: Twin;
  /** Which list of the nodes page. */
  list: NodesList;
  /** What the nodes are narrowed to; any of these. */
  show: readonly NodeFilter[];
  /** What the checks are narrowed to; any of these. */
  checks: readonly CheckFilter[];
  /** Of the mapping page, what decided on the checks that are shown; '' is whatever did. */
  by: string;
  /** Of the incidents, the one that is shown in full; '' is the worst. On the chart, the one whose path is shown; '' is none. */
  incident: string;
  /** What is asked about a failure, '' is nothing; and of which nodes and services, by name and id. */
  question: Question | '';
  of: readonly string[];
  /** The check that is shown in full above the page, by its id; '' is none. */
  check: string;
  /** Words that the nodes or checks are searched for; of the settings, the kind of source to add. */
  find: string;
  /** The chart marks what differs from what is declared. */
  drift: boolean;
  /** The moment that is shown, RFC 3339; '' is now. */
  at: string;
  /** The earlier moment that it is compared with, RFC 3339; '' is none. */
  from: string;
  /** Of the history page, how far it reaches back and which half of it is shown. */
  reach: Reach;
  half: Half;
  /** What the events are narrowed to; '' is all. */
  subject: ChartEvent['subject'] | '';
  kind: ChartEvent['kind'] | '';
  /** Of the services page: each service in a row of its own, those of one process, and what they are narrowed to. */
  each: boolean;
  process: string;
  only: ServiceFilter;
}

export const HIDE_KINDS: readonly HideKind[] = ['old', 'ignored', 'infrastructure', 'observers'];
export const DEFAULT_HIDE: readonly HideKind[] = ['ignored', 'infrastructure', 'observers'];

export const HOME: Route = {
  view: 'chart',
  node: '',
  path: '',
  level: 'service',
  expand: [],
  hide: DEFAULT_HIDE,
  vanished: true,
  filter: NO_FILTER,
  selection: null,
  table: '',
  list: '',
  show: [],
  checks: [],
  by: '',
  incident: '',
  question: '',
  of: [],
  check: '',
  find: '',
  drift: false,
  at: '',
  from: '',
  reach: 'day',
  half: '',
  subject: '',
  kind: '',
  each: false,
  process: '',
  only: '',
};

export const LEVELS: readonly Level[] = ['group', 'pool', 'node', 'service'];

/**
 * The level of links that name none. Null while a visit has not found out yet how large the
 * site is; decided once, so that it never changes under the viewer.
 */
export const usualLevel = signal<Level | null>(HOME.level);

function parseLevel(text: string | null): Level {
  return LEVELS.find((level) => level === text) ?? usualLevel.value ?? HOME.level;
}

/** Above so many nodes pools are shown first. */
export const MANY_NODES = 30;

/** The level that suits a site, by its chart of pools. */
export function levelFor({ nodes, coverage }: { nodes: ReadonlyMap<string, { kind: string }>; coverage: { nodes: number } }): Level {
  return coverage.nodes > MANY_NODES && [...nodes.values()].some((n) => n.kind === 'pool') ? 'pool' : HOME.level;
}

function parseHide(text: string | null): readonly HideKind[] {
  if (text === null) return DEFAULT_HIDE;
  const asked = text.split(',');
  return HIDE_KINDS.filter((kind) => asked.includes(kind));
}

function parseSelection(query: URLSearchParams): Selection | null {
  for (const kind of ['node', 'service', 'connection'] as const) {
    const id = query.get(kind);
    if (id) return { kind, id };
  }
  return null;
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/** Reads `#/nodes/vm?hide=old`. A page that there is not is `unknown`; what else it does not know has its usual value. */
export function parseRoute(hash: string): Route {
  const [path = '', search = ''] = hash.replace(/^#\/?/, '').split('?', 2);
  const [head = '', tail = ''] = path.split('/', 2);
  const query = new URLSearchParams(search);
  const view = viewOf(head, tail);
  return {
    view,
    node: view === 'node' ? decode(tail) : '',
    path: view === 'unknown' ? path : '',
    level: parseLevel(query.get('level')),
    expand: (query.get('expand') ?? '').split(',').filter((id) => id !== ''),
    hide: parseHide(query.get('hide')),
    vanished: query.get('vanished') !== 'no',
    filter: parseFilter(query),
    selection: parseSelection(query),
    table: twinOf(query.get('table')),
    list: NODES_LISTS.find((l) => l === query.get('list')) ?? '',
    show: view === 'checks' ? [] : parseShow(query.get('show')),
    checks: view === 'checks' ? parseChecks(query.get('show')) : [],
    by: view === 'mapping' ? (query.get('by') ?? '') : '',
    incident: view === 'incidents' ? decode(tail) : view === 'chart' ? (query.get('incident') ?? '') : '',
    ...parseQuestion(query),
    check: view === 'checks' && tail ? decode(tail) : (query.get('check') ?? ''),
    find: query.get('find') ?? '',
    drift: view === 'chart' && query.has('drift'),
    at: momentOf(query.get('at')),
    from: momentOf(query.get('from')),
    reach: REACHES.find((r) => r === query.get('reach')) ?? 'day',
    half: view === 'history' && query.has('compare') ? 'compare' : '',
    subject: SUBJECTS.find((s) => s === query.get('subject')) ?? '',
    kind: KINDS.find((k) => k === query.get('kind')) ?? '',
    each: view === 'services' && query.has('each'),
    process: view === 'services' ? (query.get('process') ?? '') : '',
    only: (view === 'services' && SERVICE_FILTERS.find(([o]) => o === query.get('only'))?.[0]) || '',
  };
}

function parseQuestion(query: URLSearchParams): Pick<Route, 'question' | 'of'> {
  const question = (['fails', 'needs'] as const).find((q) => query.has(q)) ?? '';
  const of = (query.get(question) ?? '').split(',').filter((id) => id !== '');
  return { question, of: [...new Set(of)].slice(0, MOST_OF) };
}

function momentOf(text: string | null): string {
  const ms = Date.parse(text ?? '');
  return Number.isNaN(ms) ? '' : new Date(ms).toISOString().replace('.000Z', 'Z');
}

function parseShow(text: string | null): readonly NodeFilter[] {
  const asked = (text ?? '').split(',');
  return NODE_FILTERS.map(([filter]) => filter).filter((filter) => asked.includes(filter));
}

function parseChecks(text: string | null): readonly CheckFilter[] {
  const asked = (text ?? '').split(',');
  return CHECK_FILTERS.map(([filter]) => filter).filter((filter) => asked.includes(filter));
}

function twinOf(text: string | null): Twin {
  if (text === null) return '';
  return text === 'services' || text === 'pools' ? text : 'connections';
}

function viewOf(head: string, tail: string): View {
  if (head === 'nodes') return tail ? 'node' : 'nodes';
  if (head === 'checks' || head === 'incidents') return head;
  if (tail) return 'unknown';
  return head === '' ? 'chart' : (PAGES.find((page) => page === head) ?? 'unknown');
}

/** Whether two filters leave out the same, in whatever order. */
export function sameHide(a: readonly HideKind[], b: readonly HideKind[]): boolean {
  return a.length === b.length && a.every((kind) => b.includes(kind));
}

/** The link of a route; what has its usual value is left out. */
export function formatRoute(route: Route): string {
  const query: string[] = [];
  if (route.level !== HOME.level || (usualLevel.value ?? HOME.level) !== HOME.level) query.push(`level=${route.level}`);
  if (route.level === 'pool' && route.expand.length > 0) query.push(`expand=${route.expand.map(encodeURIComponent).join(',')}`);
  if (!sameHide(route.hide, DEFAULT_HIDE)) query.push(`hide=${route.hide.join(',') || 'none'}`);
  if (!route.vanished) query.push('vanished=no');
  query.push(...formatFilter(route.filter));
  if (route.table) query.push(route.table === 'connections' ? 'table' : `table=${route.table}`);
  if (route.list) query.push(`list=${route.list}`);
  if (route.show.length > 0) query.push(`show=${route.show.join(',')}`);
  if (route.checks.length > 0) query.push(`show=${route.checks.join(',')}`);
  if (route.half) query.push(route.half);
  if (route.reach !== HOME.reach) query.push(`reach=${route.reach}`);
  if (route.subject) query.push(`subject=${route.subject}`);
  if (route.kind) query.push(`kind=${route.kind}`);
  if (route.from) query.push(`from=${route.from}`);
  if (route.at) query.push(`at=${route.at}`);
  if (route.by) query.push(`by=${encodeURIComponent(route.by)}`);
  if (route.each) query.push('each');
  if (route.process) query.push(`process=${encodeURIComponent(route.process)}`);
  if (route.only) query.push(`only=${route.only}`);
  if (route.drift) query.push('drift');
  if (route.find) query.push(`find=${encodeURIComponent(route.find)}`);
  if (route.selection) query.push(`${route.selection.kind}=${encodeURIComponent(route.selection.id)}`);
  if (route.incident && route.view === 'chart') query.push(`incident=${encodeURIComponent(route.incident)}`);
  if (route.question) query.push(`${route.question}=${route.of.map(encodeURIComponent).join(',')}`);
  if (route.check && route.view !== 'checks') query.push(`check=${encodeURIComponent(route.check)}`);
  return `#/${pathOf(route)}${query.length > 0 ? `?${query.join('&')}` : ''}`;
}

function pathOf({ view, node, path, check, incident }: Route): string {
  if (view === 'incidents' && incident) return `incidents/${encodeURIComponent(incident)}`;
  if (view === 'checks' && check) return `checks/${encodeURIComponent(check)}`;
  if (view === 'node') return `nodes/${encodeURIComponent(node)}`;
  return view === 'unknown' ? path : view;
}

/** The same filter and level on another page: tabs lead there. */
export function goTo(route: Route, view: Exclude<View, 'node' | 'unknown'>): Route {
  return { ...kept(route), view };
}

/** What stays over all pages: how much is shown, as of when, and compared with when. */
function kept({ level, expand, hide, vanished, filter, at, from, reach }: Route): Route {
  return { ...HOME, level, expand, hide, vanished, filter, at, from, reach };
}

/** The same page, with a check in full above it; '' takes it away. */
export function showCheck(route: Route, check: string): Route {
  return { ...route, check };
}

/** The same page as of another moment; '' is now. */
export function showMoment(route: Route, at: string): Route {
  return { ...route, at: momentOf(at) };
}

/** The same page compared with an earlier moment; '' ends that. Of two moments the later one is shown. */
export function compareWith(route: Route, from: string): Route {
  const since = momentOf(from);
  const swapped = since !== '' && route.at !== '' && Date.parse(since) > Date.parse(route.at);
  return swapped ? { ...route, from: route.at, at: since } : { ...route, from: since };
}

/** Another list of the nodes page. */
export function showList(route: Route, list: NodesList): Route {
  return { ...goTo(route, 'nodes'), list };
}

export function showNode(route: Route, name: string): Route {
  return { ...kept(route), view: 'node', node: name };
}

/** The chart with a pool's members in its place, or with the pool in theirs. */
export function unfold(route: Route, pool: string): Route {
  const open = route.expand.includes(pool);
  return { ...route, level: 'pool', expand: open ? route.expand.filter((id) => id !== pool) : [...route.expand, pool] };
}

/** The chart narrowed to something else. */
export function filterBy(route: Route, change: Partial<Filter>): Route {
  return { ...route, filter: { ...route.filter, ...change } };
}

/** The chart with this selected: "Show on chart", a search hit. A path that the chart shows stays. */
export function showOnChart(route: Route, selection: Selection): Route {
  const { view, incident, question, of, drift } = route;
  return { ...kept(route), ...(view === 'chart' ? { incident, question, of, drift } : {}), selection };
}

/** The chart with what differs from what is declared, and one of that selected. */
export function showDrift(route: Route, selection: Selection | null): Route {
  return { ...kept(route), level: 'service', filter: NO_FILTER, selection, drift: true };
}

/** The chart with the path of an incident. */
export function showPath(route: Route, incident: string): Route {
  return { ...kept(route), incident };
}

/** Asks about a failure: on the chart beside it, elsewhere above the page; '' ends that. */
export function ask(route: Route, question: Question | '', of: readonly string[] = []): Route {
  const asked = { ...route, question, of: question ? of.slice(0, MOST_OF) : [] };
  return route.view === 'chart' && question ? { ...asked, incident: '', selection: null, table: '' } : asked;
}
