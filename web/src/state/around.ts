import { type Topology } from './topology';

/** What a reach begins with. */
export interface Start {
  boxes: ReadonlySet<string>;
  /** The id of a service: the first hop goes over its connections alone; '' goes over all. */
  service: string;
  /**
   * It was asked for by name, and leads on whatever it is; else what all have in common
   * leads nowhere from there either.
   */
  meant: boolean;
}

/**
 * What a name means on a chart: a box, the box that a node stands in, the boxes of a pool or
 * group, the box of a service. The rule is that of `view.Topology.Around`, so that a page
 * fades what `GET /topology?focus=` leaves out; view/testdata/around.json holds for both.
 */
export function startOf(topology: Topology, focus: string): Start {
  const service = topology.services.get(focus);
  if (service) return { boxes: topology.nodes.has(service.node) ? new Set([service.node]) : new Set(), service: service.id, meant: true };
  const named = boxesNamed(topology, focus);
  const tilde = focus.indexOf('~');
  // A service that is no row on this level: its node.
  const boxes = named.size === 0 && tilde >= 0 ? boxesNamed(topology, focus.slice(0, tilde).replaceAll('!', '/')) : named;
  return { boxes, service: '', meant: true };
}

function boxesNamed({ nodes }: Topology, name: string): ReadonlySet<string> {
  if (name === '') return new Set();
  if (nodes.has(name)) return new Set([name]);
  const stands = [...nodes.values()].filter((n) => n.pool === name || n.group === name || (n.members ?? []).some((m) => m.name === name));
  return new Set(stands.map((n) => n.name));
}

/**
 * The start, and all that is at most so many connections away from it, in either direction.
 * Shared services, the Internet and networks are reached but lead no further, and connections
 * of observers count only where they touch what was meant: by those everything is one hop
 * from everything.
 */
export function around(topology: Topology, { boxes, service, meant }: Start, hops: number): ReadonlySet<string> {
  const found = new Set(boxes);
  let front = meant ? boxes : new Set([...boxes].filter((name) => leadsOn(topology, name)));
  for (let hop = 0; hop < hops && front.size > 0; hop++) {
    const next = new Set<string>();
    for (const { client, server, observer } of topology.connections.values()) {
      if (observer && (hop > 0 || !meant)) continue;
      if (hop === 0 && service !== '' && client.service !== service && server.service !== service) continue;
      for (const [from, to] of [[client.node, server.node], [server.node, client.node]] as const) {
        if (!front.has(from) || found.has(to)) continue;
        found.add(to);
        if (leadsOn(topology, to)) next.add(to);
      }
    }
    front = next;
  }
  return found;
}

function leadsOn({ nodes }: Topology, name: string): boolean {
  const node = nodes.get(name);
  return node !== undefined && !node.shared && node.kind !== 'internet' && node.kind !== 'network';
}

/** Above so many boxes a chart of nodes is more than can be read: they are specks, and few of them have names. */
const READABLE = 1200;

/** Whether a chart shows more boxes than can be read, where others would show fewer. */
export function isTooMany({ nodes, level }: { nodes: ReadonlyMap<string, unknown>; level: string }): boolean {
  return nodes.size > READABLE && (level === 'node' || level === 'service');
}
