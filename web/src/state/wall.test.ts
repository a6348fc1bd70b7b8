import { describe, expect, it } from 'vitest';
import type { ChartNode, Check } from '../api/types';
import { oneHostFixture } from '../fixtures';
import { fromDocument } from './topology';
import { boxOf, newTrouble, pixelShift, troublesOf, wallAsked, wallScale } from './wall';

const topology = fromDocument(oneHostFixture());
const check = (id: string, status: Check['status'], node = 'vm'): Check => ({ id, status, node, host: node, name: id }) as Check;

describe('wallAsked', () => {
  it.each([
    ['?wall=1', '', true],
    ['?wall', '', true],
    ['', '#/chart?wall=1', true],
    ['?wall=0', '', false],
    ['', '#/chart?hide=none', false],
  ])('%s %s', (search, hash, asked) => expect(wallAsked({ search, hash })).toBe(asked));
});

describe('wallScale', () => {
  it('makes the smallest name a 90th of the height, and nothing smaller than it is', () => {
    expect((11 * wallScale(2160)) / 2160).toBeCloseTo(1 / 90);
    expect(wallScale(600)).toBe(1);
  });
});

describe('pixelShift', () => {
  it('moves every ten minutes and comes back', () => {
    const places = [0, 1, 2, 3, 4].map((i) => pixelShift(i * 600_000));
    expect(places).toEqual([{ x: 0, y: 0 }, { x: 2, y: 0 }, { x: 2, y: 2 }, { x: 0, y: 2 }, { x: 0, y: 0 }]);
  });
});

describe('new trouble', () => {
  const now = Date.parse(topology.at);

  it('is the worst of what was not there before', () => {
    const troubles = troublesOf(topology, [check('old', 'DOWN'), check('slow', 'WARNING'), check('disk', 'CRITICAL')], now);
    expect(newTrouble(new Set(['check old']), troubles)).toMatchObject({ key: 'check disk', node: 'vm' });
  });

  it('is none at first sight, and none when all is known', () => {
    const troubles = troublesOf(topology, [check('disk', 'CRITICAL')], now);
    expect(newTrouble(null, troubles)).toBeNull();
    expect(newTrouble(new Set(troubles.map((t) => t.key)), troubles)).toBeNull();
  });

  it('of no node is nowhere to fly to', () => {
    expect(troublesOf(topology, [check('site', 'DOWN', '')], now)).toEqual([]);
  });
});

describe('boxOf', () => {
  it('is the node itself, or the pool that has it', () => {
    const boxes = [{ name: 'pool~web', kind: 'pool', members: [{ name: 'web7', kind: 'host' }] }, { name: 'db1', kind: 'host' }] as unknown as ChartNode[];
    const nodes = new Map(boxes.map((b) => [b.name, b]));
    expect(['db1', 'web7', 'nobody'].map((n) => boxOf({ nodes }, n))).toEqual(['db1', 'pool~web', '']);
  });
});
