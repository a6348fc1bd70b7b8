import type { ListedNode, NodeInfo, NodeList, Note, Target, Way } from '../api/types';
import type { StateName } from '../parts/shapes';
import { capital, parseGoDuration, plural, span } from '../lib/format';

/** Words about nodes and how they report. */

/** How things stand with what reports, or should; the worst first. */
export type Standing = 'failing' | 'stale' | 'stopped' | 'waiting' | 'besides' | 'reporting' | 'rebooting' | 'left' | 'silent' | 'virtual' | 'outside';

const RANKED: readonly Standing[] = ['failing', 'stale', 'stopped', 'waiting', 'besides', 'rebooting', 'reporting', 'left', 'silent', 'virtual', 'outside'];

export interface StandingWord {
  word: string;
  shape: StateName;
}

/** Each has a shape of its own beside its word. */
export const STANDINGS: Readonly<Record<Standing, StandingWord>> = {
  failing: { word: 'fails', shape: 'WARNING' },
  stale: { word: 'stale', shape: 'UNREACHABLE' },
  stopped: { word: 'agent stopped', shape: 'UNREACHABLE' },
  rebooting: { word: 'rebooting', shape: 'PENDING' },
  left: { word: 'shut down', shape: 'NONE' },
  waiting: { word: 'not asked yet', shape: 'PENDING' },
  besides: { word: 'reports by itself', shape: 'OK' },
  reporting: { word: 'reports', shape: 'OK' },
  silent: { word: 'never reported', shape: 'NONE' },
  virtual: { word: 'virtual', shape: 'NONE' },
  outside: { word: 'outside', shape: 'NONE' },
};

/** One row of the table of nodes: a node, how it is asked, or an address that never answered. */
export interface FleetRow {
  /** The node's name, or the address of what never answered. */
  id: string;
  node: ListedNode | null;
  target: Target | null;
  standing: Standing;
}

/** The kind of answer that is no failure: the node has an agent besides. */
const REDUNDANT = 'redundant';

export function fails(target: Target | null): boolean {
  return target !== null && Boolean(target.problem) && target.kind !== REDUNDANT;
}

/** What went wrong at the last try, in words; that it was this address is known where it is shown. */
export function problemText({ url, problem = '' }: Target): string {
  let text = problem;
  while (text.startsWith(`asking ${url}: `)) text = text.slice(`asking ${url}: `.length);
  return capital(text);
}

function standingOf(node: ListedNode | null, target: Target | null): Standing {
  if (fails(target)) return 'failing';
  if (!node) return target?.kind === REDUNDANT ? 'besides' : 'waiting';
  if (node.kind === 'internet' || node.kind === 'network') return 'outside';
  if (node.kind === 'virtual') return 'virtual';
  return node.state === 'inferred' ? 'silent' : node.state;
}

export function rankOf(row: FleetRow): number {
  return RANKED.indexOf(row.standing);
}

const names = new Intl.Collator('en', { numeric: true });

/** Nodes and what is asked without an answer yet, by name. */
export function fleetRows({ nodes, targets = [] }: NodeList): FleetRow[] {
  const asked = new Map(targets.filter((t) => t.node).map((t) => [t.node, t]));
  const known = new Set(nodes.map((n) => n.name));
  const rows = nodes.map<FleetRow>((node) => {
    const target = asked.get(node.name) ?? null;
    return { id: node.name, node, target, standing: standingOf(node, target) };
  });
  for (const target of targets) {
    if (!known.has(target.node)) rows.push({ id: target.url, node: null, target, standing: standingOf(null, target) });
  }
  return rows.sort((a, b) => names.compare(a.id, b.id));
}

/** What the table of nodes can be narrowed to. */
export type NodeFilter = 'reporting' | 'stale' | 'stopped' | 'left' | 'silent' | 'failing' | 'findings';

export const NODE_FILTERS: readonly (readonly [NodeFilter, string])[] = [
  ['failing', 'Failing'],
  ['findings', 'With findings'],
  ['stale', 'Stale'],
  ['stopped', 'Agent stopped'],
  ['left', 'Shut down'],
  ['silent', 'Never reported'],
  ['reporting', 'Reporting'],
];

export function isOf(row: FleetRow, filter: NodeFilter): boolean {
  return filter === 'findings' ? findingsOf(row).length > 0 : row.standing === filter;
}

function findingsOf({ node }: FleetRow) {
  return node?.findings ?? [];
}

/** The rows of any of the filters, all without one, whose name, address or zone holds every word. */
export function narrowed(rows: readonly FleetRow[], filters: readonly NodeFilter[], find: string): readonly FleetRow[] {
  const words = find.toLowerCase().split(/\s+/).filter(Boolean);
  if (filters.length + words.length === 0) return rows;
  return rows.filter((row) => {
    if (filters.length > 0 && !filters.some((f) => isOf(row, f))) return false;
    const { node, target } = row;
    const text = [row.id, node?.known_as, node?.zone, ...(node?.addresses ?? []), target?.url, target?.zone, target?.name].join('\n').toLowerCase();
    return words.every((w) => text.includes(w));
  });
}

const WAYS: Readonly<Record<Way, string>> = { agent: 'agent', text: 'text', ssh: 'SSH', import: 'file' };

/** How a node reports: `agent 0.1.0`, `SSH`; `not at all`. */
export function wayWord({ node, target }: Pick<FleetRow, 'target'> & { node: NodeInfo | null }): string {
  if (!node?.collect && target) return target.url.startsWith('ssh:') ? 'SSH' : 'text';
  const way = node?.collect ?? (node?.agent ? 'agent' : undefined);
  if (!way) return 'not at all';
  return way === 'agent' && node?.agent ? `agent ${node.agent}` : WAYS[way];
}

/** The same in a sentence: `by its agent, version 0.1.0`. */
export function waySentence(node: NodeInfo, target: Target | null): string {
  const version = node.agent ? `, version ${node.agent}` : '';
  switch (node.collect ?? (node.agent ? 'agent' : undefined)) {
    case 'agent':
      return `by its agent${version}`;
    case 'text':
      return `in plain text, asked at ${target?.url ?? 'its port'}`;
    case 'ssh':
      return `over SSH, asked at ${target?.url ?? 'its address'}`;
    case 'import':
      return 'by a file that somebody brought';
    default:
      return target ? `asked at ${target.url}, without an answer so far` : 'not at all';
  }
}

/** `2.3 s ahead`, `14 min behind`; '' where the clock is right, or nobody knows. */
export function skewWord(skew: string | undefined): string {
  if (!skew) return '';
  const behind = skew.startsWith('-');
  const ms = parseGoDuration(behind ? skew.slice(1) : skew);
  if (Number.isNaN(ms) || ms < 1) return '';
  const length = ms < 1000 ? `${Math.round(ms)} ms` : ms < 10_000 ? `${(ms / 1000).toFixed(1)} s` : span(ms);
  return `${length} ${behind ? 'behind' : 'ahead'}`;
}

/** Who has a virtual address now: `on lb2`, `on 3 nodes`, `no holder`. */
export function holderWord({ holders }: Pick<NodeInfo, 'holders'>): string {
  const now = (holders ?? []).filter((h) => !h.until);
  const [first] = now;
  if (!first) return 'no holder';
  return now.length === 1 ? `on ${first.node}` : `on ${plural(now.length, 'node')}`;
}

/** What a clock is off by, ms; for sorting. */
export function skewMillis(skew: string | undefined): number {
  const ms = parseGoDuration((skew ?? '').replace(/^-/, ''));
  return Number.isNaN(ms) ? 0 : ms;
}

/** A note that much of the site has, and how many nodes that is. */
export interface SharedNote {
  note: Note;
  nodes: number;
  /** Of so many that report. */
  of: number;
}

/** A note of so many nodes, and of half of those that report, is told once instead of in each row. */
const SHARED = 3;

/** The notes that many nodes have in common, the most common first. */
export function sharedNotes(rows: readonly FleetRow[]): SharedNote[] {
  const reporting = rows.filter((r) => r.node?.state === 'reporting').length;
  const found = new Map<string, SharedNote>();
  for (const { node } of rows) {
    for (const note of node?.notes ?? []) {
      const held = found.get(note.text);
      if (held) held.nodes += 1;
      else found.set(note.text, { note, nodes: 1, of: reporting });
    }
  }
  return [...found.values()].filter((n) => n.nodes >= SHARED && 2 * n.nodes >= reporting).sort((a, b) => b.nodes - a.nodes);
}

const NOTHING_SHARED: ReadonlySet<string> = new Set();

/** The first thing that is wrong or odd, and how many more there are; not the notes whose texts are `told` already. */
export function firstOdd({ node, target }: FleetRow, told: ReadonlySet<string> = NOTHING_SHARED): { text: string; more: number; wrong: boolean } | null {
  const texts = [...(target && fails(target) ? [problemText(target)] : []), ...(node?.findings ?? []).map((f) => f.text)];
  const wrong = texts.length > 0;
  const all = [...texts, ...(node?.notes ?? []).map((n) => n.text).filter((text) => !told.has(text))];
  const [first] = all;
  return first ? { text: first, more: all.length - 1, wrong } : null;
}

/** The hosts and containers among the rows: what the whole page calls nodes when it counts them. */
export function fleetNodes(rows: readonly FleetRow[]): FleetRow[] {
  return rows.filter((r) => r.node && r.standing !== 'outside' && r.standing !== 'virtual');
}

/** `12 nodes: 9 report, 1 is stale, 2 never reported; 1 more is asked and never answered`. */
export function fleetLine(rows: readonly FleetRow[]): string {
  const nodes = fleetNodes(rows);
  const of = (standing: Standing): number => nodes.filter((r) => r.standing === standing).length;
  const unheard = rows.filter((r) => !r.node).length;
  const parts = [
    [of('reporting'), 'reports', 'report'],
    [of('failing'), 'fails', 'fail'],
    [of('stale'), 'is stale', 'are stale'],
    [of('stopped'), 'has its agent stopped', 'have their agents stopped'],
    [of('rebooting'), 'is rebooting', 'are rebooting'],
    [of('left'), 'was shut down', 'were shut down'],
    [of('silent'), 'never reported', 'never reported'],
  ] as const;
  const said = parts.filter(([n]) => n > 0).map(([n, one, many]) => `${n} ${n === 1 ? one : many}`);
  const more = unheard > 0 ? `; ${unheard} more ${unheard === 1 ? 'is' : 'are'} asked and never answered` : '';
  return `${plural(nodes.length, 'node')}${said.length > 0 ? `: ${said.join(', ')}` : ''}${more}`;
}

/** Whether asking for it to be forgotten makes sense: what never reported comes back by itself. */
export function mayForget(node: NodeInfo, target: Target | null): boolean {
  return target !== null || ((node.kind === 'host' || node.kind === 'container') && node.state !== 'inferred');
}
