import { figure, isAddress } from '../lib/format';
import { type FleetRow, firstOdd, sharedNotes, holderWord, rankOf, skewMillis, skewWord, wayWord } from '../state/fleet';
import { containerName } from '../state/topology';
import { KindIcon, StandingMark } from './NodeMark';
import { StateIcon } from './StateIcon';
import type { Column } from './Table';
import { Age } from './Time';

function addressesOf({ node }: FleetRow): string {
  const list = (node?.addresses ?? []).filter((a) => a !== node?.name);
  return list.slice(0, 2).join(', ') + (list.length > 2 ? ` + ${list.length - 2}` : '');
}

function Name({ row: { id, node } }: { row: FleetRow }) {
  const inHost = node ? containerName(node) : null;
  return (
    <>
      {inHost ? (
        <>
          <span class="ink3 host">{inHost.host}/</span>
          {inHost.container}
        </>
      ) : node?.known_as ? (
        <>
          {node.known_as} <span class="address">{id}</span>
        </>
      ) : (
        <span class={isAddress(id) || id.includes('://') ? 'mono plain' : ''}>{id}</span>
      )}
      {node?.this && <span class="chip">this node</span>}
    </>
  );
}

/** Whether it reports; of what never will, where it is. */
function Standing({ row: { node, standing } }: { row: FleetRow }) {
  if (node && standing === 'virtual') return <span class="ink2">{holderWord(node)}</span>;
  if (node && standing === 'outside') return <span class="ink3">{node.kind === 'network' ? 'network' : 'everything else'}</span>;
  return <StandingMark standing={standing} />;
}

function Way({ row }: { row: FleetRow }) {
  if (row.standing === 'virtual' || row.standing === 'outside') return null;
  const way = wayWord(row);
  return <span class={way === 'not at all' ? 'ink3' : ''}>{way}</span>;
}

function Odd({ row, told }: { row: FleetRow; told: ReadonlySet<string> }) {
  const odd = firstOdd(row, told);
  if (!odd) return null;
  return (
    <span class={`odd${odd.wrong ? '' : ' ink3'}`} title={odd.text}>
      {odd.wrong && <StateIcon state="WARNING" />}
      <span class="one-line">{odd.text}</span>
      {odd.more > 0 && <span class="ink3 more">+{odd.more}</span>}
    </span>
  );
}

const ALL: readonly Column<FleetRow>[] = [
  { key: 'kind', title: 'Kind', class: 'state', cell: (r) => <KindIcon node={r.node} /> },
  { key: 'name', title: 'Node', class: 'strong', value: (r) => r.node?.known_as || r.id, cell: (r) => <Name row={r} /> },
  { key: 'state', title: 'State', class: 'whole', value: rankOf, cell: (r) => <Standing row={r} /> },
  { key: 'way', title: 'Reports by', class: 'whole roomy', value: wayWord, cell: (r) => <Way row={r} /> },
  {
    key: 'report',
    title: 'Last report',
    class: 'number time',
    descending: true,
    value: (r) => (r.node?.last_report ? Date.parse(r.node.last_report) : 0),
    cell: (r) => (r.node?.last_report ? <Age at={r.node.last_report} /> : null),
  },
  { key: 'zone', title: 'Zone', class: 'second', value: zoneOf, cell: zoneOf },
  { key: 'addresses', title: 'Addresses', class: 'mono second', value: addressesOf, cell: (r) => addressesOf(r) || null },
  count('services', 'Services'),
  count('connections', 'Connections'),
  {
    key: 'skew',
    title: 'Clock',
    class: 'whole roomy third',
    descending: true,
    value: (r) => skewMillis(r.node?.clock_skew),
    cell: (r) => skewWord(r.node?.clock_skew) || null,
  },
];

/** What is wrong with a node or odd about it, but for what is `told` of many already. */
function oddColumn(told: ReadonlySet<string>): Column<FleetRow> {
  return {
    key: 'odd',
    title: 'Findings and notes',
    class: 'odd-cell first',
    descending: true,
    value: (r) => (firstOdd(r, told)?.wrong ? 1000 : 0) + (firstOdd(r, told)?.more ?? -1) + 1,
    cell: (r) => <Odd row={r} told={told} />,
  };
}

function zoneOf({ node, target }: FleetRow): string {
  return node?.zone || target?.zone || '';
}

function count(key: 'services' | 'connections', title: string): Column<FleetRow> {
  return {
    key,
    title,
    class: 'number roomy',
    descending: true,
    value: (r) => r.node?.[key] ?? 0,
    cell: (r) => (r.node ? figure(r.node[key]) : null),
  };
}

/** The columns of the table of nodes; those in which no row says anything are left out. */
export function fleetColumns(rows: readonly FleetRow[]): readonly Column<FleetRow>[] {
  const empty = new Set([
    ...(rows.some(zoneOf) ? [] : ['zone']),
    ...(rows.some((r) => skewWord(r.node?.clock_skew)) ? [] : ['skew']),
  ]);
  const told = new Set(sharedNotes(rows).map((s) => s.note.text));
  const odd = rows.some((r) => firstOdd(r, told)) ? [oddColumn(told)] : [];
  return [...ALL.filter((c) => !empty.has(c.key)), ...odd];
}
