import { useEffect } from 'preact/hooks';
import { useApp } from '../app';
import { sourceTrouble, worstFirst } from '../state/checks';
import { useResource } from '../state/resource';
import { formatRoute, goTo } from '../state/route';
import { Icon } from './Icon';
import { useCheckTurn, useTold } from './news';

/** How the sources are is read again this often, ms, where nobody tells. */
const ASK_EVERY_MS = 15_000;

/** Reads how the monitoring systems are and what is open; says what can't be read, while it can't. */
export function Monitoring() {
  const { client, route, sources, alerts } = useApp();
  const known = useResource('sources', useTold('sources', ASK_EVERY_MS), (s) => client.sources(s));
  // dotm's own source is no monitoring system: it counts while it has something to say.
  const list = (known.data?.sources ?? []).filter((s) => !s.built_in || s.checks > 0);
  const any = list.length > 0 || sources.value.length > 0;
  const { at } = route.value;
  const turn = `${useCheckTurn()} ${useTold('alerts', ASK_EVERY_MS)}`;
  const open = useResource(`open ${at} ${any}`, turn, (s) => (any ? client.checks({ open: true }, s) : Promise.resolve({ checks: [] })));
  useEffect(() => {
    if (open.data) alerts.value = worstFirst(open.data.checks);
    // Not before what is open was read: until then nobody may say that nothing is.
    if (known.data && (!any || open.data || open.problem)) sources.value = list;
  }, [known.data, open.data, open.problem]);
  const said = sourceTrouble(sources.value);
  if (!said) return null;
  return (
    <div class="banner sources" role="status">
      <Icon name="checks" />
      <span>{said}</span>
      <span class="gap" />
      {route.value.view !== 'settings' && <a href={formatRoute(goTo(route.value, 'settings'))}>Sources</a>}
    </div>
  );
}
