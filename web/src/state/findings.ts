import type { Finding } from '../api/types';
import { capital } from '../lib/format';

/** What the report finds, by kind and the worst first. */

/** How much a kind of finding matters: it makes the chart wrong or blind, it leaves something unwatched, or it is good to know. */
export type Weight = 'bad' | 'gap' | 'note';

interface Kind {
  code: string;
  weight: Weight;
  title: string;
  /** What all of a kind have in common; '' where each says it itself. */
  means: string;
}

/** The kinds in the order in which they want to be seen. */
const KINDS: readonly Kind[] = [
  { code: 'not-asked', weight: 'bad', title: 'Monitoring that could not be asked', means: '' },
  { code: 'source-failing', weight: 'bad', title: 'Monitoring that can’t be read', means: 'What it said last is stale, and nothing new is known.' },
  { code: 'clone', weight: 'bad', title: 'Copies of one host', means: '' },
  { code: 'same-name', weight: 'bad', title: 'Hosts of one name', means: '' },
  { code: 'duplicate-address', weight: 'bad', title: 'Addresses on several hosts', means: '' },
  { code: 'silent', weight: 'bad', title: 'Nodes that fell silent', means: '' },
  { code: 'stopped', weight: 'gap', title: 'Agents that were stopped', means: 'They said so themselves, and have not reported since. What the chart shows of their nodes is as of then.' },
  { code: 'not-answering', weight: 'bad', title: 'Nodes that don’t answer', means: 'They are asked over SSH or in plain text.' },
  { code: 'revoked', weight: 'bad', title: 'Agents that were revoked', means: '' },
  { code: 'unmonitored-node', weight: 'gap', title: 'Nodes without monitoring', means: 'No check is on them. Definitions that would monitor them are below.' },
  { code: 'unchecked-service', weight: 'gap', title: 'Services without a check', means: 'They run on monitored nodes, and no check is about them.' },
  { code: 'unmapped-host', weight: 'gap', title: 'Monitored hosts that are no node', means: 'Their checks are on the list of checks, and not on the chart.' },
  { code: 'undecided', weight: 'gap', title: 'Nodes that may be others', means: '' },
  { code: 'declared-not-seen', weight: 'gap', title: 'Dependencies that are declared and not seen', means: 'The monitoring says that one needs the other, and the sockets show no connection.' },
  { code: 'source-note', weight: 'note', title: 'About what monitoring tells', means: '' },
  { code: 'no-use-seen', weight: 'note', title: 'Services that nobody seems to use', means: 'Nobody was seen using them for long.' },
  { code: 'replaced', weight: 'note', title: 'Hosts that were replaced', means: '' },
  { code: 'renamed', weight: 'note', title: 'Hosts that were renamed', means: '' },
  { code: 'clock-skew', weight: 'note', title: 'Clocks that are wrong', means: '' },
  { code: 'weak-identity', weight: 'note', title: 'Nodes known by their name alone', means: '' },
  { code: 'old-agent', weight: 'note', title: 'Agents of another version', means: '' },
];

/** All findings of one kind. */
export interface FindingGroup extends Kind {
  findings: readonly Finding[];
}

const names = new Intl.Collator('en', { numeric: true });

/** The kinds that were found, the worst first; one that is new to this page is before what is merely good to know. */
export function grouped(findings: readonly Finding[]): FindingGroup[] {
  const by = new Map<string, Finding[]>();
  for (const f of findings) {
    const list = by.get(f.code);
    if (list) list.push(f);
    else by.set(f.code, [f]);
  }
  const firstNote = KINDS.findIndex((k) => k.weight === 'note');
  const place = (code: string): number => {
    const at = KINDS.findIndex((k) => k.code === code);
    return at < 0 ? firstNote - 0.5 : at;
  };
  const kind = (code: string): Kind => KINDS.find((k) => k.code === code) ?? { code, weight: 'gap', title: capital(code.replaceAll('-', ' ')), means: '' };
  return [...by]
    .sort(([a], [b]) => place(a) - place(b) || names.compare(a, b))
    .map(([code, list]) => ({ ...kind(code), findings: list.sort((a, b) => names.compare(a.node, b.node) || names.compare(a.service ?? a.text, b.service ?? b.text)) }));
}

/** The hint that all of a group give, so that it is said once; '' where they differ. */
export function sharedHint({ findings }: Pick<FindingGroup, 'findings'>): string {
  const [first] = findings;
  return first?.hint && findings.length > 1 && findings.every((f) => f.hint === first.hint) ? first.hint : '';
}

/** What a finding is about. */
export type Subject = 'node' | 'service' | 'source' | 'host';

/** What the name of a finding names. */
export function subjectOf({ code, service }: Pick<Finding, 'code' | 'service'>): Subject {
  if (code.startsWith('source-')) return 'source';
  if (code === 'unmapped-host') return 'host';
  return service ? 'service' : 'node';
}

/** A moment as the server writes it. */
const STAMP = /\b\d{4}-\d\d-\d\dT[\d:.]+Z/g;

/** The sentence of a finding where what it is about stands before it: the id of a service is not repeated, and moments are as the page says them. */
export function findingText({ code, service, text }: Finding, label: string, said: (at: string) => string): string {
  if (code === 'unchecked-service') return 'no check is about it';
  return (service ? text.replaceAll(service, label) : text).replace(STAMP, said);
}
