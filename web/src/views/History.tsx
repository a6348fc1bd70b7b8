import { useMemo, useState } from 'preact/hooks';
import { useApp } from '../app';
import type { ChartEvent, Gap } from '../api/types';
import { plural } from '../lib/format';
import { ProblemNote } from '../parts/Problem';
import { type Column, Table } from '../parts/Table';
import { Age, Moment } from '../parts/Time';
import { eventText } from '../state/past';
import { useResource } from '../state/resource';
import { goTo, showMoment } from '../state/route';
import { knownAs } from '../state/topology';

const SPANS = [
  ['-1h', 'Last hour'],
  ['-24h', 'Last day'],
  ['-168h', 'Last week'],
  ['-720h', 'Last 30 days'],
] as const;

/** What happened, and the way to any moment. */
export function HistoryView() {
  const { client, feed, route, navigate } = useApp();
  const [from, setFrom] = useState<string>('-24h');
  const named = knownAs(feed.topology.value);
  const revision = feed.topology.value?.revision ?? '';
  const known = useResource('extent', revision, (s) => client.history(s));
  const list = useResource(`events ${from} ${route.value.at}`, revision, (s) => client.events(from, route.value.at, s));
  const columns = useMemo(() => columnsOf((e) => eventText(e, named)), [feed.topology.value]);
  const events = list.data?.events ?? [];
  const go = (at: string): void => navigate(showMoment(goTo(route.value, 'chart'), at));
  return (
    <div class="scroll">
      <div class="headline">
        <h1>History</h1>
        {known.data?.from && (
          <span class="ink2">
            known since <Moment at={known.data.from} />
          </span>
        )}
      </div>
      <form
        class="moments"
        onSubmit={(event) => {
          event.preventDefault();
          const field = new FormData(event.currentTarget).get('moment');
          if (typeof field === 'string' && field) go(field);
        }}
      >
        <label>
          Show the chart as of <input type="datetime-local" name="moment" step="1" />
        </label>
        <button type="submit">Show</button>
        <span class="gap" />
        <span class="segments" role="group" aria-label="Events of">
          {SPANS.map(([value, title]) => (
            <button key={value} type="button" aria-pressed={from === value} onClick={() => setFrom(value)}>
              {title}
            </button>
          ))}
        </span>
      </form>
      {list.problem && <ProblemNote problem={list.problem} onRetry={list.reload} />}
      {list.data && (
        <Table
          label="Events"
          columns={columns}
          items={events}
          id={(e) => `${e.at} ${e.kind} ${e.id}`}
          sort={{ key: 'at', descending: true }}
          onOpen={(e) => go(e.at)}
          empty="Nothing changed in this time."
        />
      )}
      {list.data?.more && <p class="ink2">The newest {events.length} of this time are shown: open one of the last to go on from there.</p>}
      <Gaps gaps={known.data?.gaps ?? []} />
    </div>
  );
}

function columnsOf(text: (e: ChartEvent) => string): Column<ChartEvent>[] {
  return [
    { key: 'at', title: 'When', value: (e) => Date.parse(e.at), cell: (e) => <Moment at={e.at} />, descending: true },
    { key: 'what', title: 'What', class: 'bold', value: text, cell: text },
    { key: 'ago', title: 'Ago', cell: (e) => <Age at={e.at} /> },
  ];
}

/** The times in which something was not seen: nothing vanished in them. */
function Gaps({ gaps }: { gaps: readonly Gap[] }) {
  if (gaps.length === 0) return null;
  return (
    <section class="gaps">
      <h2>{plural(gaps.length, 'gap')} in what was seen</h2>
      <ul>
        {gaps.slice(-50).map((g) => (
          <li key={`${g.node} ${g.from}`}>
            <b>{g.node ?? 'Everything'}</b>: {g.why}, from <Moment at={g.from} /> {g.to ? <>to <Moment at={g.to} /></> : 'on'}
          </li>
        ))}
      </ul>
    </section>
  );
}
