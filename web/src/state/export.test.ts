import { describe, expect, it } from 'vitest';
import { NO_FILTER } from './filter';
import { exportLine, exportPath } from './export';
import { HOME, type Route } from './route';

const at = '2026-03-04T05:06:07Z';
const route = (change: Partial<Route>): Route => ({ ...HOME, ...change });

describe('a file of the chart', () => {
  it.each<[string, Partial<Route>, string]>([
    ['all of it', {}, 'export/svg?level=service&hide=ignored%2Cinfrastructure%2Cobservers'],
    ['nothing hidden, a level', { hide: [], level: 'node' }, 'export/svg?level=node&hide=none'],
    ['pools with some open', { hide: [], level: 'pool', expand: ['pool~b', 'pool~a'] }, 'export/svg?level=pool&hide=none&expand=pool~a%2Cpool~b'],
    ['a focus and hops', { hide: [], filter: { ...NO_FILTER, focus: 'a b&c', hops: 3 } }, 'export/svg?level=service&hide=none&focus=a%20b%26c&hops=3'],
    ['a group', { hide: [], filter: { ...NO_FILTER, group: 'group~g' } }, 'export/svg?level=service&hide=none&group=group~g'],
    ['all of a filter', { hide: [], filter: { trouble: true, focus: 'a', hops: 2, group: 'g', process: 'p q', name: 'n', text: 'x y' } }, 'export/svg?level=service&hide=none&trouble=true&focus=a&group=g&process=p%20q&name=n&text=x%20y&hops=2'],
    ['the path of an incident', { hide: [], incident: 'i 1' }, 'export/svg?level=service&hide=none&incident=i%201'],
    ['a moment', { hide: [], at }, 'export/svg?level=service&hide=none&at=2026-03-04T05%3A06%3A07Z'],
  ])('is asked for: %s', (_, change, path) => expect(exportPath('svg', route(change))).toBe(path));

  it('says what it shows', () => {
    const named = (id: string): string => (id === 'g' ? 'shop' : id);
    expect(exportLine(route({}), named, true)).toBe('Nodes and their services, as it is now.');
    expect(exportLine(route({ level: 'pool', at, filter: { ...NO_FILTER, group: 'g' } }), named, true)).toMatch(/^Pools, group shop, as of .*5:06:07/);
    expect(exportLine(route({ filter: { ...NO_FILTER, focus: 'db', hops: 2 } }), named, true)).toBe('Nodes and their services, db and 2 hops around, as it is now.');
    expect(exportLine(route({ filter: { ...NO_FILTER, trouble: true, text: 'x' }, incident: 'i' }), named, true)).toBe('Nodes and their services, x, trouble and 1 hop around, with the path of the incident, as it is now.');
  });
});
