import { useMemo } from 'preact/hooks';
import { useApp } from '../app';
import type { Service } from '../api/types';
import { figure, plural } from '../lib/format';
import { allServices, isGone, unnamed } from '../parts/columns';
import { ProblemNote } from '../parts/Problem';
import { stateOf } from '../parts/shapes';
import { StateIcon } from '../parts/StateIcon';
import { type Column, Table } from '../parts/Table';
import { Age } from '../parts/Time';
import { type Judge, judgeOf } from '../state/health';
import { type ProcessRow, SERVICE_FILTERS, type ServiceFilter, byProcess, narrowedServices, processKey } from '../state/processes';
import { useResource } from '../state/resource';
import { type Route, formatRoute, goTo, showNode, showOnChart } from '../state/route';
import { byPort, knownAs } from '../state/topology';

const EMPTY_SERVICES: readonly Service[] = [];

/** Every service of the site: by process, or each one. */
export function ServicesView() {
  const { client, feed, now, route } = useApp();
  const topology = feed.topology.value;
  const judge = useMemo(() => judgeOf(topology, now.peek()), [topology]);
  const { data, problem, reload } = useResource('services', topology?.revision ?? '', (s) => client.services(s));
  const all = useMemo(() => [...(data?.services ?? EMPTY_SERVICES)].sort(byPort), [data]);
  const { each, process, only, find } = route.value;
  const items = useMemo(
    () => narrowedServices(process ? all.filter((s) => processKey(s) === process) : all, only, find, judge),
    [all, process, only, find, judge],
  );
  const rows = useMemo(() => byProcess(items, judge), [items, judge]);
  const one = each || process !== '';
  return (
    <div class="scroll">
      {process && (
        <div class="headline">
          <a href={formatRoute(goTo(route.value, 'services'))}>Services</a>
          <span class="ink3">/</span>
          <span class="ink2">{process}</span>
        </div>
      )}
      <div class="headline">
        <h1>{process || 'Services'}</h1>
        {data && <span class="ink2">{process ? `${plural(all.filter((s) => processKey(s) === process).length, 'service')}, also those hidden on the chart` : `${plural(all.length, 'service')}, also those hidden on the chart`}</span>}
        <span class="gap" />
        <a href={formatRoute({ ...goTo(route.value, 'chart'), level: 'service' })}>As a chart</a>
      </div>
      {problem && <ProblemNote problem={problem} onRetry={reload} />}
      {data && <Narrowing />}
      {data && (one ? <Each items={items} judge={judge} narrow={isNarrow(route.value)} /> : <Processes rows={rows} narrow={isNarrow(route.value)} />)}
    </div>
  );
}

const isNarrow = ({ only, find }: Route): boolean => only !== '' || find !== '';

/** What the services are narrowed to, and how they are listed. */
function Narrowing() {
  const { route, navigate } = useApp();
  const { each, process, only, find } = route.value;
  return (
    <div class="narrowing" role="search">
      {!process && (
        <span class="segments" role="group" aria-label="How they are listed">
          {([[false, 'By process'], [true, 'Each one']] as const).map(([value, title]) => (
            <button key={title} type="button" aria-pressed={each === value} onClick={() => navigate({ ...route.value, each: value })}>
              {title}
            </button>
          ))}
        </span>
      )}
      <input
        type="search"
        class="find"
        aria-label="Find services"
        placeholder="Process, node, :port, unit"
        spellcheck={false}
        value={find}
        onChange={(event) => navigate({ ...route.value, find: event.currentTarget.value.trim() }, true)}
      />
      <select aria-label="Which services" value={only} onChange={(event) => navigate({ ...route.value, only: event.currentTarget.value as ServiceFilter }, true)}>
        {SERVICE_FILTERS.map(([value, title]) => (
          <option key={value} value={value}>
            {title}
          </option>
        ))}
      </select>
      {isNarrow(route.value) && (
        <button type="button" class="plain" onClick={() => navigate({ ...route.value, find: '', only: '' })}>
          Clear filter
        </button>
      )}
    </div>
  );
}

function Each({ items, judge, narrow }: { items: readonly Service[]; judge: Judge; narrow: boolean }) {
  const { feed, route, navigate } = useApp();
  const topology = feed.topology.value;
  const columns = useMemo(() => allServices(judge, knownAs(topology)), [judge]);
  const open = (s: Service): void => {
    const onChart = feed.topology.peek()?.services.has(s.id) ?? false;
    navigate(onChart ? showOnChart(route.value, { kind: 'service', id: s.id }) : showNode(route.value, s.node));
  };
  return (
    <Table
      label="Services"
      columns={columns}
      items={items}
      id={(s) => s.id}
      sort={{ key: 'process', descending: false }}
      last={isGone}
      onOpen={open}
      empty={narrow ? 'No service matches.' : 'No service is known yet.'}
    />
  );
}

const time = (at: string): number => (at ? Date.parse(at) : 0);

/** `1 alert, 2 at their sockets`; '' where nothing is wrong. */
export function alertText({ alerts, signals }: Pick<ProcessRow, 'alerts' | 'signals'>): string {
  return [...(alerts > 0 ? [`${figure(alerts)} in alert`] : []), ...(signals > 0 ? [`${figure(signals)} with trouble in the sockets`] : [])].join(', ');
}

/** So many ports are told of a process. */
const PORTS = 3;

const PROCESS_COLUMNS: readonly Column<ProcessRow>[] = [
  { key: 'state', title: 'State', class: 'state', cell: (r) => <StateIcon state={stateOf(r.worst, r.signals > 0)} /> },
  {
    key: 'process',
    title: 'Process',
    class: 'strong',
    value: (r) => r.process || '\uffff',
    cell: (r) => <span class={r.gone === r.services.length ? 'gone' : ''}>{r.process || <span class="ink3">{unnamed(r.worst)}</span>}</span>,
  },
  {
    key: 'ports',
    title: 'Ports',
    class: 'mono',
    value: (r) => r.services[0]?.port ?? 0,
    cell: (r) => <span title={r.ports.join(', ')}>{r.ports.slice(0, PORTS).join(', ') + (r.ports.length > PORTS ? ` + ${r.ports.length - PORTS}` : '')}</span>,
  },
  { key: 'nodes', title: 'Nodes', class: 'number', descending: true, value: (r) => r.nodes, cell: (r) => figure(r.nodes) },
  { key: 'clients', title: 'Open', class: 'number', descending: true, value: (r) => r.clients, cell: (r) => figure(r.clients) },
  { key: 'alerts', title: 'Trouble', class: 'trouble', descending: true, value: (r) => r.alerts * 1000 + r.signals, cell: (r) => alertText(r) || null },
  { key: 'unchecked', title: 'Without a check', class: 'number roomy second', descending: true, value: (r) => r.unchecked, cell: (r) => (r.unchecked > 0 ? figure(r.unchecked) : null) },
  { key: 'gone', spare: true, title: 'Stopped', class: 'number roomy third', descending: true, value: (r) => r.gone, cell: (r) => (r.gone > 0 ? figure(r.gone) : null) },
  { key: 'up', title: 'Last up', class: 'number time roomy second', descending: true, value: (r) => time(r.lastUp), cell: (r) => <Age at={r.lastUp} /> },
  {
    key: 'used',
    title: 'Last used',
    class: 'number time',
    descending: true,
    value: (r) => time(r.lastUsed),
    cell: (r) => (r.lastUsed ? <Age at={r.lastUsed} /> : <span class="ink3">no use seen</span>),
  },
];

function Processes({ rows, narrow }: { rows: readonly ProcessRow[]; narrow: boolean }) {
  const { route, navigate } = useApp();
  return (
    <Table
      label="Services by process"
      columns={PROCESS_COLUMNS}
      items={rows}
      id={(r) => r.key}
      sort={{ key: 'process', descending: false }}
      last={(r) => r.gone === r.services.length}
      onOpen={(r) => navigate({ ...route.value, process: r.key })}
      empty={narrow ? 'No service matches.' : 'No service is known yet.'}
    />
  );
}
