import { useEffect, useRef } from 'preact/hooks';
import { useApp } from '../app';
import type { Check } from '../api/types';
import { alertNews } from '../state/speaker';
import { knownAs } from '../state/topology';
import { checkTitle } from './Checks';

/** The page's two live regions: everything that screen readers are told without being asked goes through them. */
export function Announcer({ title }: { title: string }) {
  const { speaker, feed } = useApp();
  const { value: spoken } = feed.spoken;
  useEffect(() => speaker.say(spoken ? [spoken] : []), [spoken]);
  const opened = useRef(false);
  useEffect(() => {
    // A page that is just loaded is read by itself.
    if (opened.current) speaker.say([title]);
    opened.current = true;
  }, [title]);
  useAlertNews();
  return (
    <>
      <div class="hidden" role="status" aria-live="polite">
        {speaker.polite.value}
      </div>
      <div class="hidden" role="alert" aria-live="assertive">
        {speaker.urgent.value}
      </div>
    </>
  );
}

/** Tells of alerts that open and close while the page looks; what was open before is no news, nor is the past. */
function useAlertNews(): void {
  const { alerts, sources, feed, route, speaker } = useApp();
  const before = useRef<{ at: string; alerts: readonly Check[] } | null>(null);
  const { at } = route.value;
  const list = alerts.value;
  const known = sources.value.length > 0;
  useEffect(() => {
    const was = before.current;
    before.current = known ? { at, alerts: list } : null;
    if (!was || !known || at !== '' || was.at !== at) return;
    const named = knownAs(feed.topology.peek());
    const { urgent, polite } = alertNews(was.alerts, list, (c) => checkTitle(c, named));
    speaker.say(urgent, true);
    speaker.say(polite);
  }, [list, at, known]);
}
