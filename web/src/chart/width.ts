const WIDTHS: readonly (readonly [number, number])[] = [
  [2000, 3.6],
  [500, 2.9],
  [100, 2.2],
  [20, 1.7],
  [5, 1.3],
];

/** Line width by the number of open connections. */
export function edgeWidth(count: number): number {
  return WIDTHS.find(([from]) => count >= from)?.[1] ?? 1;
}
