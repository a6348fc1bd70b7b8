import type { ComponentChildren } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { figure } from '../lib/format';

export interface Column<T> {
  key: string;
  title: string;
  /** What the column sorts by; no value, no sorting. */
  value?: (item: T) => string | number;
  cell: (item: T) => ComponentChildren;
  class?: string;
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

const MOVES: Readonly<Record<string, (i: number, last: number) => number>> = {
  ArrowDown: (i) => i + 1,
  ArrowUp: (i) => i - 1,
  Home: () => 0,
  End: (_, last) => last,
  PageDown: (i) => i + 10,
  PageUp: (i) => i - 10,
};

/** So many rows are on the page at first; scrolling to their end brings as many more. */
export const ROWS = 150;

/** The rows that are on the page, so that thousands cost nobody who does not look at them. */
function useShown(total: number): { shown: number; end: { current: HTMLDivElement | null }; reach: (row: number) => void } {
  const [limit, setLimit] = useState(ROWS);
  const end = useRef<HTMLDivElement>(null);
  const rest = total > limit;
  useEffect(() => {
    if (!rest || !end.current) return;
    const observer = new IntersectionObserver((seen) => seen.some((e) => e.isIntersecting) && setLimit((n) => n + ROWS), { rootMargin: '600px' });
    observer.observe(end.current);
    return () => observer.disconnect();
  }, [rest, limit]);
  return { shown: Math.min(total, limit), end, reach: (row) => setLimit((n) => Math.max(n, row + ROWS)) };
}

/** A real table: sortable heads, rows that arrow keys walk through, Enter opens. */
export function Table<T>({ label, columns, items, id, sort: first, last, onOpen, selected, empty }: Props<T>) {
  const [sort, setSort] = useState(first);
  const [current, setCurrent] = useState('');
  const body = useRef<HTMLTableSectionElement>(null);
  const rows = useMemo(() => sorted(items, columns, sort, last), [items, columns, sort, last]);
  const { shown, end, reach } = useShown(rows.length);
  const onPage = shown < rows.length ? rows.slice(0, shown) : rows;
  const focusable = onPage.some((r) => id(r) === current) ? current : rows[0] ? id(rows[0]) : '';
  const wanted = useRef(-1);
  useEffect(() => {
    // A row that a key asked for and that had to be put on the page first.
    if (wanted.current < 0) return;
    (body.current?.children[wanted.current] as HTMLElement | undefined)?.focus();
    wanted.current = -1;
  }, [shown]);

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
    const to = Math.max(0, Math.min(rows.length - 1, move(index, rows.length - 1)));
    if (to >= shown) {
      wanted.current = to;
      reach(to);
      return;
    }
    (body.current?.children[to] as HTMLElement | undefined)?.focus();
  };

  if (items.length === 0) return <p class="nothing">{empty ?? 'Nothing here.'}</p>;
  return (
    <div class="table-wrap">
      <table aria-label={label} {...(shown < rows.length ? { 'aria-rowcount': rows.length + 1 } : {})}>
        <thead>
          <tr>
            {columns.map((c) => (
              <Head key={c.key} column={c} sort={sort} onSort={setSort} />
            ))}
          </tr>
        </thead>
        <tbody ref={body}>
          {onPage.map((item, i) => (
            <tr
              key={id(item)}
              tabIndex={id(item) === focusable ? 0 : -1}
              aria-selected={selected !== undefined && selected === id(item)}
              onFocus={() => setCurrent(id(item))}
              onKeyDown={(event) => onKey(event, i)}
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
      {shown < rows.length && (
        <div ref={end} class="small ink3 rest">
          {figure(shown)} of {figure(rows.length)} are shown. Scroll on for more, or search.
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
        <span class={column.class === 'state' ? 'hidden' : ''}>{column.title}</span>
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
