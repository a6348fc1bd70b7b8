import { useEffect } from 'preact/hooks';
import { useApp } from '../app';
import { readPalette } from '../chart/palette';
import { moment } from '../lib/format';
import { useTurn } from '../state/resource';
import { ORIGINS } from './TopBar';

const MINUTE_MS = 60_000;

/** What stands above a printed page: what it is, when it was so, and whether it is made up. */
export function PrintHead({ title }: { title: string }) {
  const { feed, route, now, version } = useApp();
  useTurn(now, MINUTE_MS);
  const topology = feed.topology.value;
  const data = version.value?.data;
  const made = data === 'demo' || data === 'replay' ? ORIGINS[data].slice(0, 2).join('') : '';
  const at = route.value.at || new Date(now.peek()).toISOString();
  return (
    <div class="print-head" aria-hidden="true">
      <b>{title}</b>
      <span>
        {[made, `as of ${moment(at, true)}`, topology ? `revision ${topology.revision}` : '', 'dotm'].filter(Boolean).join(' · ')}
      </span>
    </div>
  );
}

/** Paper is white, whatever the theme: the chart is drawn anew for it, and again for the screen. */
export function usePrint(): void {
  const { chart, theme } = useApp();
  useEffect(() => {
    const root = document.documentElement;
    const before = (): void => {
      root.dataset['paper'] = '';
      chart.drawNow(readPalette(root, 'light', false));
    };
    const after = (): void => {
      delete root.dataset['paper'];
      chart.drawNow(readPalette(root, theme.peek(), matchMedia('(forced-colors: active)').matches));
    };
    addEventListener('beforeprint', before);
    addEventListener('afterprint', after);
    return () => {
      removeEventListener('beforeprint', before);
      removeEventListener('afterprint', after);
    };
  }, []);
}
