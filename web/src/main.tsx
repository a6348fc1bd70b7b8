import { computed, effect, signal } from '@preact/signals';
import { render } from 'preact';
import { Client } from './api/client';
import { DirectLines, type DirectOptions, type Lines } from './api/line';
import type { Check } from './api/types';
import { type App, AppProvider, createRouter, createTheme, createTicker } from './app';
import { ChartController } from './chart/controller';
import { systemClock } from './lib/clock';
import { linesOf } from './live/shared';
import { type Other, createShown } from './state/compare';
import { UNREAD } from './state/checks';
import { NO_EXPORT } from './state/export';
import { Feed } from './state/feed';
import { createPrefs } from './state/prefs';
import { usualLevel } from './state/route';
import { Session, refusedLogin, setupSecret, setupUser } from './state/session';
import { signalsOf } from './state/signals';
import { Speaker } from './state/speaker';
import { watched } from './state/waiting';
import { wallAsked } from './state/wall';
import './theme.css';
import './style.css';
import { Door } from './views/Door';

/** What the app talks to: the server, or in development a fixture. */
interface Backend {
  client: Client;
  lines: Lines;
  waits: App['waits'];
}

async function backend(): Promise<Backend> {
  const fixture = import.meta.env.DEV ? new URLSearchParams(location.search).get('fixture') : null;
  if (import.meta.env.DEV && fixture) {
    const { fixtureBackend } = await import('./fixtures/backend');
    const { client, open } = fixtureBackend(fixture);
    return { client, waits: signal([]), lines: alone(open) };
  }
  const { fetch: ask, waits } = watched((input, init) => fetch(input, init), Date.now);
  return { client: new Client(ask), waits, lines: linesOf(window, alone((url) => new EventSource(url)), systemClock) };
}

function alone(open: DirectOptions['open']): Lines {
  return new DirectLines({ clock: systemClock, random: Math.random, open });
}

/** A page that nobody sees follows nothing; neither does one that the browser keeps for later. */
function restUnseen(feed: Feed): void {
  const apply = (): void => {
    if (document.visibilityState === 'hidden') feed.rest();
    else feed.wake();
  };
  document.addEventListener('visibilitychange', apply);
  window.addEventListener('pagehide', () => feed.rest());
  window.addEventListener('pageshow', apply);
  apply();
}

/** The secret of a login link goes out of the address at once, and out of the history. */
function takeSecret(session: Session): void {
  session.secret.value = setupSecret(location.hash);
  if (session.secret.value) session.invited.value = setupUser(location.hash);
  session.turnedAway.value = refusedLogin(location.hash);
  if (session.secret.value || session.turnedAway.value) history.replaceState(null, '', './');
}

async function start(root: HTMLElement): Promise<void> {
  const { client, waits, lines } = await backend();
  const prefs = createPrefs(localStorage);
  const wall = wallAsked(location);
  const theme = createTheme(window, prefs, wall);
  const reduced = matchMedia('(prefers-reduced-motion: reduce)');
  effect(() => {
    document.documentElement.dataset['theme'] = theme.value;
  });
  const session = new Session(client);
  takeSecret(session);
  client.onLogin = () => session.refused();
  // A line that breaks may be a session that ended.
  const feed = new Feed({ client, lines, clock: systemClock, random: Math.random, onLost: () => void session.check() });
  const other = signal<Other | null>(null);
  const gone: App['gone'] = signal(undefined);
  const marker: App['marker'] = signal(null);
  const shown = createShown(feed.topology, other, gone, marker);
  const alerts = signal<readonly Check[]>([]);
  const app: App = {
    client,
    feed,
    other,
    shown,
    gone,
    marker,
    sources: signal(UNREAD),
    alerts,
    signals: computed(() => signalsOf(shown.value, alerts.value)),
    incidents: signal([]),
    session,
    storeAway: signal(false),
    waits,
    speaker: new Speaker(systemClock),
    wall,
    prefs,
    theme,
    chart: new ChartController(() => reduced.matches),
    ...createRouter(window),
    now: createTicker(window),
    version: signal(null),
    dialog: signal(''),
    filtering: signal(false),
    exporting: signal(NO_EXPORT),
    byKeyboard: signal(false),
    moving: signal(false),
    refused: signal(null),
    heading: signal('out'),
  };
  restUnseen(feed);
  window.addEventListener('online', () => app.feed.retry());
  void session.check();
  if (!/[?&]level=/.test(location.hash)) usualLevel.value = null;
  render(
    <AppProvider value={app}>
      <Door />
    </AppProvider>,
    root,
  );
}

const root = document.getElementById('app');
if (root) void start(root);
