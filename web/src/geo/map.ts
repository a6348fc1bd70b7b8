import { type GeoPermissibleObjects, type GeoProjection, geoCentroid, geoNaturalEarth1, geoPath } from 'd3-geo';
import { feature } from 'topojson-client';
import type { Feature as GeoFeature, FeatureCollection, Geometry } from 'geojson';
import type { GeometryCollection, Topology } from 'topojson-specification';
import type { GeoCountry, GeoPlace } from '../api/types';
import { severity } from '../state/checks';
import { numberOf } from './codes';

/** The world as outlines, and what stands where on it. Drawn in this browser: nothing is asked for elsewhere. */

export const WIDTH = 960;
export const HEIGHT = 480;

export interface Country {
  /** ISO 3166-1 number; '' for the few that have none. */
  id: string;
  name: string;
  shape: GeoPermissibleObjects;
  centre: readonly [number, number];
}

/** Countries of the atlas. */
export function countriesOf(atlas: unknown): Country[] {
  const world = atlas as Topology<{ countries: GeometryCollection<{ name: string }> }>;
  const { features } = feature(world, world.objects.countries) as FeatureCollection<Geometry, { name: string }>;
  return features.map((f) => ({
    id: f.id === undefined ? '' : String(f.id),
    name: f.properties.name,
    shape: f,
    centre: geoCentroid(largest(f)),
  }));
}

type Shape = Parameters<typeof geoCentroid>[0];
type Feature = GeoFeature<Geometry, { name: string }>;

/** Of a country in parts, the largest: a country with islands far away is not in the sea between. */
function largest(f: Feature): Shape {
  const { geometry } = f;
  if (geometry.type !== 'MultiPolygon') return f;
  const parts = geometry.coordinates;
  const size = (part: number[][][]): number => geoPath().area({ type: 'Polygon', coordinates: part } as never);
  return { type: 'Polygon', coordinates: parts.reduce((a, b) => (size(b) > size(a) ? b : a)) };
}

/** A country by its code. */
export function countryBy(countries: readonly Country[], code: string): Country | null {
  const number = numberOf(code);
  return (number !== '' && countries.find((c) => c.id === number)) || null;
}

/** Where a place is, as longitude and latitude: itself, else the middle of its country; null if neither is known. */
export function pointOf(place: Pick<GeoPlace, 'latitude' | 'longitude' | 'country'>, countries: readonly Country[]): readonly [number, number] | null {
  if (place.latitude !== null && place.longitude !== null) return [place.longitude, place.latitude];
  return place.country ? (countryBy(countries, place.country)?.centre ?? null) : null;
}

/** The least stretch of the world that is shown, degrees: two places of one town need no map of it. */
const LEAST = 14;

/** The projection that shows all of the world, or what lies around points. */
export function projectionFor(points: readonly (readonly [number, number])[]): GeoProjection {
  const world = geoNaturalEarth1().fitSize([WIDTH, HEIGHT], { type: 'Sphere' });
  if (points.length === 0) return world;
  const lon = points.map(([x]) => x);
  const lat = points.map(([, y]) => y);
  const grow = (low: number, high: number): [number, number] => {
    const by = Math.max((high - low) * 0.25, (LEAST - (high - low)) / 2);
    return [low - by, high + by];
  };
  const [west, east] = grow(Math.min(...lon), Math.max(...lon));
  const [south, north] = grow(Math.min(...lat), Math.max(...lat));
  const corners = [[west, south], [west, north], [east, south], [east, north]].map(([x = 0, y = 0]) => [Math.max(-180, Math.min(180, x)), Math.max(-90, Math.min(90, y))]);
  return world.fitSize([WIDTH, HEIGHT], { type: 'MultiPoint', coordinates: corners });
}

/** Places that stand so near each other that they are one mark. */
export interface Mark {
  key: string;
  x: number;
  y: number;
  places: readonly GeoPlace[];
}

/** Marks on the drawing, those nearer than `apart` as one; the worst are placed first, so that a cluster stands where trouble is. */
export function marksOf(places: readonly GeoPlace[], countries: readonly Country[], project: GeoProjection, apart: number): Mark[] {
  const marks: { key: string; x: number; y: number; places: GeoPlace[] }[] = [];
  const worst = [...places].sort((a, b) => severity(b.open_status) - severity(a.open_status) || b.total - a.total);
  for (const place of worst) {
    const point = pointOf(place, countries);
    const at = point && project([...point]);
    if (!at) continue;
    const [x, y] = at;
    const near = marks.find((m) => Math.hypot(m.x - x, m.y - y) < apart);
    if (near) near.places.push(place);
    else marks.push({ key: `${place.by} ${place.name}`, x, y, places: [place] });
  }
  return marks.sort((a, b) => a.x - b.x || a.y - b.y);
}

/** How busy a country is beside the busiest, 1 to 4; 0 for none. */
export function busyness(country: GeoCountry, most: number): number {
  const open = country.in + country.out;
  return open <= 0 || most <= 0 ? 1 : Math.max(1, Math.ceil((Math.log1p(open) / Math.log1p(most)) * 4));
}
