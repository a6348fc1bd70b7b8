import { useEffect, useRef } from 'preact/hooks';
import { useApp } from '../app';
import { openCount, worstIncidents } from '../state/incidents';
import { useResource, useTurn } from '../state/resource';

/** What is open is read with every change of the chart, and this often, ms: causes change without one. */
const AGAIN_MS = 5_000;

/** Keeps the open incidents, and says when another one opens. */
export function IncidentWatch() {
  const { client, feed, now, incidents, speaker } = useApp();
  const round = useTurn(now, AGAIN_MS);
  const { data } = useResource('incidents', `${feed.topology.value?.revision ?? ''} ${round}`, (s) => client.incidents('open', '', s));
  const known = useRef<ReadonlySet<string> | null>(null);
  useEffect(() => {
    if (!data) return;
    const list = worstIncidents(data.incidents);
    const news = known.current === null ? [] : list.filter((i) => !known.current?.has(i.id));
    known.current = new Set(list.map((i) => i.id));
    incidents.value = list;
    if (news.length > 0) speaker.say(news.map((i) => `Incident: ${i.title}. ${openCount(list)} open`));
  }, [data]);
  return null;
}
