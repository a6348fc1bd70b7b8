import { useApp } from '../app';
import { storeTrouble } from '../state/past';
import { useResource } from '../state/resource';

/** How often it is asked whether the history is being written, ms. */
const ASK_EVERY_MS = 15_000;

/** What is wrong with the store, while it is; the live chart goes on. */
export function StoreTrouble() {
  const { client, now } = useApp();
  const turn = Math.floor(now.value / ASK_EVERY_MS);
  const { data } = useResource('history', String(turn), (s) => client.history(s));
  const said = data ? storeTrouble(data) : '';
  if (!said) return null;
  return (
    <div class="banner store" role="status">
      {said}
    </div>
  );
}
