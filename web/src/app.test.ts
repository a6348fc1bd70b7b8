import { effect } from '@preact/signals';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createRouter, createTheme, createTicker } from './app';
import { createPrefs } from './state/prefs';
import { HOME, showNode } from './state/route';

const EMPTY = { getItem: () => null, setItem: () => undefined };

describe('createRouter', () => {
  beforeEach(() => window.history.replaceState(null, '', '#/chart'));

  it('reads the address it starts at', () => {
    window.history.replaceState(null, '', '#/nodes/vm?hide=none');
    expect(createRouter(window).route.value).toMatchObject({ view: 'node', node: 'vm', hide: [] });
  });

  it('writes the address, with a step to go back', () => {
    const { route, navigate } = createRouter(window);
    const steps = window.history.length;
    navigate(showNode(HOME, 'vm'));
    expect(window.location.hash).toBe('#/nodes/vm');
    expect(route.value.node).toBe('vm');
    expect(window.history.length).toBe(steps + 1);
  });

  it('leaves no step when it replaces, and none when nothing changes', () => {
    const { navigate } = createRouter(window);
    const steps = window.history.length;
    navigate(showNode(HOME, 'vm'), true);
    navigate(showNode(HOME, 'vm'));
    expect(window.history.length).toBe(steps);
    expect(window.location.hash).toBe('#/nodes/vm');
  });

  it.each(['hashchange', 'popstate'])('follows the browser: %s', (type) => {
    const { route } = createRouter(window);
    window.history.replaceState(null, '', '#/settings');
    window.dispatchEvent(new Event(type));
    expect(route.value.view).toBe('settings');
  });
});

describe('createTheme', () => {
  afterEach(() => vi.restoreAllMocks());

  /** A system whose theme the test changes. */
  function system(dark: boolean) {
    let heard: (event: { matches: boolean }) => void = () => undefined;
    vi.spyOn(window, 'matchMedia').mockReturnValue({
      matches: dark,
      addEventListener: (_: string, listener: typeof heard) => (heard = listener),
    } as unknown as MediaQueryList);
    return (now: boolean) => heard({ matches: now });
  }

  it('is the system’s, also when that changes', () => {
    const change = system(false);
    const theme = createTheme(window, createPrefs(EMPTY), false);
    expect(theme.value).toBe('light');
    change(true);
    expect(theme.value).toBe('dark');
  });

  it('is the viewer’s where there is a choice', () => {
    const change = system(false);
    const prefs = createPrefs(EMPTY);
    const theme = createTheme(window, prefs, false);
    prefs.theme.value = 'light';
    change(true);
    expect(theme.value).toBe('light');
    prefs.theme.value = 'system';
    expect(theme.value).toBe('dark');
  });
});

describe('createTicker', () => {
  beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }));
  afterEach(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
  });

  it('ticks once a second, and not while nobody looks', () => {
    const visible = vi.spyOn(document, 'visibilityState', 'get').mockReturnValue('visible');
    const now = createTicker(window);
    const seen: number[] = [];
    const stop = effect(() => void seen.push(now.value));
    vi.advanceTimersByTime(2_000);
    expect(seen).toEqual([1_000_000, 1_001_000, 1_002_000]);
    visible.mockReturnValue('hidden');
    vi.advanceTimersByTime(5_000);
    expect(seen).toHaveLength(3);
    visible.mockReturnValue('visible');
    document.dispatchEvent(new Event('visibilitychange'));
    expect(seen.at(-1)).toBe(1_007_000);
    stop();
  });
});
