import type { App } from '../app';
import { nextBox } from '../chart/scene';
import { sibling } from '../chart/walk';
import type { Bindings } from '../lib/keys';
import type { Level } from '../api/types';
import { carryByKey, endMoving, putByKey } from '../parts/moves';
import { openExport, saveChart } from '../parts/save';
import { FORMATS } from '../state/export';
import { type Hops } from '../state/filter';
import { type Question, type View, ask, goTo, showDrift, showMoment, showNode, unfold } from '../state/route';
import { selectedNode } from '../state/topology';
import { walkTo } from './Chart';
import { clearFilter, openFilter, setHops, toggleFocus, toggleTrouble } from './chartKeys';

/** A command: what is pressed for it, what that is called, what it does. Handlers, help and palette are made from it. */
export interface Key {
  /** Key combinations and what each runs; empty for what the browser or the chart itself hears. `false` leaves the key to the browser. */
  on: Readonly<Record<string, (app: App) => unknown>>;
  /** How help writes the keys; by default as they are in `on`. */
  shown?: string;
  /** In the help; '' leaves it out there. */
  does: string;
  /** In the palette; nothing leaves it out there. */
  action?: string;
}

/** The parts of the help. */
export type KeyPart = 'Everywhere' | 'Go to' | 'On the chart';

const STEP_PX = 64;
/** How many steps at once a key with Shift carries a box. */
const LEAP = 5;

const open = (dialog: 'search' | 'keys') => (app: App): void => {
  app.dialog.value = dialog;
};

/** Asks for what the first button of an incident asks for. */
function acknowledge(): boolean {
  const button = document.querySelector<HTMLButtonElement>('[data-ack]');
  button?.click();
  return button !== null;
}

/** Asks about a failure of what is selected, or of the node whose page it is; else of what is then chosen. */
const question = (what: Question) => ({ route, navigate, feed }: App): void => {
  const { selection, view, node } = route.value;
  const topology = feed.topology.value;
  const box = topology?.nodes.get(selection?.kind === 'node' ? selection.id : '');
  const many = (box?.members ?? []).map((m) => m.name);
  const of = view === 'node' ? [node] : many.length > 0 ? many : selection && selection.kind !== 'connection' ? [selection.id] : [];
  navigate(ask(route.value, what, of));
};

const page = (view: Exclude<View, 'node' | 'unknown'>) => ({ route, navigate }: App): void => navigate(goTo(route.value, view));

const level = (of: Level) => ({ route, navigate }: App): void => navigate({ ...goTo(route.value, 'chart'), level: of });

/** A command of the chart alone: on other pages the key is the browser's. */
const onChart = (run: (app: App) => unknown) => (app: App): unknown => (isChart(app) ? run(app) : false);

/** A command of the chart and its tables. */
const inView = (run: (app: App) => unknown) => (app: App): unknown => (app.route.value.view === 'chart' ? run(app) : false);

/** Whether the chart itself is on the page. */
function isChart({ route }: App): boolean {
  return route.value.view === 'chart' && !route.value.table;
}

function toggleTheme({ prefs, theme }: App): void {
  prefs.theme.value = theme.value === 'dark' ? 'light' : 'dark';
}

function toggleTimes({ prefs }: App): void {
  prefs.utc.value = !prefs.utc.value;
}

function togglePanel({ prefs }: App): void {
  prefs.panel.value = !prefs.panel.value;
}

function toggleTable({ route, navigate }: App): boolean {
  const { view, table } = route.value;
  if (view !== 'chart') return false;
  navigate({ ...route.value, table: table ? '' : 'connections' });
  return true;
}

function currentNode({ route, feed }: App): string {
  return selectedNode(feed.topology.value, route.value.selection);
}

/** An arrow key: to the next box, along the connections of one end, or over the chart; or it carries a box. */
function arrow(app: App, direction: 'left' | 'right' | 'up' | 'down', dx: number, dy: number): void {
  if (carryByKey(app, dx, dy)) return;
  const { chart, route } = app;
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

/** Shift and an arrow: moves the chart, or carries a box further. */
function push(app: App, dx: number, dy: number): void {
  if (!carryByKey(app, dx * LEAP, dy * LEAP)) app.chart.pan(-dx * STEP_PX, -dy * STEP_PX);
}

/** Space: a pool's members in its place, or the pool of a member in theirs. */
function togglePool({ route, navigate, feed, chart }: App): boolean {
  const name = selectedNode(feed.topology.value, route.value.selection);
  const node = feed.topology.value?.nodes.get(name);
  const pool = node?.kind === 'pool' || route.value.expand.includes(name) ? name : node?.pool;
  if (route.value.level !== 'pool' || !pool) return false;
  const folds = route.value.expand.includes(pool);
  chart.soften();
  navigate({ ...unfold(route.value, pool), selection: folds ? { kind: 'node', id: pool } : route.value.selection });
  return true;
}

/** Enter: the selected node's page, or a first selection to walk from. */
function enter(app: App): void {
  if (putByKey(app)) return;
  const { route, navigate, feed } = app;
  const name = currentNode(app);
  if (feed.topology.value?.ghosts?.some((g) => g.name === name)) return;
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

/** Back out one step: moving of boxes, selection, filter, table, page. */
function escape(app: App): void {
  const { route, navigate } = app;
  const { view, selection, table, incident } = route.value;
  if (view === 'chart' && endMoving(app)) return;
  if (selection) navigate({ ...route.value, selection: null });
  else if (route.value.question) navigate(ask(route.value, ''));
  else if (view === 'chart' && incident) navigate({ ...route.value, incident: '' });
  else if (clearFilter(app)) return;
  else if (table) navigate({ ...route.value, table: '' });
  else if (view === 'chart' && route.value.at && !route.value.from) navigate(showMoment(route.value, ''));
  else if (view !== 'chart') navigate(goTo(route.value, view === 'node' ? 'nodes' : 'chart'));
}

const hops = (n: Hops): Key['on'] => ({ [n]: inView((app) => setHops(app, n)) });

const arrows = (prefix: string, run: (app: App, direction: 'left' | 'right' | 'up' | 'down', dx: number, dy: number) => void): Key['on'] => ({
  [`${prefix}ArrowLeft`]: onChart((app) => run(app, 'left', -1, 0)),
  [`${prefix}ArrowRight`]: onChart((app) => run(app, 'right', 1, 0)),
  [`${prefix}ArrowUp`]: onChart((app) => run(app, 'up', 0, -1)),
  [`${prefix}ArrowDown`]: onChart((app) => run(app, 'down', 0, 1)),
});

/** Every key of the pages. What is no key has its place here too where the palette leads to it. */
export const KEYS: Readonly<Record<KeyPart, readonly Key[]>> = {
  Everywhere: [
    { on: { '/': open('search'), 'Ctrl+k': open('search') }, does: 'search or go to' },
    { on: { '?': open('keys') }, does: 'all keys', action: 'All keys' },
    { on: { Escape: escape }, shown: 'Esc', does: 'back out one step' },
    { on: { d: toggleTheme }, does: 'light or dark', action: 'Switch between light and dark' },
    { on: { u: toggleTimes }, does: 'times local or UTC', action: 'Switch times between local and UTC' },
    { on: { a: acknowledge }, does: 'acknowledge the incident that is shown' },
    { on: { w: question('fails') }, does: 'what if the selection fails?', action: 'What if something fails?' },
    { on: { W: question('needs') }, does: 'who needs the selection?', action: 'Who needs something?' },
    { on: { l: ({ route, navigate }) => navigate(showMoment(route.value, '')) }, does: 'back to live', action: 'Back to live' },
  ],
  'Go to': [
    { on: { 'g c': page('chart') }, does: 'chart' },
    { on: { 'g s': page('services') }, does: 'services' },
    { on: { 'g n': page('nodes') }, does: 'nodes' },
    { on: { 'g i': page('incidents') }, does: 'incidents', action: 'Incidents' },
    { on: { 'g a': page('checks') }, does: 'checks' },
    { on: { 'g h': page('history') }, does: 'history' },
    { on: { 'g r': page('report') }, does: 'report', action: 'Report' },
    { on: { 'g m': page('mapping') }, does: 'check mapping', action: 'Check mapping' },
    { on: { 'g ,': page('settings') }, does: 'settings', action: 'Settings' },
  ],
  'On the chart': [
    { on: arrows('', arrow), shown: 'arrows', does: 'next box in that direction, or move the chart' },
    { on: arrows('Shift+', (app, _, dx, dy) => push(app, dx, dy)), shown: 'Shift arrows', does: 'move the chart' },
    { on: {}, shown: 'Tab', does: 'along the connections, out; with Shift in' },
    { on: { Enter: onChart(enter) }, does: 'open the selected node' },
    { on: { ' ': onChart(togglePool) }, shown: 'Space', does: 'expand or fold the selected pool' },
    { on: { x: inView(toggleTrouble) }, does: 'only trouble, and what is around it', action: 'Only trouble, or all' },
    { on: { f: inView(toggleFocus) }, does: 'focus on the selection, or end that', action: 'Focus on the selection, or all' },
    { on: { ...hops(1), ...hops(2), ...hops(3), ...hops(4) }, shown: '1 2 3 4', does: 'hops around trouble or focus' },
    { on: { '+': onChart(({ chart }) => chart.zoom(1.25)), '=': onChart(({ chart }) => chart.zoom(1.25)) }, shown: '+', does: 'zoom in' },
    { on: { '-': onChart(({ chart }) => chart.zoom(0.8)) }, shown: '−', does: 'zoom out' },
    { on: { '0': onChart(({ chart }) => chart.fit()) }, does: 'all of the chart', action: 'Fit the chart' },
    { on: { t: toggleTable }, does: 'tables instead of chart', action: 'Table instead of chart' },
    { on: { e: inView(openExport) }, does: 'export it as a file', action: 'Export the chart' },
    { on: { ']': togglePanel }, does: 'the panel', action: 'Show or hide the panel' },
  ],
};

/** What the palette does without a key. */
const LEVELS: readonly (readonly [Level, string])[] = [
  ['service', 'Chart of services'],
  ['node', 'Chart of nodes'],
  ['pool', 'Chart of pools'],
  ['group', 'Chart of groups'],
];

const all = (): Key[] => Object.values(KEYS).flat();

/** `Ctrl+k` as people write it. */
function written(keys: string): string {
  return keys.replace(/\+(.)$/, (_, letter: string) => ` ${letter.toUpperCase()}`);
}

/** How a command's keys are written. */
export function shownKeys({ on, shown }: Key): string {
  return shown ?? Object.keys(on).map(written).join(' or ');
}

/** The commands as the keyboard needs them. */
export function bindingsOf(app: App): Bindings {
  return Object.fromEntries(all().flatMap(({ on }) => Object.entries(on).map(([keys, run]) => [keys, () => run(app)])));
}

/** The commands as the palette lists them. */
export function actionsOf(app: App): { id: string; title: string; key: string; run: () => void }[] {
  const keyed = all().flatMap((key) => {
    const [run] = Object.values(key.on);
    return key.action && run ? [{ id: key.action, title: key.action, key: shownKeys(key), run: () => void run(app) }] : [];
  });
  const others: [string, (app: App) => unknown][] = [...LEVELS.map(([of, title]): [string, (app: App) => unknown] => [title, level(of)]), ['Filter the chart', openFilter], ['Clear filter', clearFilter], ['Map of the world', page('geo')], ['Drift: what is declared', page('drift')], ['Mark drift on the chart', ({ route, navigate }) => navigate(showDrift(route.value, null))]];
  const files = FORMATS.map(([format, title]): [string, (app: App) => unknown] => [`Export as ${title}`, () => saveChart(app, format)]);
  return [...keyed, ...[...others, ...files].map(([title, run]) => ({ id: title, title, key: '', run: () => void run(app) }))];
}

/** The commands as the help lists them. */
export function keyHelp(): { part: string; keys: [string, string][] }[] {
  return Object.entries(KEYS).map(([part, keys]) => ({ part, keys: keys.map((key) => [shownKeys(key), key.does]) }));
}
