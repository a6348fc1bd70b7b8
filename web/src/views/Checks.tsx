import { useMemo } from 'preact/hooks';
import { useApp } from '../app';
import type { Check } from '../api/types';
import { figure, plural } from '../lib/format';
import { checkColumns } from '../parts/Checks';
import { useCheckTurns } from '../parts/news';
import { ProblemNote } from '../parts/Problem';
import { Table } from '../parts/Table';
import { CHECK_FILTERS, type CheckFilter, checksLine, isOf, monitors, narrowed, sourcesLine, worstFirst } from '../state/checks';
import { useResource } from '../state/resource';
import { formatRoute, goTo, showCheck } from '../state/route';

/** What checks say goes on without the chart changing: read again this often, ms. */
const AGAIN_MS = 5_000;

const NO_CHECKS: readonly Check[] = [];

/** Everything that monitoring says, the worst first, also what is of no node. */
export function ChecksView() {
  const { client, feed, route, navigate, sources } = useApp();
  const { at, checks: show, find } = route.value;
  const topology = feed.topology.value;
  const turn = useCheckTurns(AGAIN_MS);
  const { data, problem, reload } = useResource(`all checks ${at}`, turn, (s) => client.checks({}, s));
  const all = useMemo(() => worstFirst(data?.checks ?? NO_CHECKS), [data]);
  const shown = useMemo(() => narrowed(all, show, find), [all, show.join(), find]);
  const columns = useMemo(() => checkColumns(topology, true), [topology]);
  return (
    <div class="scroll">
      <div class="headline">
        <h1>Checks</h1>
        {data && all.length > 0 && <span class="ink2">{[checksLine(all), sourcesLine(sources.value)].filter(Boolean).join(', from ')}</span>}
        <span class="gap" />
        {all.length > 0 && !at && <a href={formatRoute(goTo(route.value, 'mapping'))}>Check mapping</a>}
        <a href={formatRoute(goTo(route.value, 'report'))}>Report</a>
      </div>
      {problem && <ProblemNote problem={problem} onRetry={reload} />}
      {data && all.length === 0 && <Nothing />}
      {all.length > 0 && (
        <>
          <Narrowing all={all} shown={shown.length} />
          <Table
            label="Checks"
            columns={columns}
            items={shown}
            id={(c) => c.id}
            sort={{ key: 'state', descending: false }}
            onOpen={(c) => navigate(showCheck(route.value, c.id))}
            empty={find ? `Nothing matches “${find}”.` : 'Nothing of that kind.'}
          />
          {shown.length === 0 && (
            <button type="button" onClick={() => navigate({ ...route.value, checks: [], find: '' })}>
              Clear the filter
            </button>
          )}
        </>
      )}
    </div>
  );
}

/** No check is known: because nothing is read, or there are none. */
function Nothing() {
  const { sources, route } = useApp();
  if (sources.value.some(monitors)) return <p class="nothing">The sources tell of no check.</p>;
  return (
    <div class="problem">
      <h2>No monitoring system is read yet.</h2>
      <p class="ink2">The chart shows what runs and who talks to whom. Nagios, Icinga, Alertmanager, Zabbix or a script say whether it is well.</p>
      <a href={formatRoute(goTo(route.value, 'settings'))}>Add a source in the settings</a>
    </div>
  );
}

function Narrowing({ all, shown }: { all: readonly Check[]; shown: number }) {
  const { route, navigate } = useApp();
  const { checks: show, find } = route.value;
  const toggle = (filter: CheckFilter): void => {
    const next = CHECK_FILTERS.map(([f]) => f).filter((f) => (f === filter) !== show.includes(f));
    navigate({ ...route.value, checks: next }, true);
  };
  return (
    <div class="narrowing" role="search">
      <input
        type="search"
        class="find"
        aria-label="Search checks by host, name, output or group"
        placeholder="Host, check, output or group"
        spellcheck={false}
        value={find}
        onInput={(event) => navigate({ ...route.value, find: event.currentTarget.value }, true)}
      />
      <div class="chips" role="group" aria-label="Only those that are">
        {CHECK_FILTERS.map(([filter, title]) => {
          const count = all.filter((c) => isOf(c, filter)).length;
          if (count === 0 && !show.includes(filter)) return null;
          return (
            <button key={filter} type="button" class="filter" aria-pressed={show.includes(filter)} onClick={() => toggle(filter)}>
              {title} <span>{figure(count)}</span>
            </button>
          );
        })}
      </div>
      <span class="ink3 found" role="status">
        {shown < all.length && `${figure(shown)} of ${plural(all.length, 'check')}`}
      </span>
    </div>
  );
}
