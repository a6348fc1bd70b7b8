import { type Signal, effect, signal } from '@preact/signals';

export type Theme = 'system' | 'light' | 'dark';

/** What this browser remembers. Nothing of it leaves the browser. */
export interface Prefs {
  theme: Signal<Theme>;
  /** Times in UTC instead of local time. */
  utc: Signal<boolean>;
  panel: Signal<boolean>;
}

type Store = Pick<Storage, 'getItem' | 'setItem'>;

/** Storage may be switched off; then a choice lasts as long as the page. */
function read(store: Store, key: string): string | null {
  try {
    return store.getItem(key);
  } catch {
    return null;
  }
}

function write(store: Store, key: string, value: string): void {
  try {
    store.setItem(key, value);
  } catch {
    // Not remembered, still in force.
  }
}

function themeFrom(text: string | null): Theme {
  return text === 'light' || text === 'dark' ? text : 'system';
}

export function createPrefs(store: Store): Prefs {
  const prefs: Prefs = {
    theme: signal(themeFrom(read(store, 'dotm.theme'))),
    utc: signal(read(store, 'dotm.times') === 'utc'),
    panel: signal(read(store, 'dotm.panel') !== 'hidden'),
  };
  effect(() => write(store, 'dotm.theme', prefs.theme.value));
  effect(() => write(store, 'dotm.times', prefs.utc.value ? 'utc' : 'local'));
  effect(() => write(store, 'dotm.panel', prefs.panel.value ? 'shown' : 'hidden'));
  return prefs;
}

/** The theme on screen when `theme` is chosen. */
export function resolveTheme(theme: Theme, systemDark: boolean): 'light' | 'dark' {
  if (theme === 'system') return systemDark ? 'dark' : 'light';
  return theme;
}
