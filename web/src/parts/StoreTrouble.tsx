import { useEffect, useState } from 'preact/hooks';
import { useApp } from '../app';
import { type Count, counted, lostOfLate, storeTrouble } from '../state/past';
import { useResource, useTurn } from '../state/resource';
import { useTold } from './news';
import { Icon } from './Icon';

/** How often it is asked whether the history is being written, ms, where nobody tells. */
const ASK_EVERY_MS = 15_000;

/** What is wrong with the store, while it is; the live chart goes on. */
export function StoreTrouble() {
  const { client, now, storeAway } = useApp();
  const told = useTold('store', ASK_EVERY_MS);
  const round = useTurn(now, ASK_EVERY_MS);
  // A trouble that came and went between two names must not stay on the page: while there is one the clock asks, too.
  const { data } = useResource('history', storeAway.value ? `${told} ${round}` : told, (s) => client.history(s));
  const [counts, setCounts] = useState<readonly Count[]>([]);
  useEffect(() => {
    if (data) setCounts((before) => counted(before, { at: now.peek(), lost: data.events_lost }));
  }, [data]);
  const away = Boolean(data?.problem) || data?.server?.role === 'alone';
  useEffect(() => {
    storeAway.value = away;
  }, [away]);
  const said = data ? storeTrouble(data, lostOfLate(counts)) : '';
  if (!said) return null;
  return (
    <div class={`banner store${away ? ' away' : ''}`} role="status">
      <Icon name="history" />
      <span>{said}</span>
    </div>
  );
}
