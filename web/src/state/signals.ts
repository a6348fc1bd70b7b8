import type { Check, SocketSignal } from '../api/types';
import { figure, percent } from '../lib/format';
import type { Trouble } from './health';
import type { Topology } from './topology';

/** What dotm's own checks say of connections. */

/** The signals of a chart's connections, by their id. */
export type Signals = ReadonlyMap<string, readonly Trouble[]>;

export const NO_SIGNALS: Signals = new Map();

/** On a line: `12 refused`, `480 ms, usually 12`. */
const SHORT: Readonly<Record<string, (s: SocketSignal) => string>> = {
  refused: (s) => `${figure(s.figure)} refused`,
  unreachable: (s) => `${figure(s.figure)} unanswered`,
  retransmits: (s) => `${percent(s.figure)} resent`,
  slow: (s) => `slow, ${figure(s.figure)} ms`,
  'close-wait': (s) => `${figure(s.figure)} not closed`,
  gone: () => 'gone',
};

/** What it says, without the two ends that the line has anyway. */
function sentence({ output }: Pick<Check, 'output'>): string {
  const at = output.includes(' → ') ? output.indexOf(': ', output.indexOf(' → ')) : -1;
  return at < 0 ? output : output.slice(at + 2);
}

/** A signal as the trouble of a line. */
export function troubleOf(check: Check & { signal: SocketSignal }): Trouble {
  const { signal, status } = check;
  const short = SHORT[signal.kind]?.(signal) ?? signal.kind;
  return { severity: status === 'WARNING' || status === 'UNKNOWN' ? 'strained' : 'failing', short, text: sentence(check), kind: signal.kind };
}

function isSignal(check: Check): check is Check & { signal: SocketSignal } {
  return check.signal !== undefined && (check.signal.connection ?? '') !== '' && !check.stale;
}

/** The connection of a chart that an edge is, or is part of where boxes stand for many. */
function edgesOn(topology: Topology, signals: readonly SocketSignal[]): Map<SocketSignal, string> {
  const found = new Map<SocketSignal, string>();
  const loose: SocketSignal[] = [];
  for (const s of signals) {
    if (topology.connections.has(s.connection ?? '')) found.set(s, s.connection ?? '');
    else if (s.client && s.server) loose.push(s);
  }
  if (loose.length === 0) return found;
  const boxes = new Map<string, string>();
  for (const n of topology.nodes.values()) for (const m of n.members ?? []) boxes.set(m.name, n.name);
  const key = (client: string, process: string, server: string, port: number): string => [client, process, server, port].join('\n');
  const edges = new Map([...topology.connections.values()].map((c) => [key(c.client.node, c.client.process, c.server.node, c.server.port), c.id]));
  for (const s of loose) {
    if (!s.client || !s.server) continue;
    const [from, to] = [boxes.get(s.client.node) ?? s.client.node, boxes.get(s.server.node) ?? s.server.node];
    // Between nodes and between groups one edge stands for all.
    const id = edges.get(key(from, s.client.process, to, s.server.port)) ?? edges.get(key(from, '', to, 0));
    if (id !== undefined) found.set(s, id);
  }
  return found;
}

/** Of many edges that are one line, the worst of each kind speaks. */
function note(found: Map<string, Trouble[]>, id: string, trouble: Trouble): void {
  const held = found.get(id) ?? [];
  if (held.some((t) => t.kind === trouble.kind && t.severity === 'failing')) return;
  found.set(id, [...held.filter((t) => t.kind !== trouble.kind), trouble]);
}

/** What the open checks say of the connections of a chart. */
export function signalsOf(topology: Topology | null, checks: readonly Check[]): Signals {
  const told = checks.filter(isSignal);
  if (!topology || told.length === 0) return NO_SIGNALS;
  const edges = edgesOn(topology, told.map((c) => c.signal));
  const found = new Map<string, Trouble[]>();
  for (const c of told) {
    const id = edges.get(c.signal);
    if (id !== undefined) note(found, id, troubleOf(c));
  }
  return found;
}

/** The same of connections as they are, whatever the chart shows. */
export function signalsById(checks: readonly Check[]): Signals {
  const found = new Map<string, Trouble[]>();
  for (const c of checks.filter(isSignal)) note(found, c.signal.connection ?? '', troubleOf(c));
  return found;
}
