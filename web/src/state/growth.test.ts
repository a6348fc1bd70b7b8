import { describe, expect, it } from 'vitest';
import type { Connection, Service } from '../api/types';
import { oneHostFixture } from '../fixtures';
import { FRESH_MS, type Grown, grow, isFresh } from './growth';
import { type Topology, fromDocument } from './topology';

const [first] = oneHostFixture().connections;
const [listener] = oneHostFixture().services;
if (!first || !listener) throw new Error('the fixture is empty');

const NOW = 1_000_000;

function held(connection: Partial<Connection> = {}, service: Partial<Service> = {}, grown: Grown = new Map()): Topology {
  const doc = oneHostFixture();
  return { ...fromDocument({ ...doc, connections: [{ ...first, ...connection } as Connection], services: [{ ...listener, ...service } as Service] }), grown };
}

function after(before: Topology, connection: Partial<Connection>, now = NOW): Grown {
  return grow(before, { connections: [{ ...first, ...connection } as Connection] }, now);
}

describe('grow', () => {
  it.each([
    ['refused', { refused: 5 }, { refused: 12 }, { refused: { by: 7, at: NOW } }],
    ['refused for the first time', {}, { refused: 2 }, { refused: { by: 2, at: NOW } }],
    ['timed out', { timed_out: 1 }, { timed_out: 2 }, { timed_out: { by: 1, at: NOW } }],
    ['both', {}, { refused: 1, timed_out: 2 }, { refused: { by: 1, at: NOW }, timed_out: { by: 2, at: NOW } }],
  ])('counts what was %s', (_, from, to, growth) => expect(after(held(from), to).get(first.id)).toEqual(growth));

  it.each([
    ['what stays', { refused: 5 }, { refused: 5 }],
    ['a counter that began anew', { refused: 5 }, { refused: 1 }],
    ['attempts that were given up', {}, { failed: 9 }],
    ['other figures', {}, { opened: 900, count: 70 }],
  ])('says nothing of %s', (_, from, to) => expect(after(held(from), to).size).toBe(0));

  it('says nothing of a connection that was not there before', () => {
    expect(after(held(), { id: 'new', refused: 12 }).size).toBe(0);
  });

  it('counts connections that a service turned away', () => {
    const grown = grow(held({}, { drops: 17 }), { services: [{ ...listener, drops: 20 }] }, NOW);
    expect(grown.get(listener.id)).toEqual({ drops: { by: 3, at: NOW } });
  });

  it('adds up while it goes on, and begins anew after a pause', () => {
    const soon = held({ refused: 12 }, {}, new Map([[first.id, { refused: { by: 7, at: NOW - FRESH_MS + 1 } }]]));
    expect(after(soon, { refused: 13 }).get(first.id)).toEqual({ refused: { by: 8, at: NOW } });
    const late = held({ refused: 12 }, {}, new Map([[first.id, { refused: { by: 7, at: NOW - FRESH_MS } }]]));
    expect(after(late, { refused: 13 }).get(first.id)).toEqual({ refused: { by: 1, at: NOW } });
  });

  it('keeps what is fresh when something else changes, and forgets what is not', () => {
    const grown: Grown = new Map([
      ['fresh', { refused: { by: 1, at: NOW - 1000 } }],
      ['stale', { refused: { by: 1, at: NOW - FRESH_MS } }],
    ]);
    expect([...after(held({}, {}, grown), { opened: 900 }).keys()]).toEqual(['fresh']);
  });

  it('keeps one counter when another grows', () => {
    const grown: Grown = new Map([[first.id, { timed_out: { by: 4, at: NOW - 1000 } }]]);
    expect(after(held({}, {}, grown), { refused: 1 }).get(first.id)).toEqual({ timed_out: { by: 4, at: NOW - 1000 }, refused: { by: 1, at: NOW } });
  });

  it('leaves what was before as it was', () => {
    const before = held();
    after(before, { refused: 3 });
    expect(before.grown.size).toBe(0);
  });

  it('takes lists that are absent or null, as deltas have them', () => {
    expect(grow(held(), { connections: null }, NOW).size).toBe(0);
    expect(grow(held(), {}, NOW).size).toBe(0);
  });
});

it.each([[0, true], [FRESH_MS - 1, true], [FRESH_MS, false], [-5000, true]])('a growth of %d ms ago is fresh: %s', (ago, fresh) => {
  expect(isFresh({ by: 1, at: NOW - ago }, NOW)).toBe(fresh);
  expect(isFresh(undefined, NOW)).toBe(false);
});
