import type { HideKind, Level } from '../api/types';
import { NODE_FILTERS, type NodeFilter } from './fleet';

export type View = 'chart' | 'services' | 'nodes' | 'node' | 'history' | 'settings' | 'unknown';

export interface Selection {
  kind: 'node' | 'service' | 'connection';
  id: string;
}

/** The chart's twin in words: '' is the chart itself. */
export type Twin = '' | 'connections' | 'services';

/** The lists of the nodes page: '' is the nodes themselves. */
export type NodesList = '' | 'asked' | 'suggestions' | 'agents';

const NODES_LISTS: readonly NodesList[] = ['asked', 'suggestions', 'agents'];

/** Everything a link can carry. Equal links show equal pages. */
export interface Route {
  view: View;
  /** The node of the node page, else ''. */
  node: string;
  /** What the link says where it names no page, else ''. */
  path: string;
  level: Level;
  hide: readonly HideKind[];
  selection: Selection | null;
  /** The table instead of the canvas. */
  table: Twin;
  /** Which list of the nodes page. */
  list: NodesList;
  /** What the nodes are narrowed to; any of these. */
  show: readonly NodeFilter[];
  /** Words that the nodes are searched for. */
  find: string;
  /** The moment that is shown, RFC 3339; '' is now. */
  at: string;
}

export const HIDE_KINDS: readonly HideKind[] = ['old', 'ignored', 'infrastructure', 'observers'];
export const DEFAULT_HIDE: readonly HideKind[] = ['ignored', 'infrastructure', 'observers'];

export const HOME: Route = {
  view: 'chart',
  node: '',
  path: '',
  level: 'service',
  hide: DEFAULT_HIDE,
  selection: null,
  table: '',
  list: '',
  show: [],
  find: '',
  at: '',
};

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
    level: query.get('level') === 'node' ? 'node' : 'service',
    hide: parseHide(query.get('hide')),
    selection: parseSelection(query),
    table: twinOf(query.get('table')),
    list: NODES_LISTS.find((l) => l === query.get('list')) ?? '',
    show: parseShow(query.get('show')),
    find: query.get('find') ?? '',
    at: momentOf(query.get('at')),
  };
}

function momentOf(text: string | null): string {
  const ms = Date.parse(text ?? '');
  return Number.isNaN(ms) ? '' : new Date(ms).toISOString().replace('.000Z', 'Z');
}

function parseShow(text: string | null): readonly NodeFilter[] {
  const asked = (text ?? '').split(',');
  return NODE_FILTERS.map(([filter]) => filter).filter((filter) => asked.includes(filter));
}

function twinOf(text: string | null): Twin {
  if (text === null) return '';
  return text === 'services' ? 'services' : 'connections';
}

function viewOf(head: string, tail: string): View {
  if (head === 'nodes') return tail ? 'node' : 'nodes';
  if (tail) return 'unknown';
  if (head === 'services' || head === 'settings' || head === 'chart' || head === 'history') return head;
  return head === '' ? 'chart' : 'unknown';
}

/** Whether two filters leave out the same, in whatever order. */
export function sameHide(a: readonly HideKind[], b: readonly HideKind[]): boolean {
  return a.length === b.length && a.every((kind) => b.includes(kind));
}

/** The link of a route; what has its usual value is left out. */
export function formatRoute(route: Route): string {
  const query: string[] = [];
  if (route.level !== HOME.level) query.push(`level=${route.level}`);
  if (!sameHide(route.hide, DEFAULT_HIDE)) query.push(`hide=${route.hide.join(',') || 'none'}`);
  if (route.table) query.push(route.table === 'services' ? 'table=services' : 'table');
  if (route.list) query.push(`list=${route.list}`);
  if (route.show.length > 0) query.push(`show=${route.show.join(',')}`);
  if (route.at) query.push(`at=${route.at}`);
  if (route.find) query.push(`find=${encodeURIComponent(route.find)}`);
  if (route.selection) query.push(`${route.selection.kind}=${encodeURIComponent(route.selection.id)}`);
  return `#/${pathOf(route)}${query.length > 0 ? `?${query.join('&')}` : ''}`;
}

function pathOf({ view, node, path }: Route): string {
  if (view === 'node') return `nodes/${encodeURIComponent(node)}`;
  return view === 'unknown' ? path : view;
}

/** The same filter and level on another page: tabs lead there. */
export function goTo(route: Route, view: Exclude<View, 'node' | 'unknown'>): Route {
  return { ...kept(route), view };
}

/** What stays over all pages: how much is shown, and as of when. */
function kept({ level, hide, at }: Route): Route {
  return { ...HOME, level, hide, at };
}

/** The same page as of another moment; '' is now. */
export function showMoment(route: Route, at: string): Route {
  return { ...route, at: momentOf(at) };
}

/** Another list of the nodes page. */
export function showList(route: Route, list: NodesList): Route {
  return { ...goTo(route, 'nodes'), list };
}

export function showNode(route: Route, name: string): Route {
  return { ...kept(route), view: 'node', node: name };
}

/** The chart with this selected: "Show on chart", a search hit. */
export function showOnChart(route: Route, selection: Selection): Route {
  return { ...kept(route), selection };
}
