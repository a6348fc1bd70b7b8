import { describe, expect, it } from 'vitest';
import { dice } from '../fixtures';
import { Versions, changedSince } from './versions';

describe('Versions', () => {
  it('are as they were, however many come after them', () => {
    const roll = dice(7);
    const all: { is: Versions<number>; plain: Map<string, number> }[] = [];
    let is = new Versions<number>([['a', 1], ['b', 2]]);
    let plain = new Map(is);
    for (let step = 0; step < 60; step++) {
      all.push({ is, plain });
      const id = (): string => 'abcdefgh'.charAt(Math.floor(roll() * 8));
      const put = 'abc'.slice(0, Math.floor(roll() * 4)).split('').map((): [string, number] => [id(), step]);
      const gone = roll() < 0.4 ? [id()] : [];
      // Now and then from an old one, as from any other map.
      const from = roll() < 0.1 ? all[Math.floor(roll() * all.length)] : undefined;
      if (from) [is, plain] = [from.is, from.plain];
      plain = new Map(plain);
      for (const name of gone) plain.delete(name);
      for (const [name, n] of put) plain.set(name, n);
      is = is.with(put, gone);
    }
    const sorted = (map: Iterable<readonly [string, number]>): unknown => [...map].sort();
    for (const { is, plain } of all) {
      expect(sorted(is)).toEqual(sorted(plain));
      expect(is.size).toBe(plain.size);
      for (const id of 'abcdefgh') expect([is.get(id), is.has(id)]).toEqual([plain.get(id), plain.has(id)]);
    }
    for (const a of all) {
      for (const b of all) {
        const found = changedSince(a.is, b.is);
        if (!found) continue;
        for (const id of 'abcdefgh') {
          if (found.has(id)) expect(found.get(id)).toEqual([a.plain.get(id), b.plain.get(id)]);
          else expect(a.plain.get(id)).toBe(b.plain.get(id));
        }
      }
    }
  });

  it('know what changed on the way to a later one, and to no other', () => {
    const first = new Versions([['a', 1], ['b', 2]]);
    const second = first.with([['a', 3]], ['b']);
    const third = second.with([['c', 4]]);
    expect([...(changedSince(first, third) ?? [])]).toEqual([['b', [2, undefined]], ['a', [1, 3]], ['c', [undefined, 4]]]);
    expect([...(changedSince(second, second) ?? [0])]).toEqual([]);
    expect(changedSince(third, first)).toBeNull();
    expect(changedSince(new Map([['a', 1]]), third)).toBeNull();
    expect(second.with([], ['nothing'])).toBe(second);
  });
});
