import { type Problem } from '../api/types';
import { viewQuery } from '../api/client';
import { moment } from '../lib/format';
import { askedFor, formatFilter } from './filter';
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

/** Where the file of what a route shows is, below the API: the server narrows by the page's own rule. */
export function exportPath(format: Format, { level, hide, expand, at, filter, incident }: Route): string {
  const narrowed = formatFilter(filter).map((part) => `&${part === 'trouble' ? 'trouble=true' : part}`);
  const path = incident ? `&incident=${encodeURIComponent(incident)}` : '';
  return `export/${format}${viewQuery(level, hide, expand)}${narrowed.join('')}${path}${at ? `&at=${encodeURIComponent(at)}` : ''}`;
}

const LEVEL_WORDS = { service: 'Nodes and their services', node: 'Nodes', pool: 'Pools', group: 'Groups' } as const;

/** `Pools, group shop, as of Tue 14:20`: what a file shows; the namer tells ids from titles. */
export function exportLine({ level, at, filter, incident }: Route, named: (id: string) => string, utc: boolean): string {
  const asked = askedFor(filter, named);
  const path = incident ? ', with the path of the incident' : '';
  return `${LEVEL_WORDS[level]}${asked ? `, ${asked}` : ''}${path}, ${at ? `as of ${moment(at, utc)}` : 'as it is now'}.`;
}
