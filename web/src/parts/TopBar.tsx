import { useApp } from '../app';
import { figure, plural, span } from '../lib/format';
import { byStatus, others } from '../state/checks';
import { openCount } from '../state/incidents';
import { type View, formatRoute, goTo } from '../state/route';
import { ONE_SIDED, coverageLine } from '../state/words';
import { Icon, type IconName, Mark } from './Icon';
import { StateIcon } from './StateIcon';

const TABS: readonly (readonly [Exclude<View, 'node' | 'settings' | 'unknown'>, string, IconName])[] = [
  ['chart', 'Chart', 'chart'],
  ['services', 'Services', 'services'],
  ['nodes', 'Nodes', 'nodes'],
  ['incidents', 'Incidents', 'incidents'],
  ['checks', 'Checks', 'checks'],
  ['history', 'History', 'history'],
  ['report', 'Report', 'report'],
];

/** Under the thumb there is room for four, the incidents first; search leads to the others. */
const UNDER_THUMB = (['incidents', 'chart', 'nodes', 'history'] as const).flatMap((view) => TABS.filter(([v]) => v === view));

function isCurrent(tab: View, view: View): boolean {
  return tab === view || (tab === 'checks' && view === 'mapping') || (tab === 'nodes' && view === 'node') || (tab === 'report' && view === 'drift');
}

function current(yes: boolean) {
  return yes ? { 'aria-current': 'page' as const } : {};
}

export function TopBar() {
  const { route, dialog } = useApp();
  return (
    <header class="top">
      <a class="mark" href={formatRoute(goTo(route.value, 'chart'))}>
        <Mark />
        dotm
      </a>
      <Origin />
      <nav class="tabs" aria-label="Views">
        {TABS.map(([view, title]) => (
          <a key={view} href={formatRoute(goTo(route.value, view))} {...current(isCurrent(view, route.value.view))}>
            {title}
            {view === 'incidents' && <OpenIncidents />}
          </a>
        ))}
      </nav>
      <span class="gap" />
      <Insecure />
      <Alerts />
      <CoverageLine />
      <button type="button" class="search" onClick={() => (dialog.value = 'search')}>
        <Icon name="search" />
        Search or go to
        <kbd>/</kbd>
      </button>
      <LiveState />
      <a
        class="settings"
        href={formatRoute(goTo(route.value, 'settings'))}
        aria-label="Settings"
        title="Settings"
        {...current(route.value.view === 'settings')}
      >
        <Icon name="settings" />
      </a>
      <Account />
    </header>
  );
}

/** How many incidents nobody takes care of. */
function OpenIncidents() {
  const { incidents } = useApp();
  const count = openCount(incidents.value);
  return count > 0 ? (
    <span class="count" aria-label={`${count} open`}>
      {count}
    </span>
  ) : null;
}

export const ORIGINS = {
  demo: ['demo', ', made-up data', 'dotm demo made all of this up: no such site exists.'],
  replay: ['replay', ', recorded data', 'dotm replay shows what was recorded before: nothing of this is live.'],
} as const;

/** What is not the site's own is labelled so on every page. */
export function Origin() {
  const { version } = useApp();
  const data = version.value?.data;
  if (data !== 'demo' && data !== 'replay') return null;
  const [word, more, title] = ORIGINS[data];
  return (
    <span class="origin" title={title}>
      {word}
      <span class="more">{more}</span>
    </span>
  );
}

/** Anybody who reaches this dotm is let in: that is said on every page. */
export function Insecure() {
  const { version } = useApp();
  if (!version.value?.insecure) return null;
  return (
    <span class="insecure" title="Started with --insecure: whoever reaches this address can read the chart and send reports, and read what travels.">
      <StateIcon state="CRITICAL" silent />
      <span>
        Insecure<span class="more">: no login, no encryption</span>
      </span>
    </span>
  );
}

const MAY = { admin: 'may do everything', operator: 'may take care, map and arrange', viewer: 'may look', '': '' } as const;

/** Who is logged in, and the way out. */
function Account() {
  const { session, feed } = useApp();
  if (!session.user.value) return null;
  const leave = async (): Promise<void> => {
    await session.logout();
    feed.clear();
  };
  return (
    <>
      <button type="button" class="plain account" popovertarget="account" aria-label={`Logged in as ${session.user.value}`} title={`Logged in as ${session.user.value}`}>
        <Icon name="person" />
      </button>
      <div
        id="account"
        class="account-body"
        popover="auto"
        onToggle={(event) => event.currentTarget.toggleAttribute('data-open', event.newState === 'open')}
      >
        <b>{session.user.value}</b>
        <span class="small ink3">{MAY[session.role.value]}</span>
        {session.how.value !== 'proxy' && (
          <button type="button" onClick={() => void leave()}>
            Log out
          </button>
        )}
      </div>
    </>
  );
}

/** How much trouble is open, the worst first; and whether all of monitoring can be read. */
function Alerts() {
  const { alerts, sources, route } = useApp();
  const count = others(sources.value).length;
  const failing = sources.value.filter((s) => s.state === 'failing' || s.state === 'stale').length;
  const open = byStatus(alerts.value);
  if (count + open.length === 0) return null;
  const said = open.map(([status, n]) => `${figure(n)} ${status}`).join(', ');
  return (
    <a
      class="alerts"
      href={formatRoute({ ...goTo(route.value, 'checks'), checks: open.length > 0 ? ['open'] : [] })}
      title={`${said || 'Nothing is open'}${failing > 0 ? `; ${plural(failing, 'source')} of ${count} can’t be read` : ''}`}
    >
      {open.map(([status, n]) => (
        <span key={status}>
          <StateIcon state={status} /> <b>{figure(n)}</b>
        </span>
      ))}
      {open.length === 0 && failing === 0 && (
        <span>
          <StateIcon state="OK" silent /> <span class="ink2">no alert</span>
        </span>
      )}
      {failing > 0 && (
        <span class="warning-text">
          <span>
            partial<span class="more">{`: ${count - failing} of ${plural(count, 'source')}`}</span>
          </span>
        </span>
      )}
    </a>
  );
}

function CoverageLine() {
  const { feed } = useApp();
  const topology = feed.topology.value;
  if (!topology) return null;
  const line = coverageLine(topology.coverage);
  const [nodes, sides] = line.split(', ');
  return (
    <span class="coverage" title={`${line}. ${ONE_SIDED}`}>
      {nodes}
      <span class="more">, {sides}</span>
    </span>
  );
}

/** Whether what is on screen is live, and if not, how old it is; `always` says so in any case. */
export function LiveState({ always = false }: { always?: boolean }) {
  const { feed, now, route } = useApp();
  const changed = feed.changedAt.value;
  const since = changed > 0 ? `, last change ${span(now.value - changed)} ago` : '';
  if (route.value.at) {
    return (
      <span class="live still past">
        <i />
        Past
      </span>
    );
  }
  if (feed.phase.value === 'live') {
    return (
      <span class="live">
        <i />
        Live{always && since}
      </span>
    );
  }
  if (feed.phase.value === 'connecting') {
    return (
      <span class="live still">
        <i />
        Connecting
      </span>
    );
  }
  return (
    <span class="live lost">
      <i />
      Reconnecting{since}
    </span>
  );
}

/** The bar under the thumb, on narrow screens. */
export function BottomBar() {
  const { route, dialog } = useApp();
  return (
    <nav class="bottom" aria-label="Views">
      {UNDER_THUMB.map(([view, title, icon]) => (
        <a key={view} href={formatRoute(goTo(route.value, view))} {...current(isCurrent(view, route.value.view))}>
          <Icon name={icon} />
          <span>
            {title}
            {view === 'incidents' && <OpenIncidents />}
          </span>
        </a>
      ))}
      <button type="button" onClick={() => (dialog.value = 'search')}>
        <Icon name="search" />
        Search
      </button>
    </nav>
  );
}
