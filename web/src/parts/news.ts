import { useApp } from '../app';
import { useTurn } from '../state/resource';

/** Without a line that tells what is new of incidents they are read again this often, ms. */
export const WITHOUT_LINE_MS = 30_000;

/** Changes whenever incidents are to be read again: the stream says so; where there is none, the clock. */
export function useIncidentTurn(): string {
  const { feed, now, route } = useApp();
  const round = useTurn(now, WITHOUT_LINE_MS);
  // A moment gone by has no line.
  return feed.phase.value === 'live' && route.value.at === '' ? `told ${feed.news.value}` : `asked ${round}`;
}
