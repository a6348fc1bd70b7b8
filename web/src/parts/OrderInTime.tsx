import { useApp } from '../app';
import type { Incident } from '../api/types';
import { moment, span } from '../lib/format';
import { type PlacedMark, type PlacedRow, orderOf, together } from '../state/incidents';
import { useTurn } from '../state/resource';
import { StateIcon } from './StateIcon';

/** The line is drawn anew this often, ms: it is about the beginning, which is over. */
const AGAIN_MS = 10_000;

const percent = (share: number): string => `${(share * 100).toFixed(2)}%`;

/** When which check went bad: a row for each component, a mark for each check. */
export function OrderInTime({ incident }: { incident: Incident }) {
  const { now, prefs } = useApp();
  useTurn(now, AGAIN_MS);
  const order = orderOf(incident, now.peek());
  if (!order) return null;
  const utc = prefs.utc.value;
  return (
    <section class="order">
      <div class="section-head">
        <h3>Order in time</h3>
        <span>each mark is one check or signal</span>
      </div>
      <div class="order-head small ink3" aria-hidden="true">
        <span>{moment(new Date(order.begin).toISOString(), utc)}</span>
        <span>{incident.state === 'open' ? 'now' : 'resolved'}</span>
      </div>
      <ol>
        {order.rows.map((row) => (
          <Row key={row.refs[0]?.component} row={row} utc={utc} />
        ))}
      </ol>
      {order.more > 0 && <p class="small ink3">and {order.more} more</p>}
      <p class="small ink3">
        A bar before a mark is the time in which it went bad: between its last good result and the first bad one.
        {order.clocks && ' These are times of several clocks: what is close together has no sure order.'}
      </p>
    </section>
  );
}

function Row({ row, utc }: { row: PlacedRow; utc: boolean }) {
  const worst = row.marks[0];
  const first = row.marks.reduce((least, m) => Math.min(least, m.to), 1);
  const at = row.after === 0 ? 'first' : `+${span(row.after)}`;
  return (
    <li>
      <span class="order-name">{together(row.refs)}</span>
      <span class="order-line" role="img" aria-label={`${row.marks.map((m) => `${m.name || 'host'} ${m.status}`).join(', ')}, ${at}`}>
        <svg width="100%" height="22" aria-hidden="true">
          <rect class={worst?.status === 'WARNING' ? 'warning' : 'critical'} x={percent(first)} y="7" width={percent(Math.max(0.002, row.until - first))} height="8" rx="2" />
          {row.marks.map((m) => m.from < m.to && <rect key={m.check} class="onset" x={percent(m.from)} y="10" width={percent(m.to - m.from)} height="2" />)}
        </svg>
        {row.marks.map((m) => (
          <Dot key={m.check} mark={m} />
        ))}
      </span>
      <span class="order-at small" title={utc ? 'UTC' : undefined}>
        {at}
      </span>
    </li>
  );
}

/** A check at the moment when it was first bad. The place is set by script: markup may not hold styles. */
function Dot({ mark }: { mark: PlacedMark }) {
  return (
    <span class="order-mark" title={`${mark.name || 'host'} ${mark.status}`} ref={(e) => e?.style.setProperty('left', percent(mark.to))}>
      <StateIcon state={mark.signal ? 'SIGNAL' : mark.status} size={12} silent />
    </span>
  );
}
