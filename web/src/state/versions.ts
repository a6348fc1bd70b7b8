/** What something was and is, by id; undefined where it isn't there. */
export type Turns<T> = ReadonlyMap<string, readonly [was: T | undefined, is: T | undefined]>;

/**
 * A map of which there may be a newer one. None is ever written, as far as others see: the
 * newest has the entries, and those before it know what was different. So the next one costs
 * what changes, however large the map is; old ones are read slowly, and seldom are.
 */
export class Versions<T> implements ReadonlyMap<string, T> {
  #entries: Map<string, T> | null;
  #next: Versions<T> | null = null;
  /** What was otherwise than it is in the next one. */
  #turns: Turns<T> = new Map();

  constructor(entries: Iterable<readonly [string, T]> | Map<string, T>) {
    this.#entries = entries instanceof Map ? entries : new Map(entries);
  }

  /** The same without some, then with others. Of what is both, only the latter counts. */
  with(put: Iterable<readonly [string, T]>, gone: Iterable<string> = []): Versions<T> {
    const entries = this.#entries ?? this.#all();
    const turns = new Map<string, readonly [T | undefined, T | undefined]>();
    for (const id of gone) {
      if (!entries.has(id)) continue;
      turns.set(id, [entries.get(id), undefined]);
      entries.delete(id);
    }
    for (const [id, item] of put) {
      turns.set(id, [(turns.get(id) ?? [entries.get(id)])[0], item]);
      entries.set(id, item);
    }
    if (turns.size === 0) return this;
    const next = new Versions<T>(entries);
    if (this.#entries) {
      this.#entries = null;
      this.#next = next;
      this.#turns = turns;
    }
    return next;
  }

  /** What is otherwise in a later one; null if that is none, or too far away. */
  until(later: ReadonlyMap<string, T>, steps = 32): Turns<T> | null {
    return this.#next === later ? this.#turns : Versions.#between(this, later, steps);
  }

  static #between<T>(from: Versions<T>, later: ReadonlyMap<string, T>, steps: number): Turns<T> | null {
    const found = new Map<string, readonly [T | undefined, T | undefined]>();
    for (let at: Versions<T> | null = from; at !== later; at = at.#next) {
      if (!at || steps-- === 0) return null;
      for (const [id, turn] of at.#turns) found.set(id, [(found.get(id) ?? turn)[0], turn[1]]);
    }
    return found;
  }

  /** The one at which a way along those that are newer ends, or stops. */
  static #along<T>(from: Versions<T>, stop: (at: Versions<T>) => boolean): Versions<T> {
    let at = from;
    while (at.#next && !stop(at)) at = at.#next;
    return at;
  }

  /** The entries of an old one, in an order of their own. */
  #all(): Map<string, T> {
    const newest = Versions.#along(this, () => false);
    const all = new Map(newest.#entries);
    for (const [id, [item]] of this.until(newest, Infinity) ?? []) {
      if (item === undefined) all.delete(id);
      else all.set(id, item);
    }
    return all;
  }

  get(id: string): T | undefined {
    if (this.#entries) return this.#entries.get(id);
    const at = Versions.#along(this, (v) => v.#turns.has(id));
    return at.#entries ? at.#entries.get(id) : at.#turns.get(id)?.[0];
  }

  has(id: string): boolean {
    return this.get(id) !== undefined;
  }

  get #read(): Map<string, T> {
    return this.#entries ?? this.#all();
  }

  get size(): number {
    return this.#read.size;
  }

  keys() {
    return this.#read.keys();
  }

  values() {
    return this.#read.values();
  }

  entries() {
    return this.#read.entries();
  }

  [Symbol.iterator]() {
    return this.#read.entries();
  }

  forEach(visit: (item: T, id: string, all: ReadonlyMap<string, T>) => void): void {
    this.#read.forEach((item, id) => visit(item, id, this));
  }
}

/** What differs between two maps; null where that is not known without looking through them. */
export function changedSince<T>(was: ReadonlyMap<string, T>, is: ReadonlyMap<string, T>): Turns<T> | null {
  if (was === is) return new Map();
  return was instanceof Versions ? (was as Versions<T>).until(is) : null;
}
