import { useEffect, useLayoutEffect, useMemo } from 'preact/hooks';
import { type App, useApp } from '../app';
import { nextBox } from '../chart/scene';
import { sibling } from '../chart/walk';
import { systemClock } from '../lib/clock';
import { type Bindings, Keyboard } from '../lib/keys';
import { AsOf } from '../parts/AsOf';
import { Banner } from '../parts/Banner';
import { KeysDialog, Palette } from '../parts/Palette';
import { StoreTrouble } from '../parts/StoreTrouble';
import { BottomBar, TopBar } from '../parts/TopBar';
import { formatRoute, goTo, showNode } from '../state/route';
import { selectedNode } from '../state/topology';
import { ChartView, walkTo } from './Chart';
import { HistoryView } from './History';
import { ServicesView } from './Lists';
import { NodeView } from './Node';
import { NodesView } from './Nodes';
import { SettingsView } from './Settings';

const STEP_PX = 64;

/** The frame of every page: bars, dialogs, keys, live region. */
export function Page() {
  const app = useApp();
  const { feed, route } = app;
  const { level, hide, at } = route.value;
  const hideKey = hide.join();
  useEffect(() => {
    feed.watch(level, hide, at);
    return () => feed.close();
  }, [level, hideKey, at]);
  useTitle(app);
  const actions = useMemo(() => actionsOf(app), [app]);
  useKeys(app);
  return (
    <div class="frame">
      <TopBar />
      <Banner />
      <AsOf />
      <StoreTrouble />
      <main class="page">
        <Current />
      </main>
      <BottomBar />
      <Palette actions={actions} />
      <KeysDialog />
      <div class="hidden" role="status" aria-live="polite">
        {feed.spoken.value}
      </div>
    </div>
  );
}

function Current() {
  const { route } = useApp();
  switch (route.value.view) {
    case 'chart':
      return <ChartView />;
    case 'services':
      return <ServicesView />;
    case 'nodes':
      return <NodesView />;
    case 'node':
      return <NodeView key={route.value.node} name={route.value.node} />;
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
        <h2>There is no such page.</h2>
        <code>#/{route.value.path}</code>
        <a href={formatRoute(goTo(route.value, 'chart'))}>Go to the chart</a>
      </div>
    </div>
  );
}

const TITLES = { chart: 'Chart', services: 'Services', nodes: 'Nodes', history: 'History', settings: 'Settings', unknown: 'No such page' } as const;

function useTitle({ route }: App): void {
  const { view, node } = route.value;
  const title = view === 'node' ? node : TITLES[view];
  useEffect(() => {
    document.title = `${title}, dotm`;
  }, [title]);
}

function toggleTheme({ prefs, theme }: App): void {
  prefs.theme.value = theme.value === 'dark' ? 'light' : 'dark';
}

function togglePanel({ prefs }: App): void {
  prefs.panel.value = !prefs.panel.value;
}

function toggleTable({ route, navigate }: App): void {
  const { view, table } = route.value;
  if (view === 'chart') navigate({ ...route.value, table: table ? '' : 'connections' });
}

function currentNode({ route, feed }: App): string {
  return selectedNode(feed.topology.value, route.value.selection);
}

/** An arrow key: to the next box, along the connections of one end, or over the chart. */
function arrow(app: App, direction: 'left' | 'right' | 'up' | 'down', dx: number, dy: number): void {
  const { chart, route } = app;
  if (route.value.view !== 'chart' || route.value.table) return;
  const { scene } = chart;
  const { selection } = route.value;
  if (scene && selection?.kind === 'connection' && dy !== 0) {
    walkTo(app, sibling(scene, selection.id, app.heading.value, dy > 0 ? 1 : -1));
    return;
  }
  const box = scene?.boxByName.get(currentNode(app));
  if (!box || !scene) {
    chart.pan(-dx * STEP_PX, -dy * STEP_PX);
    return;
  }
  const next = nextBox(scene, box, direction);
  if (next) walkTo(app, { kind: 'node', id: next.node.name });
}

/** Enter: the selected node's page, or a first selection to walk from. */
function enter(app: App): void {
  const { route, navigate, feed } = app;
  if (route.value.view !== 'chart') return;
  const name = currentNode(app);
  if (name !== '') {
    navigate(showNode(route.value, name));
    return;
  }
  const nodes = [...(feed.topology.value?.nodes.values() ?? [])];
  const first = nodes.find((n) => n.this) ?? nodes[0];
  if (!first) return;
  app.byKeyboard.value = true;
  navigate({ ...route.value, selection: { kind: 'node', id: first.name } });
}

/** Back out one step: selection, table, page. */
function escape({ route, navigate }: App): void {
  const { view, selection, table } = route.value;
  if (selection) navigate({ ...route.value, selection: null });
  else if (table) navigate({ ...route.value, table: '' });
  else if (view !== 'chart') navigate(goTo(route.value, view === 'node' ? 'nodes' : 'chart'));
}

function bindingsOf(app: App): Bindings {
  const { chart, route, navigate, dialog } = app;
  const openSearch = (): void => {
    dialog.value = 'search';
  };
  return {
    '/': openSearch,
    'Ctrl+k': openSearch,
    '?': () => (dialog.value = 'keys'),
    'g c': () => navigate(goTo(route.value, 'chart')),
    'g s': () => navigate(goTo(route.value, 'services')),
    'g n': () => navigate(goTo(route.value, 'nodes')),
    'g h': () => navigate(goTo(route.value, 'history')),
    t: () => toggleTable(app),
    ']': () => togglePanel(app),
    d: () => toggleTheme(app),
    f: () => chart.focusNode(currentNode(app)),
    '+': () => chart.zoom(1.25),
    '=': () => chart.zoom(1.25),
    '-': () => chart.zoom(0.8),
    '0': () => chart.fit(),
    ArrowLeft: () => arrow(app, 'left', -1, 0),
    ArrowRight: () => arrow(app, 'right', 1, 0),
    ArrowUp: () => arrow(app, 'up', 0, -1),
    ArrowDown: () => arrow(app, 'down', 0, 1),
    'Shift+ArrowLeft': () => chart.pan(STEP_PX, 0),
    'Shift+ArrowRight': () => chart.pan(-STEP_PX, 0),
    'Shift+ArrowUp': () => chart.pan(0, STEP_PX),
    'Shift+ArrowDown': () => chart.pan(0, -STEP_PX),
    Enter: () => enter(app),
    Escape: () => escape(app),
  };
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

function actionsOf(app: App) {
  const { chart, route, navigate, dialog } = app;
  return [
    { id: 'theme', title: 'Switch between light and dark', key: 'd', run: () => toggleTheme(app) },
    { id: 'fit', title: 'Fit the chart', key: '0', run: () => chart.fit() },
    { id: 'services', title: 'Chart of services', key: '', run: () => navigate({ ...goTo(route.value, 'chart'), level: 'service' }) },
    { id: 'nodes', title: 'Chart of nodes', key: '', run: () => navigate({ ...goTo(route.value, 'chart'), level: 'node' }) },
    { id: 'table', title: 'Table instead of chart', key: 't', run: () => toggleTable(app) },
    { id: 'panel', title: 'Show or hide the panel', key: ']', run: () => togglePanel(app) },
    { id: 'settings', title: 'Settings', key: '', run: () => navigate(goTo(route.value, 'settings')) },
    { id: 'keys', title: 'All keys', key: '?', run: () => (dialog.value = 'keys') },
  ];
}
