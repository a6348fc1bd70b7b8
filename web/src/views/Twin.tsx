import { useMemo } from 'preact/hooks';
import { useApp } from '../app';
import type { Connection, Level, Service } from '../api/types';
import { figure } from '../lib/format';
import { allConnections, allServices, isGone } from '../parts/columns';
import { FilterLine } from '../parts/Filter';
import { MANY_COLUMNS } from '../parts/manyColumns';
import { MarkText } from '../parts/MarkText';
import { Notice } from '../parts/Notice';
import { ChartLink } from '../parts/PanelParts';
import { type Column, Table } from '../parts/Table';
import { Age } from '../parts/Time';
import { MARK_ORDER, type Mark } from '../state/compare';
import { type Kept, NO_FILTER } from '../state/filter';
import { judgeOf } from '../state/health';
import { type Many, manyOf } from '../state/many';
import { type Twin, filterBy } from '../state/route';
import { type Topology, byPort, byServer, knownAs } from '../state/topology';

/** What the tables hold: of a narrowed chart, what it does not fade. */
interface Content {
  connections: readonly Connection[];
  services: readonly Service[];
  pools: readonly Many[];
}

const TWINS: readonly (readonly [Exclude<Twin, ''>, string])[] = [
  ['connections', 'Connections'],
  ['services', 'Services'],
  ['pools', 'Pools and groups'],
];

function contentOf(topology: Topology, kept: Kept | null): Content {
  const has = (node: string): boolean => !kept || kept.boxes.has(node);
  return {
    connections: [...topology.connections.values()].filter((c) => has(c.client.node) && has(c.server.node)).sort(byServer),
    services: [...topology.services.values()].filter((s) => has(s.node)).sort(byPort),
    pools: manyOf(topology).filter((m) => m.nodes.some(has)),
  };
}

/** The same as the chart, as tables. */
export function ChartTable({ kept }: { kept: Kept | null }) {
  const { shown } = useApp();
  const topology = shown.value;
  return topology ? <Twins topology={topology} kept={kept} /> : <Notice />;
}

function Twins({ topology, kept }: { topology: Topology; kept: Kept | null }) {
  const { route, navigate } = useApp();
  const { table } = route.value;
  const content = useMemo(() => contentOf(topology, kept), [topology, kept]);
  return (
    <div class="scroll">
      <FilterLine topology={topology} kept={kept} />
      <div class="segments" role="group" aria-label="Table">
        {TWINS.map(([twin, title]) => (
          <button key={twin} type="button" aria-pressed={table === twin} onClick={() => navigate({ ...route.value, table: twin })}>
            {title} <span class="count">{figure(content[twin].length)}</span>
          </button>
        ))}
      </div>
      <GoneLine topology={topology} />
      {table === 'services' && <ServiceTwin topology={topology} items={content.services} />}
      {table === 'connections' && <ConnectionTwin topology={topology} items={content.connections} />}
      {table === 'pools' && <PoolTwin level={topology.level} items={content.pools} />}
    </div>
  );
}

/** What is gone from the chart, in words: its boxes are in no table. */
function GoneLine({ topology }: { topology: Topology }) {
  const boxes = topology.gone?.boxes ?? [];
  if (boxes.length === 0) return null;
  return (
    <p class="small ink2">
      Gone in the last ten minutes:{' '}
      {boxes.map(({ name, title, since }, i) => (
        <>
          {i > 0 && ', '}
          <ChartLink key={name} to={{ kind: 'node', id: name }}>
            {title || name}
          </ChartLink>
          {since && (
            <>
              {' '}
              <Age at={since} />
            </>
          )}
        </>
      ))}
      .
    </p>
  );
}

function ConnectionTwin({ topology, items }: { topology: Topology; items: readonly Connection[] }) {
  const { now, route, navigate, signals } = useApp();
  const columns = useMemo(() => withMarks(topology, 'connections', (c) => c.id, allConnections(judgeOf(topology, now.peek(), signals.value), knownAs(topology))), [topology, signals.value]);
  return (
    <Table
      key="connections"
      label="Connections of the chart"
      columns={columns}
      items={items}
      id={(c) => c.id}
      sort={{ key: 'count', descending: true }}
      selected={route.value.selection?.id ?? ''}
      onOpen={(c) => navigate({ ...route.value, selection: { kind: 'connection', id: c.id } })}
      empty="No connection is on the chart."
    />
  );
}

function ServiceTwin({ topology, items }: { topology: Topology; items: readonly Service[] }) {
  const { now, route, navigate } = useApp();
  const columns = useMemo(() => withMarks(topology, 'services', (s) => s.id, allServices(judgeOf(topology, now.peek()), knownAs(topology))), [topology]);
  return (
    <Table
      key="services"
      label="Services of the chart"
      columns={columns}
      items={items}
      id={(s) => s.id}
      sort={{ key: 'clients', descending: true }}
      last={isGone}
      selected={route.value.selection?.id ?? ''}
      onOpen={(s) => navigate({ ...route.value, selection: { kind: 'service', id: s.id } })}
      empty={topology.level === 'node' || topology.level === 'group' ? `A chart of ${topology.level}s shows no services.` : 'No service is on the chart.'}
    />
  );
}

/** Pools and groups: how many nodes each has, how many of these are in trouble, and where it stands. */
function PoolTwin({ level, items }: { level: Level; items: readonly Many[] }) {
  const { route, navigate } = useApp();
  return (
    <Table
      key="pools"
      label="Pools and groups of the chart"
      columns={MANY_COLUMNS}
      items={items}
      id={(m) => m.id}
      sort={{ key: 'trouble', descending: true }}
      selected={route.value.selection?.id ?? ''}
      onOpen={(m) => navigate(m.boxed ? { ...route.value, selection: { kind: 'node', id: m.id } } : filterBy({ ...route.value, table: '' }, { ...NO_FILTER, group: m.id }))}
      empty={level === 'node' || level === 'service' ? `A chart of ${level}s shows no pools.` : 'Nothing here is a pool or a group.'}
    />
  );
}

/** The columns of a table, and before them how each thing differs where there is another moment. */
function withMarks<T>(topology: Topology, of: 'services' | 'connections', id: (item: T) => string, columns: readonly Column<T>[]): readonly Column<T>[] {
  const marks = topology.marks?.[of];
  if (!marks || marks.size === 0) return columns;
  const mark = (item: T): Mark | undefined => marks.get(id(item));
  const column: Column<T> = {
    key: 'mark',
    title: 'Change',
    class: 'whole',
    value: (item) => MARK_ORDER.indexOf(mark(item) ?? 'absent') - (mark(item) ? 100 : 0),
    cell: (item) => {
      const is = mark(item);
      return is ? <MarkText mark={is} /> : null;
    },
  };
  return [column, ...columns];
}
