import { describe, expect, it } from 'vitest';
import type { Connection, Problem, SettingName, Settings } from '../api/types';
import { oneHostFixture } from '../fixtures';
import { split } from '../state/words';
import { HUB_HEAD, HUB_ROW, PEER, buildFlow, peerTop } from './flow';
import { errorsFor, fromText, inUnits, toText } from './Settings';

const doc = oneHostFixture();
const services = doc.services.filter((s) => s.node === 'vm');
const { into, out } = split(doc.connections, 'vm');

describe('buildFlow', () => {
  const flow = buildFlow(services, into, out);

  it('has a row for each service and each client that is none', () => {
    expect(flow.rows.filter((r) => r.service).length).toBe(services.length);
    expect(flow.rows.filter((r) => !r.service).map((r) => r.process).sort()).toEqual(['apt', 'icinga2']);
  });

  it('ends each wire at its peer and its row', () => {
    const rowY = (i: number): number => flow.hubTop + HUB_HEAD + (i + 0.5) * HUB_ROW;
    flow.wiresIn.forEach((w, i) => {
      expect(w.from).toBe(peerTop(i, flow.into.length, flow.height) + PEER / 2);
      expect(w.to).toBe(rowY(flow.rows.findIndex((r) => r.key === flow.into[i]?.row)));
    });
    expect(flow.wiresOut).toHaveLength(out.length);
  });

  it('totals all peers, also those it does not show', () => {
    const many = Array.from({ length: 30 }, (_, i) => ({ ...(into[0] as Connection), id: `x${i}`, count: 2, client: { node: `n${i}`, process: '', service: '' } }));
    expect(buildFlow(services, many, []).totalInto).toEqual({ open: 60, nodes: 30 });
  });

  it('shows twelve peers and counts the rest', () => {
    const many = Array.from({ length: 30 }, (_, i) => ({ ...(into[0] as Connection), id: `x${i}` }));
    const busy = buildFlow(services, many, []);
    expect([busy.into.length, busy.moreInto, busy.moreOut]).toEqual([12, 18, 0]);
  });

  it('has a place for a node nobody knows anything about', () => {
    const empty = buildFlow([], [], []);
    expect(empty.height).toBeGreaterThan(HUB_HEAD);
    expect(empty.rows).toEqual([]);
  });

  it('draws a connection without a known row to the header', () => {
    const lost = buildFlow(services, [{ ...(into[0] as Connection), server: { node: 'vm', port: 1, process: '', service: '' } }], []);
    expect(lost.wiresIn[0]?.to).toBe(lost.hubTop + HUB_HEAD / 2);
  });
});

describe('settings', () => {
  const settings: Settings = {
    ageing: '5m',
    hide_after: '840h',
    expire_after: '0s',
    stale_after: '1m30s',
    retention: '720h',
    retention_bytes: 4 * 1024 ** 3,
    key_frames: '24h',
    ledger_retention: '9600h',
    poll_interval: '1m',
    internal_networks: ['10.0.0.0/8', 'fc00::/7'],
    outside_networks: [{ name: 'the provider', networks: ['198.51.100.0/24', '2001:db8::/32'] }],
    virtual_addresses: [{ address: '10.0.0.100', name: 'shop' }, { address: 'fd00::100', name: 'shop 6' }],
    names: [{ address: '10.0.0.7', name: 'printer' }],
    names_by: 'hosts',
    internet_split: 'country',
    ignored_ports: [53, 123],
    ignored_names: ['rpc.statd'],
  };

  it.each(Object.keys(settings) as SettingName[])('%s comes back from its own text', (name) => {
    expect(fromText(name, toText(settings, name))).toEqual({ [name]: settings[name] });
  });

  it.each([
    ['ignored_ports', '53, 123\n 80 ', { ignored_ports: [53, 123, 80] }],
    ['ignored_ports', '', { ignored_ports: [] }],
    ['ignored_ports', '53 http', { ignored_ports: [53, 'http'] }],
    ['internal_networks', '10.0.0.0/8 fc00::/7', { internal_networks: ['10.0.0.0/8', 'fc00::/7'] }],
    ['ignored_names', ' my daemon \n\nother', { ignored_names: ['my daemon', 'other'] }],
    ['ageing', ' 1m ', { ageing: '1m' }],
    ['hide_after', '35 days', { hide_after: '840h' }],
    ['retention_bytes', '1 GiB', { retention_bytes: 1024 ** 3 }],
    ['retention_bytes', 'plenty', { retention_bytes: 'plenty' }],
    ['names', '\n10.0.0.7\t the printer \n10.0.0.8', { names: [{ address: '10.0.0.7', name: 'the printer' }, { address: '10.0.0.8', name: '' }] }],
    ['outside_networks', 'a:10.1.0.0/16 fd00::/8\nnothing', { outside_networks: [{ name: 'a', networks: ['10.1.0.0/16', 'fd00::/8'] }, { name: 'nothing', networks: [] }] }],
    ['internet_split', 'owner', { internet_split: 'owner' }],
  ] as const)('%s from %j', (name, text, change) => expect(fromText(name, text)).toEqual(change));

  it.each([
    ['840h0m0s', '', '35 days'],
    ['5m', '', '5 minutes'],
    ['1m30s', '', '90 seconds'],
    [' 1h ', '', '1 hour'],
    ['0s', 'for ever', 'for ever'],
    ['0s', '', ''],
    ['soon', 'never', ''],
    ['1.5s', '', ''],
  ])('a duration of %j in words', (text, zero, words) => expect(inUnits(text, zero)).toBe(words));

  it('puts an error to the field it names, and a nameless one to the field that was saved', () => {
    const problem: Problem = {
      title: 'invalid settings',
      status: 422,
      errors: [
        { message: 'at least 1h', location: 'body.hide_after', value: '1s' },
        { message: 'not a CIDR', location: 'body.internal_networks[1]', value: '"x"' },
      ],
    };
    expect(errorsFor(problem, 'hide_after')).toEqual(['at least 1h, is 1s']);
    expect(errorsFor(problem, 'internal_networks')).toEqual(['not a CIDR, is "x"']);
    expect(errorsFor({ title: 'locked', status: 409, detail: 'set in dotm.yaml' }, 'ageing')).toEqual(['set in dotm.yaml']);
    expect(errorsFor({ title: 'locked', status: 409 }, 'ageing')).toEqual(['locked']);
    expect(errorsFor({ title: 'x', status: 422, errors: [{ message: 'a port', value: 70000 }] }, 'ignored_ports')).toEqual(['a port, is 70000']);
  });
});
