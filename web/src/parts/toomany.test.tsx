import { afterEach, describe, expect, it } from 'vitest';
import { makeSite } from '../fixtures';
import { fromDocument } from '../state/topology';
import { clear, click, find, show } from '../testing/app';
import { isTooMany } from '../state/around';
import { TooMany } from './TooMany';

afterEach(clear);

const site = makeSite(20);

describe('a chart of more boxes than can be read', () => {
  it('is one of nodes or services, whatever their number as pools', () => {
    const boxes = (n: number) => ({ nodes: new Map(Array.from({ length: n }, (_, i) => [String(i), {}])) });
    expect(isTooMany({ ...boxes(1201), level: 'service' })).toBe(true);
    expect(isTooMany({ ...boxes(1201), level: 'node' })).toBe(true);
    expect(isTooMany({ ...boxes(1201), level: 'pool' })).toBe(false);
    expect(isTooMany({ ...boxes(1200), level: 'node' })).toBe(false);
  });

  it.each([
    ['As pools', '#/chart?level=pool'],
    ['As groups', '#/chart?level=group'],
    ['Only trouble', '#/chart?level=node&trouble'],
  ])('offers %s', async (button, hash) => {
    const h = await show(<TooMany topology={fromDocument(site)} />, { doc: site, hash: '#/chart?level=node' });
    expect(find(h.root, '[role="status"]').textContent).toContain('more than can be read at once');
    await click(h.root, 'button', button);
    expect(h.hash()).toBe(hash);
  });

  it('offers the search', async () => {
    const h = await show(<TooMany topology={fromDocument(site)} />, { doc: site });
    await click(h.root, 'button', 'Find one');
    expect(h.app.dialog.value).toBe('search');
  });
});
