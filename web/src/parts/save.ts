import { problemOf } from '../api/client';
import type { App } from '../app';
import { type Format, NO_EXPORT, exportPath } from '../state/export';
import { goTo } from '../state/route';

/** Saves the chart as it is seen; where that is refused, the menu opens and says why. */
export async function saveChart(app: App, format: Format): Promise<void> {
  const { client, exporting, route, navigate } = app;
  exporting.value = { ...NO_EXPORT, open: exporting.peek().open, busy: format };
  try {
    const { blob, name } = await client.exported(exportPath(format, route.peek()));
    keep(blob, name || `chart.${format}`);
    exporting.value = { ...NO_EXPORT, open: exporting.peek().open, saved: name };
  } catch (error) {
    if (route.peek().view !== 'chart') navigate(goTo(route.peek(), 'chart'));
    exporting.value = { ...NO_EXPORT, open: true, problem: problemOf(error) };
  }
}

/** How long a file stays at hand for the browser to write, ms. */
const HELD_MS = 60_000;

/** Hands a file to the browser, as if its link had been followed. */
function keep(blob: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), HELD_MS);
}

/** Opens the menu of formats, on the chart or its tables. */
export function openExport({ exporting, route, navigate }: App): void {
  if (route.peek().view !== 'chart') navigate(goTo(route.peek(), 'chart'));
  exporting.value = { ...NO_EXPORT, open: true };
}
