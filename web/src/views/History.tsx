import { useMemo, useRef, useState } from 'preact/hooks';
import { useApp } from '../app';
import type { ChartEvent, Gap } from '../api/types';
import { bytes, figure, plural } from '../lib/format';
import { ProblemNote } from '../parts/Problem';
import { MARK_SHAPES } from '../parts/shapes';
import { StateIcon } from '../parts/StateIcon';
import { type Column, Table } from '../parts/Table';
import { Age, Moment } from '../parts/Time';
import { Timeline } from '../parts/Timeline';
import { eventText, routeOfEvent } from '../state/past';
import { useTold } from '../parts/news';
import { useResource, useTurn } from '../state/resource';
import { type Half, type Route, compareWith, goTo, showMoment } from '../state/route';
import { REACH_MS, fieldMoment, pickedMoment } from '../state/timeline';
import { knownAs } from '../state/topology';
import { Compare } from './Compare';

const HALVES: readonly (readonly [Half, string])[] = [
  ['', 'What happened'],
  ['compare', 'Compare two moments'],
];

/** How much of the past is known is read again this often, ms. */
const AGAIN_MS = 15_000;

/** What happened is written a moment after the chart shows it, and may be the last for long: read again this often, ms. */
const EVENTS_AGAIN_MS = 5_000;

/** What happened and the way to any moment; or what differs between two. */
export function HistoryView() {
  const { client, route, navigate } = useApp();
  const known = useResource('extent', useTold('store', AGAIN_MS), (s) => client.history(s));
  const { half } = route.value;
  return (
    <div class="scroll history">
      <div class="headline">
        <h1>History</h1>
        {known.data && (
          <span class="ink2">
            {known.data.from ? (
              <>
                known since <Moment at={known.data.from} />, {bytes(known.data.bytes)}
              </>
            ) : (
              'nothing is known of the past yet'
            )}
            {known.data.events_lost > 0 && `; ${plural(known.data.events_lost, 'event')} could not be kept since dotm started`}
          </span>
        )}
      </div>
      <div class="segments" role="group" aria-label="Part of the history">
        {HALVES.map(([value, title]) => (
          <button key={value} type="button" aria-pressed={half === value} onClick={() => navigate({ ...route.value, half: value })}>
            {title}
          </button>
        ))}
      </div>
      {known.data && !known.data.from ? (
        <NothingYet />
      ) : half === 'compare' ? (
        <Compare />
      ) : (
        <>
          <Timeline />
          <GoTo />
          <Feed />
          <Gaps gaps={known.data?.gaps ?? []} />
        </>
      )}
    </div>
  );
}

/** Said in place of an empty scrubber: there is nowhere to go. */
function NothingYet() {
  return (
    <p class="nothing">
      The history is empty. What changes is recorded from the first report on, a second after it happened; nothing has to be turned on.
    </p>
  );
}

/** Any moment, typed; and the chart of the one that is chosen. */
function GoTo() {
  const { route, navigate, prefs } = useApp();
  const { at } = route.value;
  const utc = prefs.utc.value;
  return (
    <form
      class="moments"
      onSubmit={(event) => {
        event.preventDefault();
        const field = new FormData(event.currentTarget).get('moment');
        const typed = pickedMoment(typeof field === 'string' ? field : '', at, utc);
        if (typed) navigate(showMoment(route.value, typed));
      }}
    >
      <label>
        <span>Go to</span> <input key={at} type="datetime-local" name="moment" step="1" defaultValue={fieldMoment(at, utc)} /> <span class="ink3">{utc ? 'UTC' : 'local time'}</span>
      </label>
      <button type="submit">Go</button>
      <span class="gap" />
      {at && (
        <button type="button" onClick={() => navigate({ ...compareWith(route.value, at), at: '', half: 'compare' })}>
          Compare it with now
        </button>
      )}
      <button type="button" class={at ? 'strong' : ''} onClick={() => navigate(goTo(route.value, 'chart'))}>
        {at ? 'Show the chart as of then' : 'Show the chart'}
      </button>
    </form>
  );
}

const SUBJECTS = [
  ['', 'Everything'],
  ['node', 'Nodes'],
  ['service', 'Services'],
  ['connection', 'Connections'],
  ['check', 'Checks'],
] as const;

const KINDS = [
  ['', 'All changes'],
  ['appeared', 'Appeared'],
  ['vanished', 'Vanished'],
  ['changed', 'Changed'],
] as const;

/** So many events are read at a time. */
const PAGE = 200;

/** The events up to the moment that is shown, the newest first. */
function Feed() {
  const { client, feed, now, route, navigate } = useApp();
  const { at, reach, find, subject, kind } = route.value;
  const topology = feed.topology.value;
  const named = knownAs(topology);
  const end = at ? Date.parse(at) : now.peek();
  const from = new Date(Math.floor((end - REACH_MS[reach]) / 1000) * 1000).toISOString();
  const key = `feed ${at} ${reach} ${find} ${subject} ${kind}`;
  const to = at ? new Date(Date.parse(at) + 1).toISOString() : '';
  const turn = useTurn(now, EVENTS_AGAIN_MS);
  const list = useResource(key, at ? '' : `${topology?.revision ?? ''} ${turn}`, (s) => client.events({ from, to, node: find, subject, kind, limit: PAGE }, s));
  const older = useOlder(key, from);
  const events = useMemo(() => unique([...(list.data?.events ?? []), ...older.events]), [list.data, older.events]);
  const columns = useMemo(() => columnsOf((e) => eventText(e, named)), [topology]);
  const more = older.asked ? older.more : (list.data?.more ?? false);
  return (
    <section>
      <Filters />
      {list.problem && <ProblemNote problem={list.problem} onRetry={list.reload} />}
      {list.data && (
        <Table
          label="What happened"
          columns={columns}
          items={events}
          id={(e) => `${e.at} ${e.kind} ${e.id}`}
          sort={{ key: 'at', descending: true }}
          onOpen={(e) => navigate(routeOfEvent(route.value, e))}
          empty={find || subject || kind ? 'Nothing of that kind changed in this time.' : 'Nothing changed in this time.'}
        />
      )}
      {more && (
        <button type="button" disabled={older.busy} onClick={() => older.load({ from, to: events.at(-1)?.at ?? '', node: find, subject, kind, limit: PAGE })}>
          Load older ones
        </button>
      )}
    </section>
  );
}

const keyOf = (e: ChartEvent): string => `${e.at} ${e.kind} ${e.id}`;

function unique(events: readonly ChartEvent[]): ChartEvent[] {
  return [...new Map(events.map((e) => [keyOf(e), e])).values()];
}

interface Older {
  key: string;
  events: readonly ChartEvent[];
  more: boolean;
}

/** Pages of older events, for as long as the same are asked for. */
function useOlder(key: string, from: string) {
  const { client } = useApp();
  const [held, setHeld] = useState<Older>({ key, events: [], more: false });
  const [busy, setBusy] = useState(false);
  const newest = useRef(key);
  newest.current = key;
  const current = held.key === key;
  const events = useMemo(() => (current ? held.events : []), [current, held]);
  const load = async (query: Parameters<typeof client.events>[0]): Promise<void> => {
    setBusy(true);
    try {
      const page = await client.events({ ...query, from });
      if (newest.current === key) setHeld({ key, events: [...events, ...page.events], more: page.more });
    } finally {
      setBusy(false);
    }
  };
  return { asked: current && held.events.length > 0, events, more: held.more, busy, load: (q: Parameters<typeof client.events>[0]) => void load(q) };
}

/** What the events, and the bars above, are narrowed to. */
function Filters() {
  const { route, navigate, feed } = useApp();
  const { find, subject, kind } = route.value;
  const names = [...(feed.topology.value?.nodes.keys() ?? [])].slice(0, 500);
  return (
    <div class="narrowing" role="search">
      <input
        type="search"
        class="find"
        list="node-names"
        aria-label="Only of this node"
        placeholder="Node, at either end"
        spellcheck={false}
        value={find}
        onChange={(event) => navigate({ ...route.value, find: event.currentTarget.value.trim() }, true)}
      />
      <datalist id="node-names">
        {names.map((n) => (
          <option key={n} value={n} />
        ))}
      </datalist>
      <select aria-label="Of what" value={subject} onChange={(event) => navigate({ ...route.value, subject: event.currentTarget.value as Route['subject'] }, true)}>
        {SUBJECTS.map(([value, title]) => (
          <option key={value} value={value}>
            {title}
          </option>
        ))}
      </select>
      <select aria-label="What happened to it" value={kind} onChange={(event) => navigate({ ...route.value, kind: event.currentTarget.value as Route['kind'] }, true)}>
        {KINDS.map(([value, title]) => (
          <option key={value} value={value}>
            {title}
          </option>
        ))}
      </select>
      {(find || subject || kind) && (
        <button type="button" class="plain" onClick={() => navigate({ ...route.value, find: '', subject: '', kind: '' })}>
          Clear the filter
        </button>
      )}
    </div>
  );
}

function columnsOf(text: (e: ChartEvent) => string): Column<ChartEvent>[] {
  return [
    { key: 'kind', title: 'Kind', class: 'state', cell: (e) => <StateIcon state={e.check?.status ?? MARK_SHAPES[e.kind]} /> },
    { key: 'what', title: 'What', class: 'strong event', value: text, cell: text },
    { key: 'at', title: 'When', class: 'time', value: (e) => Date.parse(e.at), cell: (e) => <Moment at={e.at} />, descending: true },
    { key: 'ago', title: 'Ago', class: 'number time roomy', cell: (e) => <Age at={e.at} /> },
  ];
}

/** So many gaps are listed. */
const GAPS = 50;

/** The times in which something was not seen: nothing vanished in them. */
function Gaps({ gaps }: { gaps: readonly Gap[] }) {
  if (gaps.length === 0) return null;
  const newest = [...gaps].reverse();
  return (
    <details class="gaps">
      <summary>{plural(gaps.length, 'gap')} in what was seen, of the last 30 days</summary>
      <p>Nothing is said to have vanished in a gap. A chart of such a moment shows what was seen last.</p>
      <ul>
        {newest.slice(0, GAPS).map((g) => (
          <li key={`${g.node ?? ''} ${g.from}`}>
            <b>{g.node ?? 'Everything'}</b>: {g.why}, from <Moment at={g.from} />{' '}
            {g.to ? (
              <>
                to <Moment at={g.to} />
              </>
            ) : (
              'on'
            )}
          </li>
        ))}
      </ul>
      {gaps.length > GAPS && <p>and {figure(gaps.length - GAPS)} older ones</p>}
    </details>
  );
}
