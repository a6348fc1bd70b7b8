import { effect, signal } from '@preact/signals';
import { render } from 'preact';
import { Client } from './api/client';
import { type App, AppProvider, createRouter, createTheme, createTicker } from './app';
import { ChartController } from './chart/controller';
import { systemClock } from './lib/clock';
import { Feed } from './state/feed';
import { createPrefs } from './state/prefs';
import { Session, setupSecret } from './state/session';
import './theme.css';
import './style.css';
import { Door } from './views/Door';

/** What the app talks to: the server, or in development a fixture. */
interface Backend {
  client: Client;
  open: (url: string) => EventSource;
}

async function backend(): Promise<Backend> {
  const fixture = import.meta.env.DEV ? new URLSearchParams(location.search).get('fixture') : null;
  if (import.meta.env.DEV && fixture) {
    const { fixtureBackend } = await import('./fixtures/backend');
    return fixtureBackend(fixture);
  }
  return { client: new Client(), open: (url) => new EventSource(url) };
}

/** The secret of a login link goes out of the address at once, and out of the history. */
function takeSecret(session: Session): void {
  session.secret.value = setupSecret(location.hash);
  if (session.secret.value) history.replaceState(null, '', './');
}

async function start(root: HTMLElement): Promise<void> {
  const { client, open } = await backend();
  const prefs = createPrefs(localStorage);
  const theme = createTheme(window, prefs);
  const reduced = matchMedia('(prefers-reduced-motion: reduce)');
  effect(() => {
    document.documentElement.dataset['theme'] = theme.value;
  });
  const session = new Session(client);
  takeSecret(session);
  client.onLogin = () => session.refused();
  const app: App = {
    client,
    // A line that breaks may be a session that ended.
    feed: new Feed({ client, open, clock: systemClock, random: Math.random, onLost: () => void session.check() }),
    session,
    prefs,
    theme,
    chart: new ChartController(() => reduced.matches),
    ...createRouter(window),
    now: createTicker(window),
    version: signal(null),
    dialog: signal(''),
    byKeyboard: signal(false),
    heading: signal('out'),
  };
  window.addEventListener('online', () => app.feed.retry());
  void session.check();
  render(
    <AppProvider value={app}>
      <Door />
    </AppProvider>,
    root,
  );
}

const root = document.getElementById('app');
if (root) void start(root);
