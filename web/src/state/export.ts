import { type Problem } from '../api/types';
import { viewQuery } from '../api/client';
import { moment, plural } from '../lib/format';
import type { Filter } from './filter';
import type { Route } from './route';

/** How a file is written, as GET /export/{format} calls it. */
export type Format = 'svg' | 'dot' | 'mermaid' | 'graphml' | 'drawio' | 'markdown' | 'csv' | 'json' | 'plantuml' | 'structurizr' | 'backstage' | 'netbox';

/** The formats: what each is called, and what it is for. */
export const FORMATS: readonly (readonly [format: Format, title: string, use: string])[] = [
  ['svg', 'SVG', 'a picture, for a wiki'],
  ['drawio', 'draw.io', 'to edit in diagrams.net'],
  ['dot', 'DOT', 'for Graphviz'],
  ['mermaid', 'Mermaid', 'for Markdown that draws'],
  ['graphml', 'GraphML', 'for yEd, Gephi'],
  ['markdown', 'Markdown', 'a document'],
  ['csv', 'CSV', 'who uses what, a line each'],
  ['json', 'JSON', 'all that is known of it'],
  ['plantuml', 'PlantUML', 'a diagram as text'],
  ['structurizr', 'Structurizr', 'a C4 model, as DSL'],
  ['backstage', 'Backstage', 'a catalog'],
  ['netbox', 'NetBox', 'services to import'],
];

/** The menu of formats, and how the last file went. */
export interface Exporting {
  open: boolean;
  /** The format that is being written. */
  busy: Format | '';
  /** What the last file is called. */
  saved: string;
  problem: Problem | null;
}

export const NO_EXPORT: Exporting = { open: false, busy: '', saved: '', problem: null };

/** The part of a chart that a file can show: around a focus, or a group alone. */
function partOf({ focus, hops, group }: Filter): { focus: string; hops: number } | null {
  if (focus !== '') return { focus, hops };
  return group === '' ? null : { focus: group, hops: 0 };
}

/** Where the file of what a route shows is, below the API. */
export function exportPath(format: Format, { level, hide, expand, at, filter }: Route): string {
  const part = partOf(filter);
  const around = part ? `&focus=${encodeURIComponent(part.focus)}&hops=${part.hops}` : '';
  return `export/${format}${viewQuery(level, hide, expand)}${around}${at ? `&at=${encodeURIComponent(at)}` : ''}`;
}

const LEVEL_WORDS = { service: 'Nodes and their services', node: 'Nodes', pool: 'Pools', group: 'Groups' } as const;

/** `Pools, shop alone, as of Tue 14:20`: what a file shows; the namer tells ids from titles. */
export function exportLine({ level, at, filter }: Route, named: (id: string) => string, utc: boolean): string {
  const part = partOf(filter);
  const around = part ? `, ${named(part.focus)} ${part.hops === 0 ? 'alone' : `and ${plural(part.hops, 'hop')} around`}` : '';
  return `${LEVEL_WORDS[level]}${around}, ${at ? `as of ${moment(at, utc)}` : 'as it is now'}.`;
}

/** `trouble, words`: what narrows the page and no file; '' where nothing does. */
export function notExported(filter: Filter): string {
  const { trouble, process, name, text, group, focus } = filter;
  const left = [trouble && 'trouble', process && 'a process', name.trim() && 'a node’s name', text.trim() && 'words', focus && group && 'a group'];
  return left.filter(Boolean).join(', ');
}
