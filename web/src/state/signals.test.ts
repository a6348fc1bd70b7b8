import { describe, expect, it } from 'vitest';
import type { Check, SocketSignal } from '../api/types';
import { makeCheck } from '../fixtures';
import { shopFixture, shopPairs, shopPools } from '../fixtures/shop';
import { signalsById, signalsOf } from './signals';
import { fromDocument } from './topology';

const EDGE = 'app01 puma db01~tcp~5432';

function signal(change: Partial<SocketSignal> = {}, more: Partial<Check> = {}): Check {
  const client = { node: 'app01', process: 'puma', service: 'app01~tcp~9292' };
  const server = { node: 'db01', port: 5432, process: 'postgres', service: 'db01~tcp~5432' };
  return {
    ...makeCheck({ id: 'dotm refused', source: 'dotm', status: 'CRITICAL', output: 'app01 puma → db01 postgres:5432: 12 attempts to connect refused in the last minute; usual: none' }),
    signal: { kind: 'refused', connection: EDGE, client, server, figure: 12, ...change },
    ...more,
  };
}

describe('signals', () => {
  it('stand on the connection that they are about, in its own words', () => {
    const found = signalsOf(fromDocument(shopFixture()), [signal()]);
    expect([...found]).toEqual([[EDGE, [{ severity: 'failing', short: '12 refused', text: '12 attempts to connect refused in the last minute; usual: none', kind: 'refused' }]]]);
  });

  it.each<[Partial<SocketSignal>, string]>([
    [{ kind: 'unreachable', figure: 3 }, '3 unanswered'],
    [{ kind: 'retransmits', figure: 0.12 }, '12 % resent'],
    [{ kind: 'slow', figure: 480 }, 'slow, 480 ms'],
    [{ kind: 'close-wait', figure: 40 }, '40 not closed'],
    [{ kind: 'gone', figure: 9 }, 'gone'],
    [{ kind: 'something-new', figure: 1 }, 'something-new'],
  ])('%j is short for a line', (change, short) => {
    expect(signalsOf(fromDocument(shopFixture()), [signal(change)]).get(EDGE)?.[0]?.short).toBe(short);
  });

  it('stand on what the connection is part of, in pools and between nodes', () => {
    const pools = shopPools();
    const raw = signal({ connection: 'not on this chart' });
    expect([...signalsOf(fromDocument({ ...pools, connections: pools.connections.map((c) => ({ ...c, id: `p ${c.id}` })) }), [raw]).keys()]).toEqual([`p ${EDGE}`]);
    expect([...signalsOf(fromDocument(shopPairs()), [raw]).keys()]).toEqual(['app01 db01']);
    expect(signalsById([raw]).has('not on this chart')).toBe(true);
  });

  it('of many edges that are one line, are told by the worst of each kind', () => {
    const found = signalsOf(fromDocument(shopFixture()), [signal({ figure: 2 }, { status: 'WARNING' }), signal({ figure: 9 }), signal({ figure: 4 }, { status: 'WARNING' }), signal({ kind: 'slow', figure: 80 }, { status: 'WARNING' })]);
    expect(found.get(EDGE)?.map((t) => `${t.severity} ${t.short}`)).toEqual(['failing 9 refused', 'strained slow, 80 ms']);
  });

  it('are none where they are about no connection, stale, or gone from the chart', () => {
    const topology = fromDocument(shopFixture());
    const endless: SocketSignal = { kind: 'refused', connection: 'x', figure: 1 };
    expect(signalsOf(topology, [signal({ connection: '' }), signal({}, { stale: true }), makeCheck({}), { ...signal(), signal: endless }]).size).toBe(0);
    expect(signalsOf(null, [signal()]).size).toBe(0);
  });
});
