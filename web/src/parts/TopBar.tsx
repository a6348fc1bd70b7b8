import { useApp } from '../app';
import { span } from '../lib/format';
import { type View, formatRoute, goTo } from '../state/route';
import { ONE_SIDED, coverageLine } from '../state/words';
import { Icon, type IconName, Mark } from './Icon';

const TABS: readonly (readonly [Exclude<View, 'node' | 'settings' | 'unknown'>, string, IconName])[] = [
  ['chart', 'Chart', 'chart'],
  ['services', 'Services', 'services'],
  ['nodes', 'Nodes', 'nodes'],
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
    </header>
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
  const { feed, now } = useApp();
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
