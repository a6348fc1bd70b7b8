import { useEffect } from 'preact/hooks';
import { useApp } from '../app';
import { useResource } from '../state/resource';
import { ProblemNote } from './Problem';

/** Compared with now, a site is compared again this often, ms. */
const AGAIN_MS = 30_000;

/**
 * Reads the other moment that stands beside the one shown: the earlier one of a
 * comparison, with what changed since, or today beside the past.
 */
export function Beside() {
  const { client, route, now, other } = useApp();
  const { level, hide, at, from, expand } = route.value;
  const wanted = at !== '' || from !== '';
  const turn = from && !at ? Math.floor(now.value / AGAIN_MS) : 0;
  const { data, problem, reload } = useResource(`beside ${level} ${hide.join()} ${from} ${at}`, String(turn), async (signal) => {
    if (!wanted) return null;
    const [doc, diff] = await Promise.all([
      client.topologyOf(from, level, hide, expand, signal),
      from ? client.diff(from, at, hide, signal) : Promise.resolve(null),
    ]);
    return { doc, diff };
  });
  useEffect(() => {
    other.value = data;
  }, [data]);
  useEffect(() => () => void (other.value = null), []);
  if (!from || !problem) return null;
  return (
    <div class="beside-problem">
      <ProblemNote problem={problem} onRetry={reload} />
    </div>
  );
}
