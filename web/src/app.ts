import { type ReadonlySignal, type Signal, computed, signal } from '@preact/signals';
import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { Client } from './api/client';
import type { Version } from './api/types';
import type { ChartController } from './chart/controller';
import type { Heading } from './chart/walk';
import type { Feed } from './state/feed';
import { type Prefs, resolveTheme } from './state/prefs';
import { type Route, formatRoute, parseRoute } from './state/route';
import type { Session } from './state/session';

/** Everything the pages share. Made once in main.tsx, handed down by context. */
export interface App {
  client: Client;
  feed: Feed;
  session: Session;
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
  /** The selection was made by keyboard: its ring is dashed. */
  byKeyboard: Signal<boolean>;
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

/** The system's wish and the viewer's choice, as one signal. */
export function createTheme(host: Window, prefs: Prefs): ReadonlySignal<'light' | 'dark'> {
  const query = host.matchMedia('(prefers-color-scheme: dark)');
  const dark = signal(query.matches);
  query.addEventListener('change', (event) => (dark.value = event.matches));
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
