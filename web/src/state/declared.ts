import type { Party, Relation } from '../api/types';

/** What people declared in monitoring systems, beside what is observed. */

/** What a line is about: what the node needs, what needs it, what it is reached through and what through it. */
export type Way = 'needs' | 'needed' | 'through' | 'reaches';

/** One thing that is declared of a node. */
export interface DeclaredLine {
  way: Way;
  /** Of the node: the check that it is declared of; '' is the node itself. */
  own: string;
  other: Party;
  observed: Relation['observed'];
}

/** What one source declares of a node. */
export interface Declaration {
  source: string;
  groups: readonly string[];
  lines: readonly DeclaredLine[];
}

const names = new Intl.Collator('en', { numeric: true });

function lineOf({ kind, of, to, observed }: Relation, node: string): DeclaredLine | null {
  if (!to || kind === 'group') return null;
  const mine = of.node === node;
  const [own, other] = mine ? [of, to] : [to, of];
  if (kind === 'parent') return { way: mine ? 'through' : 'reaches', own: '', other, observed: undefined };
  return { way: mine ? 'needs' : 'needed', own: own.name ?? '', other, observed };
}

const WAYS: readonly Way[] = ['needs', 'needed', 'through', 'reaches'];

/** What is declared of a node, by source. */
export function declarationsOf(relations: readonly Relation[], node: string): Declaration[] {
  const sources = [...new Set(relations.map((r) => r.source))].sort(names.compare);
  return sources.map((source) => {
    const own = relations.filter((r) => r.source === source);
    const groups = own.filter((r) => r.kind === 'group' && r.group).map((r) => r.group ?? '');
    const lines = own.map((r) => lineOf(r, node)).filter((l) => l !== null);
    return {
      source,
      groups: [...new Set(groups)].sort(names.compare),
      lines: lines.sort((a, b) => WAYS.indexOf(a.way) - WAYS.indexOf(b.way) || names.compare(a.other.host, b.other.host)),
    };
  });
}

/** What goes before the other end. */
export const WAY_WORDS: Readonly<Record<Way, string>> = { needs: 'Depends on', needed: 'Is needed by', through: 'Reached through', reaches: 'Leads to' };

/** What the sockets tell of a dependency; '' where nothing is to be told. */
export function observedWords(observed: Relation['observed']): string {
  return { connection: 'a connection is seen', node: 'seen to its node, not to this service', none: 'no direct connection is seen', unknown: 'can’t be told: an end does not report' }[observed ?? 'unknown'];
}
