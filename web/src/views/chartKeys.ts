import type { App } from '../app';
import { type Hops, NO_FILTER, isFiltered, keptBy, reaches } from '../state/filter';
import { CALM } from '../state/health';
import { type Route, filterBy } from '../state/route';
import { selectedNode } from '../state/topology';

/** Changes the chart's filter where the chart is shown; others have no filter. */
function change(app: App, part: Partial<Route['filter']>): void {
  const { route, navigate } = app;
  if (route.value.view === 'chart') navigate(filterBy(route.value, part), true);
}

/** Only trouble, or all again. */
export function toggleTrouble(app: App): void {
  change(app, { trouble: !app.route.value.filter.trouble });
}

/** The selection and what is around it; once more, or with nothing selected, all again. */
export function toggleFocus(app: App): void {
  const { route, feed, chart } = app;
  const name = selectedNode(feed.topology.value, route.value.selection);
  const focus = name === route.value.filter.focus ? '' : name;
  change(app, { focus });
  const topology = feed.topology.peek();
  if (focus === '' || route.value.view !== 'chart' || !topology) return;
  const kept = keptBy(topology, route.value.filter, CALM);
  chart.focusAround(focus, kept?.boxes ?? new Set());
}

/** Takes the filter away; whether there was one. */
export function clearFilter(app: App): boolean {
  const had = app.route.value.view === 'chart' && isFiltered(app.route.value.filter);
  if (had) change(app, NO_FILTER);
  return had;
}

/** Opens the fields of the filter, on the chart. */
export function openFilter({ route, navigate, filtering }: App): void {
  if (route.value.view !== 'chart') navigate({ ...route.value, view: 'chart' });
  filtering.value = true;
}

/** So many hops, where something is narrowed to. */
export function setHops(app: App, hops: Hops): void {
  if (reaches(app.route.value.filter)) change(app, { hops });
}
