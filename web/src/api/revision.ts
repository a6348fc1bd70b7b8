/**
 * Whether revision `a` is later than `b`, of the same run of a server. Revisions are
 * `epoch-number`; of two epochs nobody can say which came first.
 */
export function isLater(a: string, b: string): boolean {
  const [x, y] = [parts(a), parts(b)];
  return x !== null && y !== null && x.epoch === y.epoch && x.number > y.number;
}

function parts(revision: string): { epoch: string; number: number } | null {
  const [, epoch, number] = /^(.+)-(\d+)$/.exec(revision) ?? [];
  return epoch === undefined ? null : { epoch, number: Number(number) };
}
