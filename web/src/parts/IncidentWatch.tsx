import { useEffect, useRef } from 'preact/hooks';
import { useApp } from '../app';
import { openCount, worstIncidents } from '../state/incidents';
import { useIncidentTurn } from './news';
import { useResource } from '../state/resource';
import { goTo } from '../state/route';

/** Where somebody who only opens the site has little room. */
const NARROW = '(max-width: 639px)';

/** Keeps the open incidents, and says when another one opens. On phones, who opens the site while something is wrong sees that first. */
export function IncidentWatch() {
  const { client, incidents, speaker, route, navigate } = useApp();
  const landing = useRef(location.hash === '' && matchMedia(NARROW).matches);
  const turn = useIncidentTurn();
  const { data } = useResource('incidents', turn, (s) => client.incidents('open', '', s));
  const known = useRef<ReadonlySet<string> | null>(null);
  useEffect(() => {
    if (!data) return;
    const list = worstIncidents(data.incidents);
    const news = known.current === null ? [] : list.filter((i) => !known.current?.has(i.id));
    known.current = new Set(list.map((i) => i.id));
    incidents.value = list;
    if (landing.current && list.length > 0 && location.hash === '') navigate(goTo(route.peek(), 'incidents'), true);
    landing.current = false;
    if (news.length > 0) speaker.say(news.map((i) => `Incident: ${i.title}. ${openCount(list)} open`));
  }, [data]);
  return null;
}
