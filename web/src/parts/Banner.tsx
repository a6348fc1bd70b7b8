import { useApp } from '../app';
import { span } from '../lib/format';

/** From then on the page says loudly that it shows the past. */
const LOUD_AFTER_MS = 60_000;

export function Banner() {
  const { feed, now } = useApp();
  const lost = feed.lostAt.value;
  if (lost === 0 || now.value - lost < LOUD_AFTER_MS || !feed.topology.value) return null;
  return (
    <div class="banner" role="status">
      No connection to dotm for {span(now.value - lost)}. The page shows what was known then.
      <button type="button" onClick={() => feed.retry()}>
        Retry
      </button>
    </div>
  );
}
