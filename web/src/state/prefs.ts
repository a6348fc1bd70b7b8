import { type Signal, effect, signal } from '@preact/signals';
import type { Topology } from './topology';

export type Theme = 'system' | 'light' | 'dark';

/** What this browser remembers. Nothing of it leaves the browser. */
export interface Prefs {
  theme: Signal<Theme>;
  /** Times in UTC instead of local time. */
  utc: Signal<boolean>;
  panel: Signal<boolean>;
  /** Where the lanes of the chart were when it was last seen; null for never. */
  outline: Signal<Outline | null>;
}

/** The chart's size and the places of its lanes: x, y, width and height. */
export interface Outline {
  w: number;
  h: number;
  lanes: [number, number, number, number][];
}

/** So many lanes are remembered. */
const LANES_KEPT = 40;

/** What is remembered of a chart; null where it has no lanes. */
export function outlineOf({ width, height, lanes }: Pick<Topology, 'width' | 'height' | 'lanes'>): Outline | null {
  if (!lanes?.length) return null;
  return { w: width, h: height, lanes: lanes.slice(0, LANES_KEPT).map(({ layout: { x, y, w, h } }) => [x, y, w, h]) };
}

/** What was remembered, if it still is of this form. */
export function outlineFrom(text: string | null): Outline | null {
  try {
    const { w, h, lanes } = JSON.parse(text ?? '') as { w: number; h: number; lanes: number[][] };
    const numbers = [w, h, ...lanes.flat()];
    return lanes.every((l) => l.length === 4) && numbers.every((n) => Number.isFinite(n)) ? { w, h, lanes: lanes as Outline['lanes'] } : null;
  } catch {
    return null;
  }
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
    outline: signal(outlineFrom(read(store, 'dotm.outline'))),
  };
  effect(() => write(store, 'dotm.theme', prefs.theme.value));
  effect(() => write(store, 'dotm.times', prefs.utc.value ? 'utc' : 'local'));
  effect(() => write(store, 'dotm.panel', prefs.panel.value ? 'shown' : 'hidden'));
  effect(() => {
    if (prefs.outline.value) write(store, 'dotm.outline', JSON.stringify(prefs.outline.value));
  });
  return prefs;
}

/** The theme on screen when `theme` is chosen. */
export function resolveTheme(theme: Theme, systemDark: boolean): 'light' | 'dark' {
  if (theme === 'system') return systemDark ? 'dark' : 'light';
  return theme;
}
