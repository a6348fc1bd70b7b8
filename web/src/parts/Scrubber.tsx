import { useMemo, useRef } from 'preact/hooks';
import { useApp } from '../app';
import type { IncidentSummary } from '../api/types';
import { plural } from '../lib/format';
import { useResource, useTurn } from '../state/resource';
import { REACHES, type Reach } from '../state/route';
import { BINS, type Bin, type Counted, type Span, type Stretch, recount, refilled, stepOf, stretches } from '../state/timeline';
import { Bars } from './Bars';
import { Happened, Tools, type View, useHappened, useKnown, useView } from './Timeline';

/** What is known of the past, and which incidents are over, is read again this often, ms. */
const AGAIN_MS = 60_000;
/** Of a bar that is pointed at, so many incidents are told. */
const TOLD = 3;

const LENGTHS: Readonly<Record<Reach, string>> = { hour: 'Last hour', day: 'Last 24 hours', week: 'Last 7 days', month: 'Last 30 days' };

const iso = (ms: number): string => new Date(ms).toISOString();
const NO_BINS: readonly Bin[] = [];
const NO_INCIDENTS: readonly IncidentSummary[] = [];

/** The line of time at the foot of the chart: how much changed when, which incidents there were, and the way to any moment. */
export function Scrubber() {
  const { route } = useApp();
  const { at, from } = route.value;
  const past = at !== '' || from !== '';
  const view = useView();
  const { span, go, shift } = view;
  const { bins, failed } = useCounts(view);
  const { events } = useHappened(view, past);
  const known = useKnown(AGAIN_MS);
  const incidents = useStretches(span);
  const told = (ms: number) => (
    <>
      {over(incidents, ms).map((i) => (
        <b key={i.id} class="open-then">
          {i.title}
        </b>
      ))}
      {past ? <Happened at={ms} span={span} events={events} oldest={NaN} /> : <Figures at={ms} span={span} bins={bins} />}
    </>
  );
  return (
    <section class="timeline foot" aria-label="Timeline">
      {past && <Tools events={events} span={span} shift={shift} go={go} />}
      <div class="foot-row">
        <Length bins={bins} failed={failed} />
        <Bars bins={bins} span={span} gaps={known.gaps} known={known.from} oldest={NaN} incidents={incidents} told={told} go={go} />
        <Here />
      </div>
    </section>
  );
}

/** How many changes each bar has. Of what was counted before only the end is counted again. */
function useCounts({ span, live, turn }: View): { bins: readonly Bin[]; failed: boolean } {
  const { client } = useApp();
  const held = useRef<Counted>({ span: { from: 0, to: 0 }, until: 0, bins: NO_BINS });
  const counts = useResource(`counts ${span.from} ${span.to}`, String(turn), async (signal) => {
    const first = recount(held.current, span);
    const begin = span.from + (first * (span.to - span.from)) / BINS;
    const found = await client.eventCounts(iso(begin), live ? '' : iso(span.to), stepOf(span), signal);
    const bins = refilled(held.current.bins, first, found, span);
    held.current = { span, until: Date.parse(found.to), bins };
    return bins;
  });
  return { bins: counts.data ?? held.current.bins, failed: counts.problem !== null };
}

/** The incidents of the time that is shown: those that are open as they come, those that are over now and then. */
function useStretches(span: Span): readonly Stretch[] {
  const { client, incidents, now } = useApp();
  const over = useResource(`over ${span.from}`, String(useTurn(now, AGAIN_MS)), (s) => client.incidents('resolved', iso(span.from), s));
  const last = useRef(NO_INCIDENTS);
  last.current = over.data?.incidents ?? last.current;
  const ended = last.current;
  const open = incidents.value;
  return useMemo(() => stretches([...ended, ...open.filter((i) => !ended.some((e) => e.id === i.id))], span), [open, ended, span.from, span.to]);
}

/** Those that were open at a time, the worst first. */
function over(incidents: readonly Stretch[], at: number): Stretch[] {
  return incidents.filter((i) => i.from <= at && i.to >= at).reverse().slice(0, TOLD);
}

function Figures({ at, span, bins }: { at: number; span: Span; bins: readonly Bin[] }) {
  const bin = bins[Math.floor(((at - span.from) / (span.to - span.from)) * BINS)];
  const { up = 0, down = 0 } = bin ?? {};
  return <span class={up + down > 0 ? '' : 'ink3'}>{up + down > 0 ? [up > 0 ? `${plural(up, 'thing')} came or changed` : '', down > 0 ? `${down} vanished` : ''].filter(Boolean).join(', ') : 'no change'}</span>;
}

/** How much time is shown, and how much changed in it. */
function Length({ bins, failed }: { bins: readonly Bin[]; failed: boolean }) {
  const { route, navigate } = useApp();
  const total = bins.reduce((sum, b) => sum + b.up + b.down, 0);
  return (
    <div class="foot-length">
      <select aria-label="How much time" value={route.value.reach} onChange={(event) => navigate({ ...route.value, reach: event.currentTarget.value as Reach }, true)}>
        {REACHES.map((r) => (
          <option key={r} value={r}>
            {LENGTHS[r]}
          </option>
        ))}
      </select>
      <span class="small ink3">{failed ? 'can’t be read' : plural(total, 'change')}</span>
    </div>
  );
}

/** Which moment the handle stands at. */
function Here() {
  const { route, now, prefs } = useApp();
  const { at } = route.value;
  const zone = prefs.utc.value ? { timeZone: 'UTC' } : {};
  const time = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', ...zone }).format(at ? Date.parse(at) : now.value);
  return (
    <div class="foot-here">
      <b>{time}</b>
      <span class="small ink3">
        {at ? 'as of then' : 'now, live'}, {prefs.utc.value ? 'UTC' : 'local'}
      </span>
    </div>
  );
}
