import { geoPath } from 'd3-geo';
import { useEffect, useMemo, useState } from 'preact/hooks';
import '../views.css';
import { useApp } from '../app';
import type { GeoCountry, GeoDocument, GeoPlace } from '../api/types';
import { HEIGHT, WIDTH, type Country, type Mark, busyness, countriesOf, countryBy, marksOf, pointOf, projectionFor } from '../geo/map';
import { figure, plural } from '../lib/format';
import { notLoaded } from '../parts/Lazy';
import { NodeName } from '../parts/NodeName';
import { ProblemNote } from '../parts/Problem';
import { shapeOf } from '../parts/shapes';
import { StateIcon } from '../parts/StateIcon';
import { type Column, Table } from '../parts/Table';
import { severity, signOf } from '../state/checks';
import { useResource } from '../state/resource';
import { formatRoute, goTo } from '../state/route';

/** Where nodes and Internet peers are. The map is part of dotm: no tile is loaded from anywhere. */
export function GeoView() {
  const { client, feed } = useApp();
  const { data, problem, reload } = useResource('geo', feed.topology.value?.revision ?? '', (s) => client.geo(s));
  const countries = useCountries();
  return (
    <div class="scroll geo">
      <div class="headline">
        <h1>Map</h1>
        {data && <span class="ink2">{geoLine(data)}</span>}
      </div>
      {problem && <ProblemNote problem={problem} onRetry={reload} />}
      {data && <Hints data={data} />}
      {data && countries && <World data={data} countries={countries} />}
      {data && <Lists data={data} />}
    </div>
  );
}

/** The outlines come when the map is first shown. */
function useCountries(): readonly Country[] | null {
  const [countries, setCountries] = useState<readonly Country[] | null>(null);
  useEffect(() => {
    let here = true;
    import('world-atlas/countries-50m.json').then((atlas) => here && setCountries(countriesOf(atlas.default)), notLoaded);
    return () => {
      here = false;
    };
  }, []);
  return countries;
}

export function geoLine({ places, nodes_without_place: unplaced, countries }: GeoDocument): string {
  const nodes = places.reduce((n, p) => n + p.total, 0);
  const said = nodes > 0 ? [`${plural(nodes, 'node')} in ${plural(places.length, 'place')}`] : [];
  if (unplaced > 0) said.push(`${plural(unplaced, 'node')} without a known place`);
  if (countries.length > 0) said.push(`Internet peers in ${plural(countries.length, 'country', 'countries')}`);
  return said.join(', ');
}

/** What is not known, and what would make it known. */
function Hints({ data }: { data: GeoDocument }) {
  const { route } = useApp();
  const { geoip, places_configured: named, nodes_without_place: unplaced, peers_without_country: unknown, internet_split: split } = data;
  return (
    <div class="geo-hints">
      {!geoip && (
        <p>
          No GeoIP file is configured, so the countries of public addresses are not known. dotm asks nobody on the Internet: name files in the MaxMind DB format under <code>geoip</code> in dotm.yaml and restart.
        </p>
      )}
      {unplaced > 0 && (
        <p>
          {plural(unplaced, 'node')} {unplaced === 1 ? 'has' : 'have'} private addresses only, or ones that {geoip ? 'the files do not know' : 'nobody places'}.{' '}
          {named ? 'Add them to' : 'Say where your sites are under'} <code>places</code> in dotm.yaml: a name, <code>latitude</code>, <code>longitude</code>, and <code>networks</code>, <code>nodes</code> or <code>zones</code>.
        </p>
      )}
      {geoip && unknown > 0 && (
        <p>
          Of {plural(unknown, 'Internet peer')} the country is not known.{' '}
          {split === 'country' ? null : (
            <>
              Many are drawn as one connection: with <code>internet_split: country</code> in the <a href={formatRoute(goTo(route.value, 'settings'))}>settings</a> each country is told apart.
            </>
          )}
        </p>
      )}
    </div>
  );
}

/** On a narrow screen the drawing is a third of its size, so that marks must stand further apart. */
function narrow(): boolean {
  return matchMedia('(max-width: 639px)').matches;
}

interface WorldProps {
  data: GeoDocument;
  countries: readonly Country[];
}

function World({ data, countries }: WorldProps) {
  const spots = useMemo(() => data.places.map((p) => pointOf(p, countries)).filter((p) => p !== null), [data, countries]);
  const [whole, setWhole] = useState(spots.length === 0 || data.countries.length > 0);
  const [chosen, setChosen] = useState('');
  const projection = useMemo(() => projectionFor(whole ? [] : spots), [whole, spots]);
  const land = useMemo(() => {
    const path = geoPath(projection);
    return countries.map((c) => ({ country: c, d: path(c.shape) ?? '' })).filter(({ d }) => d !== '');
  }, [projection, countries]);
  const marks = useMemo(() => marksOf(data.places, countries, projection, narrow() ? 80 : 30), [data, countries, projection]);
  const busy = useMemo(() => new Map(data.countries.flatMap((c) => (countryBy(countries, c.code) ? [[countryBy(countries, c.code)?.id ?? '', c] as const] : []))), [data, countries]);
  const most = Math.max(0, ...data.countries.map((c) => c.in + c.out));
  const mark = marks.find((m) => m.key === chosen);
  return (
    <section class="world" aria-label="Map of the world">
      <div class="world-tools">
        <span class="segments" role="group" aria-label="What is shown">
          <button type="button" aria-pressed={whole} onClick={() => setWhole(true)}>
            World
          </button>
          <button type="button" aria-pressed={!whole} disabled={spots.length === 0} onClick={() => setWhole(false)}>
            Around the nodes
          </button>
        </span>
      </div>
      <div class="world-map">
        <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="group" aria-label="Places of nodes">
          {land.map(({ country, d }) => (
            <path key={`${country.id} ${country.name}`} class={`land${busy.has(country.id) && country.id ? ` busy-${busyness(busy.get(country.id) as GeoCountry, most)}` : ''}`} d={d}>
              <title>{countryTitle(country, country.id ? busy.get(country.id) : undefined)}</title>
            </path>
          ))}
          {marks.map((m) => (
            <Spot key={m.key} mark={m} chosen={m.key === chosen} onChoose={() => setChosen(m.key === chosen ? '' : m.key)} />
          ))}
        </svg>
      </div>
      {mark && <PlaceCard mark={mark} onClose={() => setChosen('')} />}
    </section>
  );
}

function countryTitle({ name }: Country, peers: GeoCountry | undefined): string {
  return peers ? `${name}: ${plural(peers.peers, 'peer')}, ${figure(peers.in)} open from there, ${figure(peers.out)} to there` : name;
}

/** `North: 12 nodes, 2 in trouble`. */
export function placeText({ name, total, in_trouble: bad, silent }: GeoPlace): string {
  return [`${name}: ${plural(total, 'node')}`, ...(bad > 0 ? [`${figure(bad)} in trouble`] : []), ...(silent > 0 ? [`${figure(silent)} silent`] : [])].join(', ');
}

function worstOf(places: readonly GeoPlace[]): GeoPlace | undefined {
  return [...places].sort((a, b) => severity(b.open_status) - severity(a.open_status))[0];
}

/** A place or several near each other: the shape of the worst, its name and how many nodes. */
function Spot({ mark, chosen, onChoose }: { mark: Mark; chosen: boolean; onChoose: () => void }) {
  const worst = worstOf(mark.places);
  if (!worst) return null;
  const total = mark.places.reduce((n, p) => n + p.total, 0);
  const onKey = (event: KeyboardEvent): void => {
    if (event.key !== 'Enter' && event.key !== ' ') return;
    event.preventDefault();
    event.stopPropagation();
    onChoose();
  };
  const name = mark.places.length > 1 ? `${worst.name} + ${mark.places.length - 1}` : worst.name;
  const left = mark.x > WIDTH * 0.8;
  return (
    <g class={`spot${chosen ? ' chosen' : ''}`} transform={`translate(${mark.x} ${mark.y})`} role="button" tabindex={0} aria-pressed={chosen} aria-label={mark.places.map(placeText).join('; ')} onClick={onChoose} onKeyDown={onKey}>
      <title>{mark.places.map(placeText).join('\n')}</title>
      <circle r={narrow() ? 60 : 20} class="spot-hit" />
      <g class="spot-sign">
        <circle r="14" class="spot-ground" />
        <g transform="translate(-9 -9)">
          <StateIcon state={shapeOf(signOf(worst))} size={18} silent />
        </g>
      </g>
      <text x={left ? -19 : 19} y="-1" text-anchor={left ? 'end' : 'start'} class="spot-name">
        {name}
      </text>
      <text x={left ? -19 : 19} y="13" text-anchor={left ? 'end' : 'start'} class="spot-count">
        {plural(total, 'node')}
      </text>
    </g>
  );
}

/** So many nodes of a place are listed beside the map. */
const LISTED = 24;

function PlaceCard({ mark, onClose }: { mark: Mark; onClose: () => void }) {
  return (
    <div class="place-card" role="region" aria-label="Nodes of this place">
      {mark.places.map((p) => (
        <div key={`${p.by} ${p.name}`}>
          <h3>{placeText(p)}</h3>
          <ul class="place-nodes">
            {p.nodes.slice(0, LISTED).map((n) => (
              <li key={n.name}>
                <StateIcon state={shapeOf(signOf(n))} /> <NodeLink name={n.name} />
              </li>
            ))}
            {p.total > LISTED && <li class="ink3">and {figure(p.total - Math.min(LISTED, p.nodes.length))} more</li>}
          </ul>
        </div>
      ))}
      <button type="button" class="plain" onClick={onClose}>
        Close
      </button>
    </div>
  );
}

function NodeLink({ name }: { name: string }) {
  const { route } = useApp();
  return (
    <a href={formatRoute({ ...goTo(route.value, 'nodes'), view: 'node', node: name })}>
      <NodeName name={name} />
    </a>
  );
}

const PLACE_COLUMNS: readonly Column<GeoPlace>[] = [
  { key: 'state', title: 'State', class: 'state', cell: (p) => <StateIcon state={shapeOf(signOf(p))} /> },
  { key: 'name', title: 'Place', class: 'strong', value: (p) => p.name, cell: (p) => p.name },
  { key: 'by', title: 'Known by', class: 'roomy', value: (p) => p.by, cell: (p) => (p.by === 'configuration' ? 'dotm.yaml' : p.latitude === null ? 'GeoIP, country' : 'GeoIP, city') },
  { key: 'total', title: 'Nodes', class: 'number', descending: true, value: (p) => p.total, cell: (p) => figure(p.total) },
  { key: 'bad', title: 'In trouble', class: 'number', descending: true, value: (p) => p.in_trouble, cell: (p) => figure(p.in_trouble) },
  { key: 'silent', title: 'Silent', class: 'number', descending: true, value: (p) => p.silent, cell: (p) => figure(p.silent) },
];

const COUNTRY_COLUMNS: readonly Column<GeoCountry>[] = [
  { key: 'name', title: 'Country', class: 'strong', value: (c) => c.name, cell: (c) => c.name },
  { key: 'peers', title: 'Peers', class: 'number', descending: true, value: (c) => c.peers, cell: (c) => figure(c.peers) },
  { key: 'in', title: 'Open from there', class: 'number', descending: true, value: (c) => c.in, cell: (c) => figure(c.in) },
  { key: 'out', title: 'Open to there', class: 'number', descending: true, value: (c) => c.out, cell: (c) => figure(c.out) },
];

/** The map in words. */
function Lists({ data }: { data: GeoDocument }) {
  return (
    <div class="columns">
      <section>
        <div class="section-head">
          <h3>Places</h3>
          <span>{figure(data.places.length)}</span>
        </div>
        <Table label="Places of nodes" columns={PLACE_COLUMNS} items={data.places} id={(p) => `${p.by} ${p.name}`} sort={{ key: 'bad', descending: true }} empty="No node has a known place." />
      </section>
      <section>
        <div class="section-head">
          <h3>Internet peers by country</h3>
          <span>{figure(data.countries.length)}</span>
        </div>
        <Table label="Internet peers by country" columns={COUNTRY_COLUMNS} items={data.countries} id={(c) => c.name} sort={{ key: 'peers', descending: true }} empty={data.geoip ? 'Of no peer the country is known.' : 'Not known without a GeoIP file.'} />
      </section>
    </div>
  );
}
