import type { Check } from '../api/types';
import { checkName, worstFirst } from './checks';
import type { Topology } from './topology';
import { knownAs, serviceLabel } from './topology';

/** Something the palette can lead to. */
export interface Hit {
  section: 'Nodes' | 'Services' | 'Checks' | 'Actions';
  kind: 'node' | 'service' | 'check' | 'action';
  id: string;
  title: string;
  /** Shown at the right, in a quieter ink. */
  aside: string;
  score: number;
}

export interface Action {
  id: string;
  title: string;
  key: string;
}

/** How well `query` matches: 0 not at all; whole, start, start of a word, inside. */
export function score(text: string, query: string): number {
  const at = text.toLowerCase().indexOf(query);
  if (at < 0) return 0;
  if (text.length === query.length) return 4;
  if (at === 0) return 3;
  return /[^a-z0-9]/i.test(text.charAt(at - 1)) ? 2 : 1;
}

function best(texts: readonly string[], query: string): number {
  return Math.max(0, ...texts.map((t) => score(t, query)));
}

const PER_SECTION = 8;

const byScore = (a: Hit, b: Hit): number => b.score - a.score;
const byTitle = (a: Hit, b: Hit): number => byScore(a, b) || a.title.localeCompare(b.title, 'en', { numeric: true });

function top(hits: Hit[], order = byTitle): Hit[] {
  return hits
    .filter((h) => h.score > 0)
    .sort(order)
    .slice(0, PER_SECTION);
}

/**
 * Nodes by name and address, services by process, port, address, unit, container,
 * image and pod, checks by host, name and node, actions by title. Several words must all match. An empty query lists everything, shortened.
 */
export function search(topology: Topology | null, actions: readonly Action[], query: string, checks: readonly Check[] = []): Hit[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const rate = (texts: readonly string[]): number => {
    const rates = words.map((w) => best(texts, w));
    return rates.includes(0) ? 0 : rates.reduce((a, b) => a + b, 1);
  };
  const named = knownAs(topology);
  const nodes = [...(topology?.nodes.values() ?? [])].map<Hit>((n) => ({
    section: 'Nodes',
    kind: 'node',
    id: n.name,
    title: n.known_as || n.name,
    aside: n.known_as ? n.name : (n.addresses.find((a) => a !== n.name) ?? ''),
    score: rate([n.known_as ?? '', n.name, ...n.addresses]),
  }));
  const services = [...(topology?.services.values() ?? [])].map<Hit>((s) => ({
    section: 'Services',
    kind: 'service',
    id: s.id,
    title: serviceLabel(s),
    aside: named(s.node),
    score: rate([s.process, String(s.port), `:${s.port}`, s.node, named(s.node), s.unit ?? '', s.container ?? '', s.image ?? '', s.pod ?? '', ...(s.addresses ?? [])]),
  }));
  const results = worstFirst(checks).map<Hit>((c) => ({
    section: 'Checks',
    kind: 'check',
    id: c.id,
    title: checkName(c),
    aside: c.node ? named(c.node) : c.host,
    score: rate([c.name, c.host, c.node ?? '', named(c.node ?? '')]),
  }));
  const commands = actions.map<Hit>((a) => ({
    section: 'Actions',
    kind: 'action',
    id: a.id,
    title: a.title,
    aside: a.key,
    score: rate([a.title]),
  }));
  return [...top(nodes), ...top(services), ...top(results, byScore), ...top(commands)];
}
