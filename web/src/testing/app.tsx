import { computed, signal } from '@preact/signals';
import { type ComponentChild, render } from 'preact';
import { act } from 'preact/test-utils';
import { vi } from 'vitest';
import { type App, AppProvider } from '../app';
import { Client } from '../api/client';
import { FakeSource } from '../api/fake';
import { DirectLines } from '../api/line';
import type { Check, TopologyDocument } from '../api/types';
import { ChartController } from '../chart/controller';
import { answer } from '../fixtures/backend';
import { oneHostFixture } from '../fixtures';
import { ManualClock } from '../lib/clock';
import { type Other, createShown } from '../state/compare';
import { UNREAD } from '../state/checks';
import { NO_EXPORT } from '../state/export';
import { Feed } from '../state/feed';
import { createPrefs } from '../state/prefs';
import { formatRoute, parseRoute } from '../state/route';
import { Session } from '../state/session';
import { signalsOf } from '../state/signals';
import { Speaker } from '../state/speaker';
import { Drawing, fakeContext } from './canvas';

/** What the fake server was asked, and what it says instead of the fixture. */
export type Reply = (method: string, path: string, body: string) => Response | null;

/** A page on a fixture: the app as the views have it, and what surrounds it. */
export interface Harness {
  app: App;
  root: HTMLElement;
  drawn: Drawing;
  clock: ManualClock;
  /** Requests as `GET topology?…`, in order. */
  asked: string[];
  sources: FakeSource[];
  now: (at: string) => void;
  hash: () => string;
  /** Follows a link as the browser does. */
  go: (hash: string) => Promise<void>;
}

export function json(body: unknown, status = 200): Response {
  return new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } });
}

/** Lets answers, effects and renderings happen. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 4; i++) {
    await act(async () => {
      await new Promise((done) => setTimeout(done, 0));
    });
  }
}

let mounted: HTMLElement[] = [];
const frames: (() => void)[] = [];

/** Draws the frames that wait, each once. */
export function drawFrames(): void {
  for (const run of frames.splice(0)) run();
}

export interface Options {
  doc?: TopologyDocument;
  hash?: string;
  reply?: Reply;
  wall?: boolean;
}

/** An app over a fixture; nothing is on the page yet. */
export function makeApp({ doc = oneHostFixture(), hash = '#/chart', reply = () => null, wall = false }: Options = {}): Harness {
  const drawn = new Drawing();
  const context = fakeContext(drawn);
  vi.spyOn(HTMLCanvasElement.prototype, 'getContext').mockImplementation((() => context) as never);
  vi.stubGlobal('requestAnimationFrame', (run: (now: number) => void) => frames.push(() => run(performance.now())));
  vi.stubGlobal('cancelAnimationFrame', () => frames.splice(0));
  vi.stubGlobal('Path2D', vi.fn());
  const asked: string[] = [];
  const fetcher = ((url: string, init?: RequestInit) => {
    const path = url.replace(/^.*api\/v1\//, '');
    const method = init?.method ?? 'GET';
    asked.push(`${method} ${path}`);
    const body = typeof init?.body === 'string' ? init.body : '';
    const known = reply(method, path, body);
    if (known) return Promise.resolve(known);
    const found = answer(doc, path.replace(/\?.*$/, ''));
    return Promise.resolve(found === null ? json({ title: 'not found', status: 404, detail: `nothing at ${path}` }, 404) : json(found));
  }) as typeof fetch;
  const client = new Client(fetcher);
  const clock = new ManualClock(Date.parse(doc.at));
  const sources: FakeSource[] = [];
  const open = (url: string): FakeSource => {
    const source = new FakeSource(url);
    sources.push(source);
    return source;
  };
  const place = signal(hash);
  const now = signal(Date.parse(doc.at));
  const kept = new Map<string, string>();
  const session = new Session(client);
  client.onLogin = () => session.refused();
  const feed = new Feed({ client, lines: new DirectLines({ open, clock, random: () => 0 }), clock, random: () => 0, onLost: () => void session.check() });
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
    waits: signal([]),
    speaker: new Speaker(clock),
    wall,
    prefs: createPrefs({ getItem: (k) => kept.get(k) ?? null, setItem: (k, v) => void kept.set(k, v) }),
    chart: new ChartController(() => true),
    route: computed(() => parseRoute(place.value)),
    navigate: (route) => void (place.value = formatRoute(route)),
    now,
    theme: signal('light'),
    version: signal(null),
    dialog: signal(''),
    filtering: signal(false),
    exporting: signal(NO_EXPORT),
    byKeyboard: signal(false),
    moving: signal(false),
    refused: signal(null),
    heading: signal('out'),
  };
  const root = document.createElement('div');
  const go = async (to: string): Promise<void> => {
    void act(() => void (place.value = to));
    await settle();
  };
  return { app, root, drawn, clock, asked, sources, now: (at) => (now.value = Date.parse(at)), hash: () => place.value, go };
}

/** Puts a part of the page, or all of it, on the screen. */
export async function show(what: ComponentChild, options: Options = {}): Promise<Harness> {
  const harness = makeApp(options);
  document.body.append(harness.root);
  mounted.push(harness.root);
  void act(() => render(<AppProvider value={harness.app}>{what}</AppProvider>, harness.root));
  await settle();
  return harness;
}

/** As `show`, with the topology read before: for parts that don't read it themselves. */
export async function showLive(what: ComponentChild, options: Options = {}): Promise<Harness> {
  const harness = await show(what, options);
  const { level, hide } = harness.app.route.value;
  void act(() => harness.app.feed.watch(level, hide));
  await settle();
  harness.sources.at(-1)?.send('snapshot', { revision: harness.app.feed.topology.value?.revision });
  await settle();
  return harness;
}

/** Takes everything off the screen. */
export function clear(): void {
  for (const root of mounted) {
    void act(() => render(null, root));
    root.remove();
  }
  mounted = [];
  frames.length = 0;
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
}

/** Presses a key on what has the focus. */
export async function press(key: string, modifiers: KeyboardEventInit = {}): Promise<KeyboardEvent> {
  const event = new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true, ...modifiers });
  const target = document.activeElement ?? document.body;
  await act(() => void target.dispatchEvent(event));
  await settle();
  return event;
}

/** Clicks the first element of a selector whose text holds `words`. */
export async function click(root: ParentNode, selector: string, words = ''): Promise<void> {
  await act(() => find(root, selector, words).click());
  await settle();
}

export function find(root: ParentNode, selector: string, words = ''): HTMLElement {
  const all = [...root.querySelectorAll<HTMLElement>(selector)];
  const found = all.find((e) => e.textContent.includes(words));
  if (!found) throw new Error(`no ${selector} says ${words}; there is ${all.map((e) => e.textContent).join(' | ')}`);
  return found;
}

/** Writes into an input. */
export async function type(input: HTMLElement, text: string): Promise<void> {
  await act(() => {
    (input as HTMLInputElement).value = text;
    input.dispatchEvent(new Event('input', { bubbles: true }));
  });
  await settle();
}

export function texts(root: ParentNode, selector: string): string[] {
  return [...root.querySelectorAll(selector)].map((e) => e.textContent.replace(/\s+/g, ' ').trim());
}
