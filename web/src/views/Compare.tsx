import { useMemo, useState } from 'preact/hooks';
import { useApp } from '../app';
import type { Gap } from '../api/types';
import { figure, plural } from '../lib/format';
import { MarkText } from '../parts/MarkText';
import { type Column, Table } from '../parts/Table';
import { Moment } from '../parts/Time';
import { Timeline } from '../parts/Timeline';
import { type ChangeRow, MARK_ORDER, type Mark, changeRows, counts } from '../state/compare';
import { checkName, placeOf } from '../state/checks';
import { fieldsInWords } from '../state/past';
import { type Route, compareWith, goTo, showMoment, showOnChart } from '../state/route';
import { fieldMoment, pickedMoment } from '../state/timeline';
import { type Namer, knownAs, serviceLabel } from '../state/topology';
import { edgeText } from '../state/words';

const DAY_MS = 86_400_000;

const PRESETS: readonly (readonly [string, number])[] = [
  ['Since yesterday', DAY_MS],
  ['Since a week ago', 7 * DAY_MS],
  ['Since 30 days ago', 30 * DAY_MS],
];

/** What is new, back, changed and gone between two moments. */
export function Compare() {
  const { other, route } = useApp();
  const { from, at } = route.value;
  const diff = other.value?.diff ?? null;
  return (
    <>
      <Moments key={`${from} ${at}`} />
      <Timeline />
      {!from && <p class="ink2">Choose an earlier moment, or drag over the time between the two with Shift held: what was deployed since, or broke, is what differs.</p>}
      {from && diff && <Changes rows={changeRows(diff)} gaps={diff.gaps} />}
    </>
  );
}

/** The two moments: by one press, or typed. */
function Moments() {
  const { route, navigate, now, prefs } = useApp();
  const { from, at } = route.value;
  const utc = prefs.utc.value;
  const zone = utc ? 'UTC' : 'local time';
  const minute = (ms: number): string => new Date(Math.floor(ms / 60_000) * 60_000).toISOString();
  return (
    <>
      <div class="buttons start" role="group" aria-label="Often asked">
        {PRESETS.map(([title, ago]) => (
          <button key={title} type="button" onClick={() => navigate(compareWith(showMoment(route.value, ''), minute(now.peek() - ago)))}>
            {title}
          </button>
        ))}
      </div>
      <form
        class="moments"
        onSubmit={(event) => {
          event.preventDefault();
          const data = new FormData(event.currentTarget);
          const field = (name: string, before: string): string => {
            const value = data.get(name);
            return pickedMoment(typeof value === 'string' ? value : '', before, utc);
          };
          const earlier = field('from', from);
          if (earlier) navigate(compareWith(showMoment(route.value, field('to', at)), earlier));
        }}
      >
        <label>
          <span>
            <span class="letter">A</span> from
          </span>{' '}
          <input type="datetime-local" name="from" step="1" required defaultValue={fieldMoment(from, utc)} />
        </label>
        <label>
          <span>
            <span class="letter">B</span> to
          </span>{' '}
          <input type="datetime-local" name="to" step="1" defaultValue={fieldMoment(at, utc)} />
        </label>
        <span class="ink3">{zone}; without B: now</span>
        <button type="submit" class={from ? '' : 'strong'}>
          Compare
        </button>
        <span class="gap" />
        {from && (
          <button type="button" class="strong" onClick={() => navigate(goTo(route.value, 'chart'))}>
            Show on the chart
          </button>
        )}
      </form>
    </>
  );
}

const SUBJECTS: readonly (readonly [ChangeRow['subject'] | '', string])[] = [
  ['', 'All'],
  ['node', 'Nodes'],
  ['service', 'Services'],
  ['connection', 'Connections'],
  ['check', 'Checks'],
];

function Changes({ rows, gaps }: { rows: readonly ChangeRow[]; gaps: readonly Gap[] }) {
  const { feed, route, navigate } = useApp();
  const [mark, setMark] = useState<Mark | ''>('');
  const { subject } = route.value;
  const topology = feed.topology.value;
  const columns = useMemo(() => columnsOf(knownAs(topology)), [topology]);
  const marked = rows.filter((r) => !mark || r.mark === mark);
  const shown = marked.filter((r) => !subject || r.subject === subject);
  const by = counts(rows.filter((r) => !subject || r.subject === subject));
  return (
    <section>
      <div class="narrowing">
        <div class="segments" role="group" aria-label="Of what">
          {SUBJECTS.map(([value, title]) => (
            <button key={value} type="button" aria-pressed={subject === value} onClick={() => navigate({ ...route.value, subject: value }, true)}>
              {title} <span class="count">{figure(marked.filter((r) => !value || r.subject === value).length)}</span>
            </button>
          ))}
        </div>
        <div class="chips" role="group" aria-label="Only what is">
          {MARK_ORDER.filter((m) => m !== 'absent').map((m) => (
            <button key={m} type="button" class="filter" aria-pressed={mark === m} disabled={!by.get(m) && mark !== m} onClick={() => setMark(mark === m ? '' : m)}>
              <MarkText mark={m} /> <span>{figure(by.get(m) ?? 0)}</span>
            </button>
          ))}
        </div>
      </div>
      <Unseen gaps={gaps} />
      <Table
        label="What changed"
        columns={columns}
        items={shown}
        id={(r) => r.key}
        sort={{ key: 'mark', descending: false }}
        onOpen={(r) => navigate(routeOf(route.value, r))}
        empty={rows.length === 0 ? 'Nothing differs between the two.' : 'Nothing of that kind differs.'}
      />
      {rows.some((r) => r.mark === 'vanished') && (
        <p class="small ink3">
          A connection has vanished once nothing of it was open for the ageing limit. Those that come and go, such as nightly jobs, may be back.
        </p>
      )}
    </section>
  );
}

/** What could not be seen between the two says nothing. */
function Unseen({ gaps }: { gaps: readonly Gap[] }) {
  if (gaps.length === 0) return null;
  const nodes = new Set(gaps.flatMap((g) => (g.node ? [g.node] : [])));
  const all = gaps.filter((g) => !g.node).length;
  const said = [...(all > 0 ? [`nothing was seen ${plural(all, 'time')}`] : []), ...(nodes.size > 0 ? [`${plural(nodes.size, 'node')} could not be seen all the time`] : [])];
  return <p class="unseen-note">Between the two, {said.join(', and ')}: what was not seen is not said to have vanished.</p>;
}

function routeOf(route: Route, { subject, id, check }: ChangeRow): Route {
  if (subject !== 'check') return showOnChart(route, { kind: subject, id });
  const on = check ? placeOf(check) : null;
  return on ? showOnChart(route, on) : goTo(route, 'checks');
}

function columnsOf(named: Namer): Column<ChangeRow>[] {
  return [
    { key: 'mark', title: 'Change', class: 'whole', value: (r) => MARK_ORDER.indexOf(r.mark), cell: (r) => <MarkText mark={r.mark} /> },
    { key: 'what', title: 'What', class: 'strong', value: (r) => nameOf(r, named), cell: (r) => <span class={r.mark === 'vanished' ? 'gone' : ''}>{nameOf(r, named)}</span> },
    { key: 'subject', title: 'Is a', value: (r) => r.subject, cell: (r) => r.subject },
    { key: 'fields', title: 'What of it', spare: true, value: (r) => fieldsInWords(r.what), cell: (r) => fieldsInWords(r.what) || null },
    {
      key: 'at',
      title: 'Since, or last seen',
      class: 'time',
      descending: true,
      value: (r) => Date.parse(r.at) || 0,
      cell: (r) => (r.at && r.mark !== 'changed' ? <><span class="ink3">{r.mark === 'vanished' ? 'last seen ' : 'since '}</span><Moment at={r.at} /></> : null),
    },
  ];
}

export function nameOf({ node, service, connection, check }: ChangeRow, named: Namer): string {
  if (check) return `${checkName(check)} of ${check.node ? named(check.node) : check.host} is ${check.status}`;
  if (connection) return `${connection.client.process ? `${named(connection.client.node)} ` : ''}${edgeText(connection, named)}`;
  if (service) return `${serviceLabel(service)} on ${named(service.node)}`;
  return named(node ?? '');
}

