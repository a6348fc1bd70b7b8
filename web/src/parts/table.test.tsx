import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Harness, clear, click, press, settle, show, texts } from '../testing/app';
import { ROWS, Table, reaching } from './Table';

type Seen = (entries: { isIntersecting: boolean }[]) => void;

let watched: { run: Seen; element: Element }[] = [];

beforeEach(() => {
  watched = [];
  vi.stubGlobal(
    'IntersectionObserver',
    class {
      readonly #run: Seen;
      constructor(run: Seen) {
        this.#run = run;
      }
      observe(element: Element): void {
        watched.push({ run: this.#run, element });
      }
      disconnect(): void {
        watched = watched.filter((w) => w.run !== this.#run);
      }
    },
  );
});

afterEach(clear);

const items = Array.from({ length: 1000 }, (_, i) => ({ name: `n${i}` }));

function table(): Promise<Harness> {
  return show(
    <Table
      label="Many"
      columns={[{ key: 'name', title: 'Name', value: (r: { name: string }) => r.name, cell: (r) => r.name }]}
      items={items}
      id={(r) => r.name}
      sort={{ key: 'name', descending: false }}
    />,
  );
}

/** Scrolls to an end: what is there comes into view. */
async function reach(selector: string): Promise<void> {
  const at = watched.find((w) => w.element.matches(selector));
  if (!at) throw new Error(`nobody watches ${selector}`);
  at.run([{ isIntersecting: true }]);
  await settle();
}

const shown = (root: ParentNode): string[] => texts(root, 'tbody tr[tabindex] td');

describe('a table of a thousand rows', () => {
  it('has few of them on the page, and says how many there are', async () => {
    const { root } = await table();
    expect(shown(root)).toEqual(items.slice(0, ROWS).map((r) => r.name));
    expect(root.querySelector('table')?.getAttribute('aria-rowcount')).toBe('1001');
    expect(root.querySelector('div.rest')?.textContent).toBe('850 more');
  });

  it('brings more as its end comes into view', async () => {
    const { root } = await table();
    await reach('div.rest');
    expect(shown(root)).toHaveLength(2 * ROWS);
    expect(shown(root)[0]).toBe('n0');
  });

  it('jumps with End and Home, and goes on from there in both directions', async () => {
    const { root } = await table();
    root.querySelector<HTMLElement>('tr[tabindex="0"]')?.focus();
    await press('End');
    expect(document.activeElement?.textContent).toBe('n999');
    expect(document.activeElement?.getAttribute('aria-rowindex')).toBe('1001');
    expect(shown(root)).toHaveLength(ROWS);
    expect(root.querySelector('tr.rest')?.textContent).toBe('850 above');
    await reach('tr.rest');
    expect(shown(root)[0]).toBe('n700');
    await press('Home');
    expect(document.activeElement?.textContent).toBe('n0');
    expect(root.querySelector('tr.rest')).toBeNull();
  });

  it('walks over the edge of what is on the page', async () => {
    const { root } = await table();
    root.querySelectorAll<HTMLElement>('tr[tabindex]')[ROWS - 1]?.focus();
    await press('ArrowDown');
    expect(document.activeElement?.textContent).toBe(`n${ROWS}`);
  });

  it('begins anew when it is sorted', async () => {
    const { root } = await table();
    root.querySelector<HTMLElement>('tr[tabindex="0"]')?.focus();
    await press('End');
    await click(root, 'th button', 'Name');
    expect(shown(root)[0]).toBe('n999');
    expect(root.querySelector('tr.rest')).toBeNull();
  });
});

it.each([
  [{ from: 0, to: 150 }, 149, { from: 0, to: 150 }],
  [{ from: 0, to: 150 }, 150, { from: 0, to: 300 }],
  [{ from: 0, to: 150 }, 999, { from: 850, to: 1000 }],
  [{ from: 850, to: 1000 }, 849, { from: 700, to: 1000 }],
  [{ from: 850, to: 1000 }, 0, { from: 0, to: 150 }],
  [{ from: 0, to: 150 }, 500, { from: 425, to: 575 }],
  [{ from: 100, to: 250 }, 99, { from: 0, to: 250 }],
  [{ from: 800, to: 950 }, 950, { from: 800, to: 1000 }],
])('from rows %j to row %i of 1000: %j', (held, row, next) => expect(reaching(held, row, 1000)).toEqual(next));
