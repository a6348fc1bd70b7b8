import { describe, expect, it } from 'vitest';
import type { Service } from '../api/types';
import { CALM, type Judge } from './health';
import { byProcess, narrowedServices } from './processes';

const service = (id: string, more: Partial<Service> = {}): Service => ({
  id, node: id, protocol: 'tcp', port: 80, process: 'nginx', addresses: [], scope: 'host', state: 'listening', own: false, ignored: false,
  status: 'OK', open_status: 'OK', clients: 1, first_seen: '2026-01-01T00:00:00Z', last_seen: '2026-03-01T00:00:00Z', ...more,
});

const SITE = [
  service('a', { clients: 4, last_connection: '2026-03-01T10:00:00Z' }),
  service('b', { port: 443, status: 'CRITICAL', open_status: 'CRITICAL', clients: 2, last_connection: '2026-03-01T11:00:00Z' }),
  service('b2', { node: 'b', protocol: 'udp', port: 443, status: 'NONE', open_status: 'NONE' }),
  service('c', { state: 'gone', clients: 0 }),
  service('d', { process: '', port: 9000 }),
  service('e', { process: '', port: 9001 }),
];

describe('services by process', () => {
  it('are counted with their nodes, ports, clients and alerts', () => {
    const [nginx] = byProcess(SITE, CALM);
    expect(nginx).toMatchObject({ key: 'nginx', nodes: 3, clients: 7, alerts: 1, signals: 0, unchecked: 1, gone: 1, ports: [':80', ':443', 'udp :443'], lastUsed: '2026-03-01T11:00:00Z' });
    expect(nginx?.worst.id).toBe('b');
  });

  it('without a name are one only where they have one port', () => {
    expect(byProcess(SITE, CALM).map((r) => r.key)).toEqual(['nginx', 'tcp :9000', 'tcp :9001']);
  });

  it('count trouble of the sockets, and show it where no check is worse', () => {
    const judge: Judge = { ...CALM, service: (s) => (s.id === 'a' ? [{ severity: 'failing', short: 'full', text: 'full', kind: 'queue' }] : []) };
    const [nginx] = byProcess(SITE.filter((s) => s.id !== 'b'), judge);
    expect(nginx).toMatchObject({ signals: 1, alerts: 0 });
    expect(nginx?.worst.id).toBe('a');
  });
});

describe('what services are narrowed to', () => {
  const ids = (...args: [Parameters<typeof narrowedServices>[1], string]): string[] => narrowedServices(SITE, ...args, CALM).map((s) => s.id);
  it.each([
    ['', '', ['a', 'b', 'b2', 'c', 'd', 'e']],
    ['trouble', '', ['b']],
    ['unchecked', '', ['b2']],
    ['idle', '', ['b2', 'd', 'e']],
    ['gone', '', ['c']],
    ['', ':9000', ['d']],
    ['', 'NGINX udp', ['b2']],
    ['gone', 'nothing', []],
  ] as const)('%s %s', (only, find, want) => expect(ids(only, find)).toEqual(want));
});
