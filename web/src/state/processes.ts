import type { Service, Status } from '../api/types';
import { isBad, openOf, severity } from './checks';
import type { Judge } from './health';

/** Services by the process that runs them. */

export interface ProcessRow {
  /** The process, and what tells those without a name apart. */
  key: string;
  process: string;
  services: readonly Service[];
  nodes: number;
  ports: readonly string[];
  /** Sockets of clients that are open now. */
  clients: number;
  /** Services with an open alert, in trouble at their sockets, and without any check. */
  alerts: number;
  signals: number;
  unchecked: number;
  /** Services that stopped. */
  gone: number;
  /** The one that is worst off: it gives the row its shape. */
  worst: Service;
  lastUsed: string;
  lastUp: string;
}

/** What the services can be narrowed to. */
export type ServiceFilter = '' | 'trouble' | 'unchecked' | 'idle' | 'gone';

export const SERVICE_FILTERS: readonly (readonly [ServiceFilter, string])[] = [
  ['', 'All services'],
  ['trouble', 'In trouble'],
  ['unchecked', 'Without a check'],
  ['idle', 'No use seen'],
  ['gone', 'Stopped'],
];

const NO_CHECK: readonly Status[] = ['NONE'];

function isOf(s: Service, filter: ServiceFilter, judge: Judge): boolean {
  switch (filter) {
    case '':
      return true;
    case 'trouble':
      return isBad(openOf(s)) || judge.service(s).length > 0;
    case 'unchecked':
      return s.state !== 'gone' && NO_CHECK.includes(s.status);
    case 'idle':
      return s.state !== 'gone' && !s.last_connection;
    case 'gone':
      return s.state === 'gone';
  }
}

/** The services of a filter in which every word stands. */
export function narrowedServices(services: readonly Service[], filter: ServiceFilter, find: string, judge: Judge): readonly Service[] {
  const words = find.toLowerCase().split(/\s+/).filter(Boolean);
  return services.filter((s) => {
    if (!isOf(s, filter, judge)) return false;
    const text = [s.process, s.node, `:${s.port}`, s.protocol, s.unit, s.container, s.user].join('\n').toLowerCase();
    return words.every((w) => text.includes(w));
  });
}

/** Services without a name are one process only where they have one port. */
export function processKey({ process, protocol, port }: Pick<Service, 'process' | 'protocol' | 'port'>): string {
  return process || `${protocol} :${port}`;
}

const latest = (services: readonly Service[], of: (s: Service) => string | undefined): string => services.reduce((last, s) => ((of(s) ?? '') > last ? (of(s) ?? '') : last), '');

function rowOf(key: string, services: readonly Service[], judge: Judge): ProcessRow {
  const rank = (s: Service): number => (s.state === 'gone' ? -1 : severity(openOf(s)) * 10 + judge.service(s).length);
  const ports = [...services].sort((a, b) => a.port - b.port).map((s) => `${s.protocol === 'udp' ? 'udp ' : ''}:${s.port}`);
  const live = services.filter((s) => s.state !== 'gone');
  return {
    key,
    process: services[0]?.process ?? '',
    services,
    nodes: new Set(services.map((s) => s.node)).size,
    ports: [...new Set(ports)],
    clients: services.reduce((n, s) => n + s.clients, 0),
    alerts: services.filter((s) => isBad(openOf(s))).length,
    signals: services.filter((s) => judge.service(s).length > 0).length,
    unchecked: live.filter((s) => NO_CHECK.includes(s.status)).length,
    gone: services.length - live.length,
    worst: services.reduce((worst, s) => (rank(s) > rank(worst) ? s : worst)),
    lastUsed: latest(services, (s) => s.last_connection),
    lastUp: latest(services, (s) => s.last_seen),
  };
}

/** One row for each process. */
export function byProcess(services: readonly Service[], judge: Judge): ProcessRow[] {
  const groups = new Map<string, Service[]>();
  for (const s of services) {
    const key = processKey(s);
    const held = groups.get(key);
    if (held) held.push(s);
    else groups.set(key, [s]);
  }
  return [...groups].map(([key, list]) => rowOf(key, list, judge));
}
