import { computed } from '@preact/signals';
import { useMemo, useRef } from 'preact/hooks';
import { useApp } from '../app';
import type { Told } from '../api/types';
import { sameVerdicts } from '../state/checks';
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

/** Changes whenever what is named is to be read again: the line says so; where there is none, or it is not told, every so many ms. */
export function useTold(name: keyof Told, ms: number): string {
  const { feed, now, route } = useApp();
  const told = useMemo(() => computed(() => feed.told.value[name]), [feed, name]).value;
  const round = useTurn(now, ms);
  return told && feed.phase.value === 'live' && route.value.at === '' ? told : String(round);
}

/**
 * Changes whenever checks are to be read again: what the stream tells of the boxes says that
 * one went bad, got well, came, or is taken care of. What a check says and measures meanwhile
 * changes all the time, and is worth a look now and then.
 */
export function useCheckTurn(): number {
  const nodes = useApp().feed.topology.value?.nodes;
  const held = useRef({ nodes, turn: 0 });
  const { nodes: before, turn } = held.current;
  if (nodes && nodes !== before) held.current = { nodes, turn: sameVerdicts(before, nodes) ? turn : turn + 1 };
  return held.current.turn;
}

/** Changes whenever all that some checks say is to be read again; without a line every so many ms. Those of a moment gone by never are. */
export function useCheckTurns(ms: number): string {
  const { at } = useApp().route.value;
  const turn = `${useCheckTurn()} ${useTold('alerts', ms)} ${useTold('read', ms)}`;
  return at ? '' : turn;
}
