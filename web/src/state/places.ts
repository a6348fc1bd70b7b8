import type { ListedNode, Service } from '../api/types';
import { score } from './search';
import { serviceLabel } from './topology';

/** A node or a service that can be asked about. */
export interface Place {
  id: string;
  title: string;
  aside: string;
}

const MOST = 7;

/** What can't fail by itself, as it stands for many. */
const MANY: readonly string[] = ['internet', 'network', 'pool', 'group'];

/** Nodes and services in which all words are found, the best first; none without a word. */
export function placesFor(nodes: readonly Pick<ListedNode, 'name' | 'known_as' | 'kind' | 'addresses'>[], services: readonly Service[], query: string, known: readonly string[]): Place[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return [];
  const called = new Map(nodes.map((n) => [n.name, n.known_as || n.name]));
  const rate = (texts: readonly string[]): number => {
    const rates = words.map((w) => Math.max(...texts.map((t) => score(t, w))));
    return rates.includes(0) ? 0 : rates.reduce((a, b) => a + b, 1);
  };
  const all = [
    ...nodes.filter((n) => !MANY.includes(n.kind)).map((n) => ({ id: n.name, title: n.known_as || n.name, aside: 'node', rate: rate([n.name, n.known_as ?? '', ...n.addresses]) })),
    ...services
      .filter((s) => !s.own && s.state !== 'gone')
      .map((s) => ({ id: s.id, title: `${called.get(s.node) ?? s.node} ${serviceLabel(s)}`, aside: 'service', rate: rate([s.node, called.get(s.node) ?? '', s.process, `:${s.port}`, String(s.port)]) })),
  ];
  return all
    .filter((p) => p.rate > 0 && !known.includes(p.id))
    .sort((a, b) => b.rate - a.rate || a.title.localeCompare(b.title, 'en', { numeric: true }))
    .slice(0, MOST)
    .map(({ id, title, aside }) => ({ id, title, aside }));
}
