import { describe, expect, it } from 'vitest';
import atlas from 'world-atlas/countries-50m.json';
import type { GeoPlace } from '../api/types';
import { numberOf } from './codes';
import { HEIGHT, WIDTH, busyness, countriesOf, countryBy, marksOf, pointOf, projectionFor } from './map';

const world = countriesOf(atlas);

const place = (name: string, more: Partial<GeoPlace>): GeoPlace => ({
  name, by: 'configuration', latitude: null, longitude: null, status: 'OK', open_status: 'OK', total: 1, in_trouble: 0, silent: 0, nodes: [], ...more,
});

describe('the atlas', () => {
  it.each([
    ['DE', 'Germany', [10, 51]],
    ['FR', 'France', [2, 47]], // not between Europe and its parts overseas
    ['US', 'United States of America', [-99, 40]],
    ['SG', 'Singapore', [104, 1]],
  ] as const)('has %s, which is %s', (code, name, [lon, lat]) => {
    const found = countryBy(world, code);
    expect(found?.name).toBe(name);
    expect(Math.abs((found?.centre[0] ?? 0) - lon)).toBeLessThan(3);
    expect(Math.abs((found?.centre[1] ?? 0) - lat)).toBeLessThan(3);
  });

  it('knows no country of what is no code', () => {
    expect(numberOf('AQ')).toBe('010');
    for (const code of ['', 'de', 'XX', '00']) expect([code, numberOf(code), countryBy(world, code)]).toEqual([code, '', null]);
  });
});

describe('places', () => {
  it('stand where they are, else in the middle of their country, else nowhere', () => {
    expect(pointOf(place('a', { latitude: 1, longitude: 2, country: 'DE' }), world)).toEqual([2, 1]);
    expect(pointOf(place('b', { country: 'DE' }), world)?.[1]).toBeCloseTo(51, 0);
    expect(pointOf(place('c', {}), world)).toBeNull();
    expect(pointOf(place('d', { latitude: 0, longitude: 0 }), world)).toEqual([0, 0]);
  });

  it('are one mark where they are near each other, at the one that is worst', () => {
    const near = [place('fine', { latitude: 50, longitude: 8 }), place('bad', { latitude: 50.1, longitude: 8.1, open_status: 'CRITICAL' }), place('far', { latitude: -30, longitude: 140 })];
    const marks = marksOf(near, world, projectionFor([]), 30);
    expect(marks.map((m) => m.places.map((p) => p.name))).toEqual([['bad', 'fine'], ['far']]);
    const apart = marksOf(near.slice(0, 2), world, projectionFor([[8, 50], [8.1, 50.1]]), 1);
    expect(apart).toHaveLength(2);
  });

  it.each([
    ['one', [[8, 50]]],
    ['two far apart', [[-120, 40], [150, -30]]],
    ['one at a pole', [[0, 90]]],
  ] as const)('all lie in the drawing around %s', (_, points) => {
    const project = projectionFor(points.map(([x, y]) => [x, y] as const));
    for (const [x, y] of points) {
      const [px = -1, py = -1] = project([x, y]) ?? [];
      expect(px).toBeGreaterThanOrEqual(-0.5);
      expect(px).toBeLessThanOrEqual(WIDTH + 0.5);
      expect(py).toBeGreaterThanOrEqual(-0.5);
      expect(py).toBeLessThanOrEqual(HEIGHT + 0.5);
    }
  });
});

it('countries are busy in four steps', () => {
  const country = (open: number) => ({ code: 'DE', name: 'Germany', peers: 1, connections: 1, in: open, out: 0 });
  expect([0, 1, 10, 100, 1000].map((n) => busyness(country(n), 1000))).toEqual([1, 1, 2, 3, 4]);
});
