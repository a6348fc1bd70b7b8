import type { ChartNode, Connection, Coverage, Evidence, NodeInfo, NodeKind, NodeState, Service, Sighting } from '../api/types';
import { capital, figure, inWords, plural } from '../lib/format';
import { AS_IS, type Namer, type Topology, byServer } from './topology';

/** Sentences about the topology. They say what was observed, and no more. */

export function isUsed(service: Service): boolean {
  return service.last_connection !== undefined && service.last_connection !== '';
}

/** What is drawn as a node and could not report: the Internet, networks, virtual addresses. */
const NO_HOSTS: readonly NodeKind[] = ['internet', 'network', 'virtual', 'pool', 'group'];

/** How many nodes of the site report, or could; of pools and groups their members. */
export function countInside(nodes: Iterable<Pick<ChartNode, 'kind' | 'members'>>): number {
  let count = 0;
  for (const { kind, members } of nodes) {
    if (!members) count += NO_HOSTS.includes(kind) ? 0 : 1;
    else for (const m of members) if (!NO_HOSTS.includes(m.kind)) count++;
  }
  return count;
}

export function isSilent({ state, kind }: NodeInfo): boolean {
  return state === 'inferred' && !NO_HOSTS.includes(kind);
}

/** Whether a node reported once and doesn't now, for whatever reason. */
export function isMute(state: NodeState): boolean {
  return state !== 'reporting' && state !== 'inferred';
}

/** What a node said of why it reports no more; nothing of the others. */
const SAID: Partial<Record<NodeState, string>> = { left: 'shut down', rebooting: 'rebooting since', stopped: 'agent stopped' };

/** Why a node does not report, as far as it said so. */
export function awayWord(state: NodeState): string {
  return SAID[state]?.replace(' since', '') ?? 'does not report';
}

/** Nodes that others talk about but that never reported. */
export function silentNodes(topology: Topology): NodeInfo[] {
  return [...topology.nodes.values()].filter(isSilent);
}

/** The title of the quiet panel: the same figures as the top bar and the ground of the chart. */
export function headline({ nodes, reporting }: Pick<Coverage, 'nodes' | 'reporting'>): string {
  if (nodes === 0) return 'No node reports yet.';
  const report = reporting === 1 ? 'reports' : 'report';
  if (nodes === 1) return reporting === 1 ? 'One node reports.' : 'The one node does not report.';
  if (reporting === 0) return `None of ${inWords(nodes)} nodes reports.`;
  if (nodes === 2 && reporting === 2) return 'Both nodes report.';
  if (nodes === reporting) return `All ${inWords(nodes)} nodes report.`;
  return `${capital(inWords(reporting))} of ${inWords(nodes)} nodes ${report}.`;
}

/** What follows the title: who is missing. */
export function missing(topology: Topology): string {
  const silent = silentNodes(topology).length;
  const one = topology.coverage.reporting === 1;
  if (topology.coverage.reporting === 0 && silent === 0) return '';
  if (silent === 0) return one ? 'It talks to no node that does not report.' : 'They talk to no node that does not report.';
  const who = one ? 'It talks to' : 'They talk to';
  const whom = silent === 1 ? 'one node that does not report' : `${inWords(silent)} nodes that do not report`;
  return `${who} ${whom}. With an agent on ${silent === 1 ? 'it, its' : 'them, their'} names and processes appear here.`;
}

/** `web01: 4 services and 24 connections`: what is on the chart of a node. */
export function nodeLine(topology: Topology, name: string): string {
  const services = [...topology.services.values()].filter((s) => s.node === name).length;
  const connections = [...topology.connections.values()].filter((c) => c.client.node === name || c.server.node === name);
  const found = [
    ...(services > 0 ? [plural(services, 'service')] : []),
    ...(connections.length > 0 ? [plural(connections.length, 'connection')] : []),
  ];
  return found.length > 0 ? `${name}: ${found.join(' and ')}, found without configuration.` : `${name}: nothing of it is on this chart.`;
}

/** What the coverage line means by one-sided. */
export const ONE_SIDED = 'One-sided: edges between two nodes that only one of them reports.';

export function coverageLine({ nodes, reporting, left = 0, connections, one_sided }: Coverage): string {
  const share = connections === 0 ? 0 : Math.round((100 * one_sided) / connections);
  return `${figure(reporting)} of ${plural(nodes, 'node')} ${reporting === 1 ? 'reports' : 'report'}, ${share} % of connections one-sided${left > 0 ? `, ${figure(left)} shut down` : ''}`;
}

/** How many addresses stand behind an end that is many: the most that any of its connections has. */
export function peersOf(connections: Iterable<Pick<Connection, 'peers'>>): number {
  let most = 0;
  for (const { peers = 0 } of connections) most = Math.max(most, peers);
  return most;
}

/** `gunicorn → postgres, 12 open, 87 opened`: a connection in one line. */
export function connectionLine({ client, server, directed, count, opened }: Connection, named: Namer = AS_IS): string {
  const port = server.port > 0 ? ` :${server.port}` : '';
  const from = client.process || named(client.node);
  const to = server.process || `${named(server.node)}${port}`;
  const since = opened > 0 ? `, ${figure(opened)} opened` : '';
  return `${from} ${directed ? '→' : '—'} ${to}, ${figure(count)} open${since}`;
}

/** `app-worker → 10.20.4.53:5432`: who connects to which port. */
export function edgeText({ client, server, directed }: Connection, named: Namer = AS_IS): string {
  const to = named(server.node);
  const node = to.includes(':') ? `[${to}]` : to;
  const port = server.port > 0 ? `:${server.port}` : '';
  return `${client.process || named(client.node)} ${directed ? '→' : '—'} ${port ? node : to}${port}`;
}

/** Attempts that came to nothing, `refused 12 attempts`; none when there were none. */
export function fruitless({ refused, timed_out, failed }: Connection): string[] {
  const counted = [['refused', refused], ['timed out', timed_out], ['failed', failed]] as const;
  return counted.flatMap(([how, n]) => (n ? [`${how} ${plural(n, 'attempt')}`] : []));
}

/** Who reports a connection, and from which end: `web1 reports it at the client’s end, db1 at the server’s.` */
export function evidenceLine(seen: readonly Sighting[] | null): string {
  if (!seen) return 'It stands for the connections of several nodes, each of which rests on its own reports.';
  const at = (end: Sighting['end']): string[] => [...new Set(seen.filter((s) => s.end === end).map((s) => s.node))];
  const report = (nodes: readonly string[]): string => `${nodes.join(' and ')} ${nodes.length === 1 ? 'reports' : 'report'} it`;
  const client = at('client');
  const server = at('server');
  if (client.length + server.length === 0) return 'No sighting of it is kept.';
  if (client.join() === server.join()) return `${report(client)} at both ends.`;
  if (server.length === 0) return `${report(client)} at the client’s end; nobody reports it at the server’s.`;
  if (client.length === 0) return `${report(server)} at the server’s end; nobody reports it at the client’s.`;
  return `${report(client)} at the client’s end, ${server.join(' and ')} at the server’s.`;
}

/**
 * What an end was taken for, and why: `client’s end is vm: reports itself.` A node that
 * has no other name than its address is not named again.
 */
export function resolvedLine(end: Sighting['end'], node: string, how: string | undefined, address?: string): string {
  const is = node === address ? '' : ` is ${node}`;
  return `${end}’s end${is}${how ? `: ${how}` : ''}.`;
}

/** Whether both ends are known to be one connection, or only that they fit. */
export function confirmedLine({ confirmed, both_ends }: Evidence): string {
  if (confirmed) return 'Both ends name the same sockets: it is one connection, whatever addresses lie between.';
  if (both_ends) return 'Their addresses fit; that the sockets are the same was not compared.';
  return '';
}

/** How a node is known, and when it went if it said so: `shut down 14:02`. */
export function stateWord(node: NodeInfo, at: (moment: string) => string): string {
  if (node.kind === 'internet') return 'everything outside';
  if (node.kind === 'network') return 'network';
  if (node.kind === 'virtual') return 'virtual address';
  if (node.kind === 'pool' || node.kind === 'group') return node.kind;
  const said = SAID[node.state];
  if (said) return `${said} ${at(node.last_report ?? '')}`;
  return node.state === 'reporting' ? 'reports' : 'does not report';
}

/** Who can reach a service, where that is known. */
export function scopeWord(service: Service): string {
  return service.scope === 'loopback' ? 'only this host can reach it' : '';
}

/** Connections of a node: those that arrive, those that leave, those that stay inside. */
export function split(connections: Iterable<Connection>, name: string) {
  const into: Connection[] = [];
  const out: Connection[] = [];
  const inside: Connection[] = [];
  for (const c of connections) {
    if (c.client.node === name && c.server.node === name) inside.push(c);
    else if (c.server.node === name) into.push(c);
    else if (c.client.node === name) out.push(c);
  }
  const byCount = (a: Connection, b: Connection): number => b.count - a.count || byServer(a, b);
  return { into: into.sort(byCount), out: out.sort(byCount), inside: inside.sort(byCount) };
}
