import type { Client } from '../api/client';
import type { Connection, DeclarationDocument, DriftConnection, DriftDocument, DriftMissing, DriftRule, HideKind, Problem } from '../api/types';
import { plural } from '../lib/format';
import type { Mark } from './compare';
import type { Topology } from './topology';
import { boxesByName } from './trace';

/** What is declared beside what is seen; loaded when somebody looks at it. */

/** `undeclared` where nothing is. */
export async function readDrift(client: Client, hide: readonly HideKind[], signal?: AbortSignal): Promise<DriftDocument | 'undeclared'> {
  const found = await client.ask<DriftDocument | undefined>(`drift?hide=${hide.join() || 'none'}`, undefined, undefined, signal);
  return found ?? 'undeclared';
}

export function readDeclaration(client: Client, signal?: AbortSignal): Promise<DeclarationDocument> {
  return client.ask('drift/declaration', undefined, undefined, signal);
}

export function firstDeclaration(client: Client, hide: readonly HideKind[]): Promise<{ text: string }> {
  return client.ask(`drift/initial?hide=${hide.join() || 'none'}`);
}

/** `base` is the version that it was made of, 0 for none: another one meanwhile is a conflict. */
export function keepDeclaration(client: Client, declaration: { name: string; text: string; folder?: string; base: number }): Promise<DeclarationDocument> {
  return client.ask('drift/declaration', 'PUT', declaration);
}

export function dropDeclaration(client: Client): Promise<void> {
  return client.ask('drift/declaration', 'DELETE');
}

/** `3 unexpected, 1 missing, 41 as declared`. */
export function driftLine({ unexpected, forbidden, missing, matching }: DriftDocument): string {
  const said = [
    unexpected.length > 0 && `${unexpected.length} unexpected`,
    forbidden.length > 0 && `${forbidden.length} forbidden`,
    missing.length > 0 && `${missing.length} missing`,
    `${plural(matching.length, 'rule')} as declared`,
  ];
  return said.filter(Boolean).join(', ');
}

/** `site.yaml:12`. */
export function placeOf({ file, line }: { file: string; line?: number }): string {
  return line ? `${file}:${line}` : file;
}

export type Kind = 'forbidden' | 'unexpected' | 'missing' | 'unknown' | 'matching';

/** The kinds as they are listed, with their words. */
export const KINDS: readonly (readonly [Kind, string])[] = [
  ['forbidden', 'Forbidden'],
  ['unexpected', 'Unexpected'],
  ['missing', 'Missing'],
  ['unknown', 'Not known'],
  ['matching', 'As declared'],
];

/** One line of the page. */
export interface DriftRow {
  key: string;
  kind: Kind;
  from: string;
  to: string;
  port: string;
  /** file:line of the rule that it is about; '' where there is none. */
  place: string;
  since: string;
  last: string;
  why: string;
  connection: DriftConnection | null;
  missing: DriftMissing | null;
}

function ruleRow(kind: Kind, rule: DriftRule, i: number): Omit<DriftRow, 'since' | 'last' | 'why' | 'missing'> {
  return { key: `${kind} ${placeOf(rule)} ${i}`, kind, from: rule.from, to: rule.to, port: rule.port ?? '', place: placeOf(rule), connection: null };
}

function named(node: string, process: string): string {
  return process ? `${node} ${process}` : node;
}

function connectionRow(kind: Kind, c: DriftConnection): DriftRow {
  const { client, server, protocol, rule } = c;
  const port = server.port > 0 ? `${protocol}/${server.port}` : protocol;
  const why = !rule ? 'no rule allows it' : kind === 'forbidden' ? (rule.why ?? 'denied') : `allowed at ${rule.port ?? 'other ports'} only`;
  return { key: `${kind} ${c.id}`, kind, from: named(client.node, client.process), to: named(server.node, server.process), port, place: rule ? placeOf(rule) : '', since: c.since, last: c.last, why, connection: c, missing: null };
}

export function driftRows(doc: DriftDocument): DriftRow[] {
  const missed = (kind: Kind) => (m: DriftMissing, i: number): DriftRow => ({ ...ruleRow(kind, m, i), since: '', last: m.last ?? '', why: m.why ? `${m.reason} (${m.why})` : m.reason, missing: m });
  return [
    ...doc.forbidden.map((c) => connectionRow('forbidden', c)),
    ...doc.unexpected.map((c) => connectionRow('unexpected', c)),
    ...doc.missing.map(missed('missing')),
    ...doc.unknown.map(missed('unknown')),
    ...doc.matching.map((m, i) => ({ ...ruleRow('matching', m, i), since: m.since ?? '', last: m.last ?? '', why: [plural(m.connections, 'connection'), m.why].filter(Boolean).join(', '), missing: null })),
  ];
}

/** So many lines are drawn of one missing rule. */
const MOST_LINES = 12;

/** The edges of a chart that a connection between nodes is, or is part of. */
function edgesOf(topology: Topology, boxes: ReadonlyMap<string, string>, { id, client, server }: DriftConnection, by: ReadonlyMap<string, readonly Connection[]>): string[] {
  if (topology.connections.has(id)) return [id];
  const found = by.get(`${boxes.get(client.node)}\n${boxes.get(server.node)}`) ?? [];
  // Between nodes and between groups one edge stands for all, and has no port.
  return found.filter((c) => (c.server.port === 0 || c.server.port === server.port) && (c.client.process === '' || c.client.process === client.process)).map((c) => c.id);
}

/** The topology with what differs marked, and what is missing as lines that nobody saw. */
export function withDrift(topology: Topology, doc: DriftDocument): Topology {
  const boxes = boxesByName(topology);
  const by = new Map<string, Connection[]>();
  for (const c of topology.connections.values()) {
    const ends = `${c.client.node}\n${c.server.node}`;
    by.set(ends, [...(by.get(ends) ?? []), c]);
  }
  const marks = new Map<string, Mark>();
  for (const mark of ['unexpected', 'forbidden'] as const) for (const c of doc[mark]) for (const id of edgesOf(topology, boxes, c, by)) marks.set(id, mark);
  const connections = new Map(topology.connections);
  for (const m of doc.missing) {
    for (const line of missingLines(topology, boxes, m)) {
      connections.set(line.id, line);
      marks.set(line.id, 'missing');
    }
  }
  return { ...topology, connections, declared: true, marks: { nodes: new Map(), services: new Map(), connections: marks } };
}

function missingLines(topology: Topology, boxes: ReadonlyMap<string, string>, missing: DriftMissing): Connection[] {
  const ends = (nodes: readonly string[] = []): string[] => [...new Set(nodes.flatMap((n) => boxes.get(n) ?? []))];
  const port = Number(/(\d+)/.exec(missing.port ?? '')?.[1] ?? 0);
  const lines: Connection[] = [];
  for (const from of ends(missing.from_nodes)) {
    for (const to of ends(missing.to_nodes)) {
      if (from === to || lines.length === MOST_LINES) continue;
      const service = [...topology.services.values()].find((s) => s.node === to && s.port === port)?.id ?? '';
      lines.push({
        id: missingID(missing, from, to),
        client: { node: from, process: '', service: '' },
        server: { node: to, process: '', service, port },
        protocol: missing.port?.startsWith('udp') ? 'udp' : 'tcp',
        count: 0,
        opened: 0,
        first_seen: missing.last ?? topology.at,
        last_seen: missing.last ?? topology.at,
        directed: true,
        status: 'fresh',
        own: false,
      });
    }
  }
  return lines;
}

function missingID(missing: DriftMissing, from: string, to: string): string {
  return `missing ${placeOf(missing)} ${from} ${to}`;
}

/** What is selected on the chart for a row: the connection, or one of the nodes of what is missing. */
export function selectionOf({ connection, missing }: DriftRow): { kind: 'connection' | 'node'; id: string } | null {
  if (connection) return { kind: 'connection', id: connection.id };
  const node = missing?.from_nodes?.[0] ?? missing?.to_nodes?.[0];
  return node ? { kind: 'node', id: node } : null;
}

/**
 * A declaration of dotm with one more rule at the end of its allow list. What is written in
 * another form stays as it is: null.
 */
export function withRule(text: string, rule: string): { text: string; line: number } | null {
  const lines = text.replace(/\n+$/, '').split('\n');
  const at = lines.findIndex((l) => /^allow\s*:/.test(l));
  if (at < 0) return text.trim() !== '' && !/^(version|deny|sets|scope)\s*:/m.test(text) ? null : joined([...lines, 'allow:'].filter((l, i) => i > 0 || l !== ''), rule);
  if (!/^allow\s*:\s*(\[\s*\])?\s*(#.*)?$/.test(lines[at] ?? '')) return null;
  let end = lines.findIndex((l, i) => i > at && /^[^\s#-]/.test(l));
  if (end < 0) end = lines.length;
  while (end > at + 1 && (lines[end - 1] ?? '').trim() === '') end--;
  const head = [...lines.slice(0, at), 'allow:', ...lines.slice(at + 1, end)];
  const indent = /^(\s*)-/.exec(lines.slice(at + 1, end).find((l) => /^\s*-/.test(l)) ?? '')?.[1] ?? '  ';
  const own = rule.replace(/^ {2}/gm, indent);
  return joined(head, own, lines.slice(end));
}

function joined(head: readonly string[], rule: string, tail: readonly string[] = []): { text: string; line: number } {
  return { text: `${[...head, rule.replace(/\n$/, ''), ...tail].join('\n')}\n`, line: head.length + 1 };
}

/** What is wrong with a declaration, and in which line; 0 where no line is. */
export function wrongOf({ errors, detail, title }: Problem): { line: number; text: string } {
  const [first] = errors ?? [];
  const { line = 0, field = '', value = '' } = (first?.value ?? {}) as { line?: number; field?: string; value?: string };
  const text = first ? [field, first.message].filter(Boolean).join(' ') + (value ? `, is “${value}”` : '') : detail || title;
  return { line, text };
}
