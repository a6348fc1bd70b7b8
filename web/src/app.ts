import { type ReadonlySignal, type Signal, computed, signal } from '@preact/signals';
import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { Client } from './api/client';
import type { Check, Comparison, IncidentSummary, Problem, Source, Version } from './api/types';
import type { ChartController } from './chart/controller';
import type { Heading } from './chart/walk';
import type { Marker, Other } from './state/compare';
import type { Exporting } from './state/export';
import type { Feed } from './state/feed';
import { type Prefs, resolveTheme } from './state/prefs';
import { type Route, formatRoute, parseRoute } from './state/route';
import type { Session } from './state/session';
import type { Signals } from './state/signals';
import type { Speaker } from './state/speaker';
import type { Topology } from './state/topology';
import type { Wait } from './state/waiting';

/** Everything the pages share. Made once in main.tsx, handed down by context. */
export interface App {
  client: Client;
  feed: Feed;
  /** The other moment that stands beside the one shown. */
  other: Signal<Other | null>;
  /** What vanished in the last minutes; undefined where that is not to be seen, null where nobody knows. */
  gone: Signal<Comparison | null | undefined>;
  /** Marks what differs from what is declared, where that is asked for. */
  marker: Signal<Marker>;
  /** What is drawn: the feed's topology, with what differs from the other moment. */
  shown: ReadonlySignal<Topology | null>;
  /** The monitoring systems that are read, and what is open of them at the moment that is shown. */
  sources: Signal<readonly Source[]>;
  alerts: Signal<readonly Check[]>;
  /** What dotm's own checks say of the connections that are drawn. */
  signals: ReadonlySignal<Signals>;
  /** The incidents that are open now, the worst first. */
  incidents: Signal<readonly IncidentSummary[]>;
  session: Session;
  /** What is kept can't be written at the moment. */
  storeAway: Signal<boolean>;
  /** What is being read. */
  waits: ReadonlySignal<readonly Wait[]>;
  /** What screen readers are told. */
  speaker: Speaker;
  /** The page hangs on a wall: nobody touches it, and it is read from afar. */
  wall: boolean;
  prefs: Prefs;
  chart: ChartController;
  route: ReadonlySignal<Route>;
  /** Goes to a route; `replace` leaves no step in the browser's history. */
  navigate: (route: Route, replace?: boolean) => void;
  /** ms; ticks once a second while the page is visible. */
  now: ReadonlySignal<number>;
  /** The theme in force. */
  theme: ReadonlySignal<'light' | 'dark'>;
  version: Signal<Version | null>;
  /** Which dialog is open. */
  dialog: Signal<'' | 'search' | 'keys'>;
  /** The fields of the chart's filter are open. */
  filtering: Signal<boolean>;
  /** The menu of files, and how the last one went. */
  exporting: Signal<Exporting>;
  /** The selection was made by keyboard: its ring is dashed. */
  byKeyboard: Signal<boolean>;
  /** A drag moves the box under the pointer, not the chart. */
  moving: Signal<boolean>;
  /** Why a box was not moved. */
  refused: Signal<Problem | null>;
  /** Which way the keyboard last went along a connection. */
  heading: Signal<Heading>;
}

const Context = createContext<App | null>(null);

export const AppProvider = Context.Provider;

export function useApp(): App {
  const app = useContext(Context);
  if (!app) throw new Error('useApp outside of AppProvider');
  return app;
}

/** The route as the address bar has it. */
export function createRouter(host: Window): Pick<App, 'route' | 'navigate'> {
  const hash = signal(host.location.hash);
  host.addEventListener('hashchange', () => (hash.value = host.location.hash));
  const navigate = (route: Route, replace = false): void => {
    const next = formatRoute(route);
    if (next === host.location.hash) return;
    if (replace) host.history.replaceState(null, '', next);
    else host.history.pushState(null, '', next);
    hash.value = next;
  };
  host.addEventListener('popstate', () => (hash.value = host.location.hash));
  return { route: computed(() => parseRoute(hash.value)), navigate };
}

/** The system's wish and the viewer's choice, as one signal; a wall is dark where nobody chose. */
export function createTheme(host: Window, prefs: Prefs, wall: boolean): ReadonlySignal<'light' | 'dark'> {
  const query = host.matchMedia('(prefers-color-scheme: dark)');
  const dark = signal(wall || query.matches);
  query.addEventListener('change', (event) => (dark.value = wall || event.matches));
  return computed(() => resolveTheme(prefs.theme.value, dark.value));
}

/** Ticks only while somebody can see it. */
export function createTicker(host: Window): ReadonlySignal<number> {
  const now = signal(Date.now());
  const tick = (): void => {
    if (host.document.visibilityState === 'visible') now.value = Date.now();
  };
  host.setInterval(tick, 1000);
  host.document.addEventListener('visibilitychange', tick);
  return now;
}
