import type { ChartNode } from '../api/types';
import { plural } from '../lib/format';
import { around, startOf } from './around';
import { isBad, openOf } from './checks';
import type { Judge } from './health';
import { type Topology, serviceLabel } from './topology';

/** How many connections away from what is meant is still shown. */
export type Hops = 1 | 2 | 3 | 4;

/** What the chart is narrowed to. The rest fades; it is never hidden, and nothing moves. */
export interface Filter {
  /** Only what is in trouble, and so many hops around it. */
  trouble: boolean;
  /** Only this node, pool or group, and so many hops around it; '' is no focus. */
  focus: string;
  hops: Hops;
  /** The id of a group, the name of a process, part of a node's name, words; '' is any. */
  group: string;
  process: string;
  name: string;
  text: string;
}

export const NO_FILTER: Filter = { trouble: false, focus: '', hops: 1, group: '', process: '', name: '', text: '' };

const HOPS: readonly Hops[] = [1, 2, 3, 4];

/** Fields that are text, with their word in a link. */
const FIELDS = ['focus', 'group', 'process', 'name', 'text'] as const;

/** Longer words of a link are no filter. */
const LONGEST = 255;

export function parseFilter(query: URLSearchParams): Filter {
  const hops = HOPS.find((n) => String(n) === query.get('hops')) ?? NO_FILTER.hops;
  const field = (name: (typeof FIELDS)[number]): string => (query.get(name) ?? '').slice(0, LONGEST);
  return { trouble: query.has('trouble'), focus: field('focus'), hops, group: field('group'), process: field('process'), name: field('name'), text: field('text') };
}

/** The filter's part of a link: nothing where there is none. */
export function formatFilter(filter: Filter): string[] {
  const said = FIELDS.filter((name) => filter[name] !== '').map((name) => `${name}=${encodeURIComponent(filter[name])}`);
  if (filter.trouble) said.unshift('trouble');
  if (reaches(filter) && filter.hops !== NO_FILTER.hops) said.push(`hops=${filter.hops}`);
  return said;
}

/** Whether it shows what is around something. */
export function reaches({ trouble, focus }: Filter): boolean {
  return trouble || focus !== '';
}

function narrows({ group, process, name, text }: Filter): boolean {
  return [group, process, name, text].some((word) => word.trim() !== '');
}

export function isFiltered(filter: Filter): boolean {
  return reaches(filter) || narrows(filter);
}

/** What of a chart a filter shows. */
export interface Kept {
  boxes: ReadonlySet<string>;
  /** How many match by themselves; the others are around them. */
  matches: number;
}

/** The boxes that a filter shows; null where it leaves all of them. */
export function keptBy(topology: Topology, filter: Filter, judge: Judge): Kept | null {
  if (!isFiltered(filter)) return null;
  const all = new Set(topology.nodes.keys());
  const matching = narrows(filter) ? matchingBoxes(topology, filter) : all;
  const ill = filter.trouble ? common(matching, inTrouble(topology, judge)) : matching;
  const shown = filter.trouble ? around(topology, { boxes: ill, service: '', meant: false }, filter.hops) : ill;
  if (filter.focus === '') return { boxes: shown, matches: ill.size };
  const start = startOf(topology, filter.focus);
  const both = common(around(topology, start, filter.hops), shown);
  return { boxes: both, matches: filter.trouble || narrows(filter) ? common(both, ill).size : start.boxes.size };
}

function common(a: ReadonlySet<string>, b: ReadonlySet<string>): ReadonlySet<string> {
  return new Set([...a].filter((name) => b.has(name)));
}

/** Boxes with open trouble, and both ends of connections in trouble. */
function inTrouble(topology: Topology, judge: Judge): ReadonlySet<string> {
  const nodes = [...topology.nodes.values()].filter((n) => isBad(openOf(n))).map((n) => n.name);
  const services = [...topology.services.values()].filter((s) => isBad(openOf(s)) || judge.service(s).length > 0).map((s) => s.node);
  const ends = [...topology.connections.values()].filter((c) => judge.connection(c).length > 0).flatMap((c) => [c.client.node, c.server.node]);
  return new Set([...nodes, ...services, ...ends]);
}

function matchingBoxes(topology: Topology, filter: Filter): ReadonlySet<string> {
  const about = aboutBoxes(topology);
  const words = filter.text.toLowerCase().split(/\s+/).filter(Boolean);
  const name = filter.name.trim().toLowerCase();
  const matches = (node: ChartNode): boolean => {
    const { processes, words: said } = about.get(node.name) ?? NOTHING;
    if (filter.group !== '' && node.group !== filter.group && node.name !== filter.group) return false;
    if (filter.process !== '' && !processes.has(filter.process)) return false;
    if (name !== '' && !namesOf(node).some((n) => n.toLowerCase().includes(name))) return false;
    return words.every((word) => said.some((s) => s.includes(word)));
  };
  return new Set([...topology.nodes.values()].filter(matches).map((n) => n.name));
}

/** What is known of a box. */
interface About {
  processes: Set<string>;
  /** In lower case. */
  words: string[];
}

const NOTHING: About = { processes: new Set(), words: [] };

function namesOf(node: ChartNode): string[] {
  return [node.kind === 'pool' || node.kind === 'group' ? '' : node.name, node.title ?? '', node.known_as ?? '', ...node.addresses, ...(node.members ?? []).map((m) => m.name)];
}

function aboutBoxes(topology: Topology): ReadonlyMap<string, About> {
  const lanes = new Map((topology.lanes ?? []).map((l) => [l.id, l.title]));
  const found = new Map<string, About>();
  for (const n of topology.nodes.values()) {
    const rows = (n.rows ?? []).flatMap((r) => (r.kind === 'more' || r.process === '' ? [] : [r.process]));
    found.set(n.name, { processes: new Set(rows), words: [...namesOf(n), lanes.get(n.group ?? '') ?? '', ...rows].map((w) => w.toLowerCase()) });
  }
  const add = (node: string, process: string, words: readonly string[]): void => {
    const about = found.get(node);
    if (process !== '') about?.processes.add(process);
    about?.words.push(...words.map((w) => w.toLowerCase()));
  };
  for (const s of topology.services.values()) add(s.node, s.process, [serviceLabel(s), s.unit ?? '', s.container ?? '', s.image ?? '', s.pod ?? '']);
  for (const { client, server } of topology.connections.values()) {
    add(client.node, client.process, [client.process]);
    add(server.node, server.process, [server.process, `:${server.port}`]);
  }
  return found;
}

/** What can be chosen from: the groups and processes of a chart, by name. */
export function choicesOf(topology: Topology): { groups: readonly (readonly [id: string, title: string])[]; processes: readonly string[] } {
  const lanes = (topology.lanes ?? []).filter((l) => l.id !== '').map((l) => [l.id, l.title || l.id] as const);
  const boxes = [...topology.nodes.values()].filter((n) => n.kind === 'group').map((n) => [n.name, n.title || n.name] as const);
  const processes = new Set([...aboutBoxes(topology).values()].flatMap((a) => [...a.processes]));
  const groups = [...new Map([...lanes, ...boxes])].sort(([, a], [, b]) => a.localeCompare(b, 'en', { numeric: true }));
  return { groups, processes: [...processes].sort((a, b) => a.localeCompare(b, 'en', { numeric: true })) };
}

/** `nginx, group shop`: what is asked for, in words; the namer tells ids from titles. */
export function askedFor(filter: Filter, named: (id: string) => string): string {
  const said = [
    filter.text.trim(),
    filter.process && `process ${filter.process}`,
    filter.name.trim() && `node ${filter.name.trim()}`,
    filter.group && `group ${named(filter.group)}`,
    filter.focus && `${named(filter.focus)} ${aroundWords(filter.hops)}`,
    filter.trouble && `trouble ${aroundWords(filter.hops)}`,
  ];
  return said.filter(Boolean).join(', ');
}

function aroundWords(hops: Hops): string {
  return `and ${plural(hops, 'hop')} around`;
}

/** Why a chart is all faded: `Nothing matches nginx.`; '' where something is not. */
export function nothingLine(kept: Kept, filter: Filter, named: (id: string) => string): string {
  if (kept.boxes.size > 0) return '';
  if (filter.trouble && !narrows(filter) && filter.focus === '') return 'Nothing is in trouble.';
  const asked = askedFor({ ...filter, hops: 1 }, named).replaceAll(` ${aroundWords(1)}`, '');
  return `Nothing matches ${asked}.`;
}
