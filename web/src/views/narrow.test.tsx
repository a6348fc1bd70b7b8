import { act } from 'preact/test-utils';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ChartNode, TopologyDocument } from '../api/types';
import { oneHostFixture } from '../fixtures';
import { type Harness, clear, click, drawFrames, find, settle, show, texts } from '../testing/app';
import { Page } from './Page';

beforeEach(() => void vi.stubGlobal('matchMedia', (query: string) => ({ matches: query.includes('639px'), addEventListener: () => undefined, removeEventListener: () => undefined })));
afterEach(clear);

const doc = oneHostFixture();
const host = doc.nodes.find((n) => n.this) as ChartNode;
const at = (name: string, y: number): ChartNode => ({ ...host, name, this: name === 'vm', layout: { ...host.layout, x: 100, y } });

const site: TopologyDocument = {
  ...doc,
  nodes: [at('db', 100), at('vm', 500), at('app', 900)],
  services: [],
  connections: [],
  lanes: ['billing', 'shop', 'search'].map((title, i) => ({ id: `g${i}`, title, layout: { x: 0, y: i * 400, w: 900, h: 390 } })),
};

async function open(hash = '#/chart'): Promise<Harness> {
  const h = await show(<Page />, { hash, doc: site });
  h.app.chart.resize({ w: 390, h: 600 });
  await settle();
  drawFrames();
  return h;
}

const boxes = ({ app }: Harness): string[] => [...(app.chart.scene?.boxByName.keys() ?? [])];

describe('a narrow screen', () => {
  it('shows the lane of this node first, as wide as the page, and the others by the bar', async () => {
    const h = await open();
    expect(boxes(h)).toEqual(['vm']);
    expect(texts(h.root, '.lane-bar option')).toEqual(['billing (1)', 'shop (1)', 'search (1)']);
    expect(find(h.root, '.lane-bar span').textContent).toBe('2 of 3');
    const { scene, camera } = h.app.chart;
    expect((scene?.bounds.w ?? 0) * (camera?.k ?? 0)).toBeLessThanOrEqual(390);
    await click(h.root, '.lane-bar [aria-label="Next lane"]');
    expect(boxes(h)).toEqual(['app']);
    expect(find(h.root, '.lane-bar [aria-label="Next lane"]').hasAttribute('disabled')).toBe(true);
    const select = find(h.root, '.lane-bar select') as HTMLSelectElement;
    await act(() => {
      select.value = 'g0';
      select.dispatchEvent(new Event('change', { bubbles: true }));
    });
    await settle();
    expect(boxes(h)).toEqual(['db']);
  });

  it('goes to the lane of what is selected, and stays where the viewer goes then', async () => {
    const h = await open('#/chart?node=db');
    expect(boxes(h)).toEqual(['db']);
    await click(h.root, '.lane-bar [aria-label="Next lane"]');
    expect(boxes(h)).toEqual(['vm']);
    await h.go('#/chart?node=app');
    expect(boxes(h)).toEqual(['app']);
  });
});
