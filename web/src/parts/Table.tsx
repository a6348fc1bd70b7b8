import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { figure } from '../lib/format';

export interface Column<T> {
  key: string;
  title: string;
  /** What the column sorts by; no value, no sorting. */
  value?: (item: T) => string | number;
  cell: (item: T) => ComponentChildren;
  class?: string;
  /** Left out while no item has a value in it. */
  spare?: boolean;
  /** First click sorts from the largest: counts and times. */
  descending?: boolean;
}

interface Sort {
  key: string;
  descending: boolean;
}

interface Props<T> {
  label: string;
  columns: readonly Column<T>[];
  items: readonly T[];
  id: (item: T) => string;
  sort: Sort;
  /** What stands at the end, however the others are sorted. */
  last?: (item: T) => boolean;
  onOpen?: (item: T) => void;
  selected?: string;
  empty?: string;
}

const collator = new Intl.Collator('en', { numeric: true });

function compare(a: string | number, b: string | number): number {
  return typeof a === 'number' && typeof b === 'number' ? a - b : collator.compare(String(a), String(b));
}

/** Items in the order of a column, those that are `last` at the end; equal ones keep the order they came in. */
export function sorted<T>(items: readonly T[], columns: readonly Column<T>[], sort: Sort, last: (item: T) => boolean = () => false): T[] {
  const value = columns.find((c) => c.key === sort.key)?.value;
  if (!value) return [...items];
  const sign = sort.descending ? -1 : 1;
  return [...items].sort((a, b) => Number(last(a)) - Number(last(b)) || sign * compare(value(a), value(b)));
}

/** The columns that say something of at least one item; only spare ones may say nothing. */
function telling<T>(columns: readonly Column<T>[], items: readonly T[]): readonly Column<T>[] {
  return columns.filter(({ spare, value }) => !spare || !value || items.some((item) => Boolean(value(item))));
}

const MOVES: Readonly<Record<string, (i: number, last: number) => number>> = {
  ArrowDown: (i) => i + 1,
  ArrowUp: (i) => i - 1,
  Home: () => 0,
  End: (_, last) => last,
  PageDown: (i) => i + 10,
  PageUp: (i) => i - 10,
};

/** So many rows are on the page at first; scrolling to either end brings as many more. */
export const ROWS = 150;

/** The rows that are on the page: from, up to but without `to`. */
interface Window {
  from: number;
  to: number;
}

const TOP: Window = { from: 0, to: ROWS };

/** The window that has a row in it: a longer one if the row is near, else another. */
export function reaching({ from, to }: Window, row: number, total: number): Window {
  if (row >= from && row < to) return { from, to };
  if (row >= to && row < to + ROWS) return { from, to: Math.min(total, to + ROWS) };
  if (row < from && row >= from - ROWS) return { from: Math.max(0, from - ROWS), to };
  const start = Math.max(0, Math.min(total - ROWS, row - ROWS / 2));
  return { from: start, to: Math.min(total, start + ROWS) };
}

/** Which rows are on the page, so that thousands cost nobody who does not look at them. */
function useWindow(total: number) {
  const [held, setHeld] = useState(TOP);
  const shown = held.from < total ? { from: held.from, to: Math.min(total, held.to) } : { from: 0, to: Math.min(total, ROWS) };
  const above = useRef<HTMLTableRowElement>(null);
  const below = useRef<HTMLDivElement>(null);
  const reach = (row: number): void => setHeld(reaching(shown, row, total));
  useEffect(() => {
    const edges = [[above.current, shown.from - 1] as const, [below.current, shown.to] as const];
    const observers = edges.map(([element, row]) => {
      if (!element || row < 0 || row >= total) return null;
      const observer = new IntersectionObserver((seen) => seen.some((e) => e.isIntersecting) && reach(row), { rootMargin: '600px' });
      observer.observe(element);
      return observer;
    });
    return () => observers.forEach((o) => o?.disconnect());
  }, [shown.from, shown.to, total]);
  return { ...shown, above, below, reach, reset: () => setHeld(TOP) };
}

/** A real table: sortable heads, rows that arrow keys walk through, Enter opens. */
export function Table<T>({ label, columns: all, items, id, sort: first, last, onOpen, selected, empty }: Props<T>) {
  const [sort, setSort] = useState(first);
  const [current, setCurrent] = useState('');
  const body = useRef<HTMLTableSectionElement>(null);
  const columns = useMemo(() => telling(all, items), [all, items]);
  const rows = useMemo(() => sorted(items, columns, sort, last), [items, columns, sort, last]);
  const { from, to, above, below, reach, reset } = useWindow(rows.length);
  const onPage = rows.length > ROWS ? rows.slice(from, to) : rows;
  const focusable = onPage.some((r) => id(r) === current) ? current : onPage[0] ? id(onPage[0]) : '';
  const wanted = useRef('');
  const rowOf = (key: string): HTMLElement | undefined => {
    const at = onPage.findIndex((r) => id(r) === key);
    return body.current?.querySelectorAll<HTMLElement>('tr[tabindex]')[at];
  };
  useLayoutEffect(() => {
    // A row that a key asked for and that had to be put on the page first.
    if (wanted.current) rowOf(wanted.current)?.focus();
    wanted.current = '';
  }, [from, to]);

  const onKey = (event: KeyboardEvent, index: number): void => {
    // A button in a row has its keys for itself.
    if (event.target !== event.currentTarget) return;
    const item = rows[index];
    if (event.key === 'Enter' && item && onOpen) {
      event.preventDefault();
      onOpen(item);
    }
    const move = MOVES[event.key];
    if (!move) return;
    event.preventDefault();
    const next = Math.max(0, Math.min(rows.length - 1, move(index, rows.length - 1)));
    const key = rows[next] ? id(rows[next]) : '';
    if (next >= from && next < to) {
      rowOf(key)?.focus();
      return;
    }
    wanted.current = key;
    reach(next);
  };

  if (items.length === 0) return <p class="nothing">{empty ?? 'Nothing here.'}</p>;
  return (
    <div class="table-wrap">
      <table aria-label={label} {...(onPage.length < rows.length ? { 'aria-rowcount': rows.length + 1 } : {})}>
        <thead>
          <tr>
            {columns.map((c) => (
              <Head
                key={c.key}
                column={c}
                sort={sort}
                onSort={(next) => {
                  setSort(next);
                  reset();
                }}
              />
            ))}
          </tr>
        </thead>
        <tbody ref={body}>
          {from > 0 && (
            <tr key="above" ref={above} class="rest" aria-hidden="true">
              <td colSpan={columns.length} class="small ink3">
                {figure(from)} above
              </td>
            </tr>
          )}
          {onPage.map((item, i) => (
            <tr
              key={id(item)}
              tabIndex={id(item) === focusable ? 0 : -1}
              aria-selected={selected !== undefined && selected === id(item)}
              onFocus={() => setCurrent(id(item))}
              {...(onPage.length < rows.length ? { 'aria-rowindex': from + i + 2 } : {})}
              onKeyDown={(event) => onKey(event, from + i)}
              onClick={() => onOpen?.(item)}
            >
              {columns.map((c) => (
                <td key={c.key} class={c.class} data-label={c.title}>
                  {c.cell(item)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {to < rows.length && (
        <div ref={below} class="small ink3 rest">
          {figure(rows.length - to)} more
        </div>
      )}
    </div>
  );
}

interface HeadProps<T> {
  column: Column<T>;
  sort: Sort;
  onSort: (sort: Sort) => void;
}

function Head<T>({ column, sort, onSort }: HeadProps<T>) {
  const active = sort.key === column.key;
  if (!column.value) {
    return (
      <th scope="col" class={column.class}>
        <span class={column.class === 'state' || !column.title ? 'hidden' : ''}>{column.title || 'Actions'}</span>
      </th>
    );
  }
  const next = { key: column.key, descending: active ? !sort.descending : (column.descending ?? false) };
  return (
    <th
      scope="col"
      class={column.class?.replace('strong', '')}
      {...(active ? { 'aria-sort': sort.descending ? ('descending' as const) : ('ascending' as const) } : {})}
    >
      <button type="button" onClick={() => onSort(next)}>
        {column.title}
        {active && <span aria-hidden="true">{sort.descending ? '↓' : '↑'}</span>}
      </button>
    </th>
  );
}
