/** Time as a dependency, so that tests decide when it passes. Milliseconds. */
export interface Clock {
  now(): number;
  setTimeout(run: () => void, ms: number): number;
  clearTimeout(id: number): void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  // Pages and workers alike; in both a timer is a number.
  setTimeout: (run, ms) => globalThis.setTimeout(run, ms) as unknown as number,
  clearTimeout: (id) => globalThis.clearTimeout(id),
};

interface Timer {
  id: number;
  due: number;
  run: () => void;
}

/** A clock that stands still until it is told to advance. */
export class ManualClock implements Clock {
  #now: number;
  #next = 1;
  #timers: Timer[] = [];

  constructor(now = 0) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  setTimeout(run: () => void, ms: number): number {
    const id = this.#next++;
    this.#timers.push({ id, due: this.#now + ms, run });
    return id;
  }

  clearTimeout(id: number): void {
    this.#timers = this.#timers.filter((t) => t.id !== id);
  }

  /** How long until the next timer runs; undefined when none waits. */
  untilNext(): number | undefined {
    const due = this.#timers.map((t) => t.due - this.#now);
    return due.length === 0 ? undefined : Math.min(...due);
  }

  /** Lets `ms` pass and runs what falls due, in order. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const timer = this.#timers.filter((t) => t.due <= end).sort((a, b) => a.due - b.due || a.id - b.id)[0];
      if (!timer) break;
      this.clearTimeout(timer.id);
      this.#now = timer.due;
      timer.run();
    }
    this.#now = end;
  }
}
