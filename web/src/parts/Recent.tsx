import { useApp } from '../app';
import type { RecentDocument } from '../api/types';
import { figure, micros, percent, rate, shortMoment } from '../lib/format';
import { failedInAll, timeOf } from '../state/recent';
import { Sparkline } from './Sparkline';

/** The numbers of a node's last hour as lines, as far as they are known. */
export function Recent({ hour }: { hour: RecentDocument | null }) {
  const { now, prefs, route } = useApp();
  if (route.value.at) return <p class="small ink3 recent-none">The numbers of an hour are kept for now only, not for moments gone by.</p>;
  if (!hour) return null;
  const { node } = hour;
  const utc = prefs.utc.value;
  const when = (i: number): string => shortMoment(timeOf(hour, i), now.value, utc);
  if (!node.open.some((p) => p !== null)) {
    return <p class="small ink3 recent-none">No numbers of the last hour yet: one comes every {figure(hour.step_seconds)} s while the node reports.</p>;
  }
  const failed = failedInAll(node);
  const whole = (n: number): string => figure(Math.round(n));
  return (
    <section class="recent" aria-label="The last hour">
      <div class="section-head">
        <h3>The last hour</h3>
        <span>every {figure(hour.step_seconds)} s; hatched: not seen</span>
      </div>
      <div class="sparks">
        <Sparkline title="Open connections" points={node.open} word={whole} when={when} />
        {node.failed && failed !== null && <Sparkline title="Attempts that failed" points={node.failed} word={whole} when={when} bars head={`${figure(failed)} in all`} />}
        {node.retransmit_ratio && <Sparkline title="Sent again" points={node.retransmit_ratio} word={percent} when={when} />}
        {node.rtt_us && <Sparkline title="Round trip, mean" points={node.rtt_us} word={micros} when={when} />}
        {node.sent_bytes_per_second && <Sparkline title="Sent" points={node.sent_bytes_per_second} word={rate} when={when} />}
        {node.received_bytes_per_second && <Sparkline title="Received" points={node.received_bytes_per_second} word={rate} when={when} />}
      </div>
    </section>
  );
}
