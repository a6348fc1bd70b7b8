import type { ComponentChildren } from 'preact';
import { useEffect, useErrorBoundary, useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import { problemOf } from '../api/client';
import { type App, useApp } from '../app';
import { systemClock } from '../lib/clock';
import { Keyboard } from '../lib/keys';
import { Announcer } from '../parts/Announcer';
import { AsOf } from '../parts/AsOf';
import { Banner } from '../parts/Banner';
import { Beside } from '../parts/Beside';
import { IncidentWatch } from '../parts/IncidentWatch';
import { KeysDialog } from '../parts/KeysDialog';
import { Palette } from '../parts/Palette';
import { PrintHead, usePrint } from '../parts/Print';
import { Unloaded, lazy } from '../parts/Lazy';
import { Waiting, useOutline } from '../parts/Loading';
import { Monitoring } from '../parts/Monitoring';
import { StoreTrouble } from '../parts/StoreTrouble';
import { BottomBar, TopBar } from '../parts/TopBar';
import { WallBar, WallCamera, useWallScale, useWallStyle } from '../parts/Wall';
import { formatRoute, goTo, levelFor, usualLevel } from '../state/route';
import { actionsOf, bindingsOf, keyHelp } from './keys';
import { ChartView } from './Chart';

const ServicesView = lazy(() => import('./Lists').then((m) => m.ServicesView));
const IncidentsView = lazy(() => import('./Incidents').then((m) => m.IncidentsView));
const ChecksView = lazy(() => import('./Checks').then((m) => m.ChecksView));
const HistoryView = lazy(() => import('./History').then((m) => m.HistoryView));
const NodesView = lazy(() => import('./Nodes').then((m) => m.NodesView));
const NodeView = lazy(() => import('./Node').then((m) => m.NodeView));
const GeoView = lazy(() => import('./Geo').then((m) => m.GeoView));
const MappingView = lazy(() => import('./Mapping').then((m) => m.MappingView));
const ReportView = lazy(() => import('./Report').then((m) => m.ReportView));
const DriftView = lazy(() => import('./Drift').then((m) => m.DriftView));
const SettingsView = lazy(() => import('./Settings').then((m) => m.SettingsView));
const WhatIfDialog = lazy(() => import('../parts/WhatIf').then((m) => m.WhatIfDialog));
const CheckSheet = lazy(() => import('../parts/CheckSheet').then((m) => m.CheckSheet));

const HELP = keyHelp();

/** The frame of every page: bars, dialogs, keys, live region. */
export function Page() {
  const app = useApp();
  const { feed, route } = app;
  const { level, hide, at, expand } = route.value;
  const hideKey = hide.join();
  const expandKey = expand.join();
  // Which level to start with is known when the first answer is there; that is no reason to ask again.
  const followed = useRef('');
  // Asked for before anything is painted: the frame of the page takes as long as the answer.
  useLayoutEffect(() => {
    const question = `${level} ${hideKey} ${expandKey} ${at}`;
    if (question === followed.current) return;
    followed.current = question;
    if (usualLevel.value !== null || level !== 'service') feed.watch(level, hide, at, expand);
    else
      feed.watch('pool', hide, at, expand, (read) => {
        const usual = levelFor(read);
        followed.current = `${usual} ${hideKey} ${expandKey} ${at}`;
        usualLevel.value = usual;
        return usual;
      });
  }, [level, hideKey, expandKey, at]);
  useEffect(() => () => feed.close(), []);
  const title = useTitle(app);
  const scale = useWallScale();
  const style = useWallStyle(scale);
  const main = useLandingPlace(app);
  usePrint();
  useOutline();
  const actions = useMemo(() => actionsOf(app), [app]);
  useKeys(app);
  return (
    <div class={app.wall ? 'frame wall' : 'frame'} {...(app.wall ? { style } : {})}>
      <button type="button" class="skip" onClick={() => main.current?.focus()}>
        Skip to the page
      </button>
      {app.wall ? <WallBar /> : <TopBar />}
      {app.wall && <WallCamera />}
      <PrintHead title={title} />
      <Unloaded />
      <Banner />
      <StoreTrouble />
      <Monitoring />
      <IncidentWatch />
      <Waiting />
      <AsOf />
      <Beside />
      <main class="page" ref={main} tabIndex={-1}>
        <Guarded>
          <Current />
        </Guarded>
      </main>
      <BottomBar />
      {route.value.check && <CheckSheet />}
      {route.value.question && route.value.view !== 'chart' && <WhatIfDialog />}
      <Palette actions={actions} />
      <KeysDialog help={HELP} />
      <Announcer title={title} />
    </div>
  );
}

/** A page that can't be drawn says so, and takes no other with it. */
function Guarded({ children }: { children: ComponentChildren }) {
  const { route } = useApp();
  const { view, table } = route.value;
  const [error, reset] = useErrorBoundary((thrown: unknown) => console.error(thrown)) as [unknown, () => void];
  const where = `${view} ${table}`;
  const failed = useRef(where);
  useEffect(() => {
    if (failed.current !== where) reset();
    failed.current = where;
  }, [where]);
  if (error === undefined || error === null) return <>{children}</>;
  return (
    <div class="scroll">
      <div class="problem" role="alert">
        <h1>This page can’t be drawn.</h1>
        <p class="ink2">That is a fault of dotm: please report it, with the words below. The other pages work.</p>
        <code>{problemOf(error).detail}</code>
        <button type="button" onClick={() => reset()}>
          Try again
        </button>
      </div>
    </div>
  );
}

function Current() {
  const { route } = useApp();
  switch (route.value.view) {
    case 'chart':
      return (
        <>
          <h1 class="hidden">Chart</h1>
          <ChartView />
        </>
      );
    case 'incidents':
      return <IncidentsView />;
    case 'geo':
      return <GeoView />;
    case 'services':
      return <ServicesView />;
    case 'nodes':
      return <NodesView />;
    case 'node':
      return <NodeView key={route.value.node} name={route.value.node} />;
    case 'checks':
      return <ChecksView />;
    case 'mapping':
      return <MappingView />;
    case 'report':
      return <ReportView />;
    case 'drift':
      return <DriftView />;
    case 'history':
      return <HistoryView />;
    case 'settings':
      return <SettingsView />;
    case 'unknown':
      return <NoSuchPage />;
  }
}

/** A link that leads nowhere, with the way back. */
function NoSuchPage() {
  const { route } = useApp();
  return (
    <div class="scroll">
      <div class="problem" role="alert">
        <h1>There is no such page.</h1>
        <code>#/{route.value.path}</code>
        <a href={formatRoute(goTo(route.value, 'chart'))}>Go to the chart</a>
      </div>
    </div>
  );
}

const TITLES = { chart: 'Chart', incidents: 'Incidents', geo: 'Map', services: 'Services', nodes: 'Nodes', checks: 'Checks', mapping: 'Check mapping', report: 'Report', drift: 'Drift', history: 'History', settings: 'Settings', unknown: 'No such page' } as const;

/** The page's name, in the window's title too. */
function useTitle({ route }: App): string {
  const { view, node } = route.value;
  const title = view === 'node' ? node : TITLES[view];
  useLayoutEffect(() => {
    document.title = `${title}, dotm`;
  }, [title]);
  return title;
}

/** The page itself: Tab goes on there after another page came, where what had the focus is gone. */
function useLandingPlace({ route }: App) {
  const main = useRef<HTMLElement>(null);
  const { view, node } = route.value;
  const first = useRef(true);
  // With the page, not after it: a key that is pressed meanwhile must not get lost.
  useLayoutEffect(() => {
    if (!first.current && (document.activeElement ?? document.body) === document.body) main.current?.focus({ preventScroll: true });
    first.current = false;
  }, [view, node]);
  return main;
}

/** What lies over the page has the keys for itself, wherever the focus is. */
const COVERS = 'dialog[open], [popover][data-open]';

/** Keys work from the first picture on, not from the frame after it. */
function useKeys(app: App): void {
  useLayoutEffect(() => {
    const keyboard = new Keyboard(bindingsOf(app), systemClock);
    const onKey = (event: KeyboardEvent): void => {
      const covered = app.dialog.peek() !== '' || document.querySelector(COVERS) !== null;
      if (!covered && !event.defaultPrevented) keyboard.press(event);
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, [app]);
}
