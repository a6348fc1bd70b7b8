import { useApp } from '../app';
import { span } from '../lib/format';
import { type View, formatRoute, goTo } from '../state/route';
import { ONE_SIDED, coverageLine } from '../state/words';
import { Icon, type IconName, Mark } from './Icon';
import { StateIcon } from './StateIcon';

const TABS: readonly (readonly [Exclude<View, 'node' | 'settings' | 'unknown'>, string, IconName])[] = [
  ['chart', 'Chart', 'chart'],
  ['services', 'Services', 'services'],
  ['nodes', 'Nodes', 'nodes'],
  ['history', 'History', 'history'],
];

function isCurrent(tab: View, view: View): boolean {
  return tab === view || (tab === 'nodes' && view === 'node');
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
      <nav class="tabs" aria-label="Views">
        {TABS.map(([view, title]) => (
          <a key={view} href={formatRoute(goTo(route.value, view))} {...current(isCurrent(view, route.value.view))}>
            {title}
          </a>
        ))}
      </nav>
      <span class="gap" />
      <Insecure />
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

/** Anybody who reaches this dotm is let in: that is said on every page. */
function Insecure() {
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

const MAY = { admin: 'may do everything', operator: 'may change settings and nodes', viewer: 'may look', '': '' } as const;

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
        <button type="button" onClick={() => void leave()}>
          Log out
        </button>
      </div>
    </>
  );
}

function CoverageLine() {
  const { feed } = useApp();
  const topology = feed.topology.value;
  return (
    topology && (
      <span class="coverage" title={ONE_SIDED}>
        {coverageLine(topology.coverage)}
      </span>
    )
  );
}

/** Whether what is on screen is live, and if not, how old it is. */
export function LiveState() {
  const { feed, now, route } = useApp();
  if (route.value.at) return <span class="live waiting">Not live</span>;
  if (feed.phase.value === 'live') {
    return (
      <span class="live">
        <i />
        Live
      </span>
    );
  }
  if (feed.phase.value === 'connecting') {
    return (
      <span class="live waiting">
        <i />
        Connecting
      </span>
    );
  }
  const changed = feed.changedAt.value;
  const since = changed > 0 ? `, last change ${span(now.value - changed)} ago` : '';
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
      {TABS.map(([view, title, icon]) => (
        <a key={view} href={formatRoute(goTo(route.value, view))} {...current(isCurrent(view, route.value.view))}>
          <Icon name={icon} />
          {title}
        </a>
      ))}
      <button type="button" onClick={() => (dialog.value = 'search')}>
        <Icon name="search" />
        Search
      </button>
    </nav>
  );
}
