import { type ReadonlySignal, computed } from '@preact/signals';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { isAborted, problemOf } from '../api/client';
import type { Problem } from '../api/types';

export interface Resource<T> {
  data: T | null;
  problem: Problem | null;
  reload: () => void;
}

/** Reads begin at most this often while the topology changes, ms. */
export const AGAIN_MS = 1_000;

/**
 * Runs a task whenever it is asked to, but never twice at a time nor more often than
 * every `AGAIN_MS`. Being asked again and again puts nothing off: a busy site changes
 * with every report.
 */
export class Repeater {
  readonly #task: () => Promise<void>;
  #asked = false;
  #busy = false;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #began = -Infinity;
  #closed = false;

  constructor(task: () => Promise<void>) {
    this.#task = task;
  }

  ask(): void {
    this.#asked = true;
    this.#plan();
  }

  close(): void {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #plan(): void {
    if (!this.#asked || this.#busy || this.#timer !== null || this.#closed) return;
    this.#timer = setTimeout(() => void this.#run(), Math.max(0, this.#began + AGAIN_MS - performance.now()));
  }

  async #run(): Promise<void> {
    this.#timer = null;
    this.#asked = false;
    this.#busy = true;
    this.#began = performance.now();
    await this.#task();
    this.#busy = false;
    this.#plan();
  }
}

/** Runs `task` now if somebody can see the page, else once they can; returns how to call it off. */
function onceVisible(task: () => void): () => void {
  const run = (): void => {
    if (document.visibilityState === 'hidden') return;
    document.removeEventListener('visibilitychange', run);
    task();
  };
  document.addEventListener('visibilitychange', run);
  run();
  return () => document.removeEventListener('visibilitychange', run);
}

/** A number that changes every so many ms, as the clock goes: a page is not drawn anew each second for it. */
export function useTurn(now: ReadonlySignal<number>, ms: number): number {
  return useMemo(() => computed(() => Math.floor(now.value / ms)), [now, ms]).value;
}

/**
 * What a page reads beside the topology. Read again when `key` changes, and when
 * `revision` does, then at most once a second and only while the page is visible; what
 * was read before stays on screen.
 */
export function useResource<T>(key: string, revision: string, read: (signal: AbortSignal) => Promise<T>): Resource<T> {
  const [state, setState] = useState<{ key: string; data: T | null; problem: Problem | null }>({ key, data: null, problem: null });
  const [turn, setTurn] = useState(0);
  const repeater = useRef<Repeater | null>(null);
  useEffect(() => {
    const abort = new AbortController();
    const fail = (error: unknown): void => {
      if (!isAborted(error)) setState((was) => ({ key, data: was.key === key ? was.data : null, problem: problemOf(error) }));
    };
    const again = new Repeater(() => read(abort.signal).then((data) => setState({ key, data, problem: null }), fail));
    repeater.current = again;
    again.ask();
    return () => {
      again.close();
      abort.abort();
    };
  }, [key, turn]);
  const first = useRef(true);
  useEffect(() => {
    if (!first.current) return onceVisible(() => repeater.current?.ask());
    first.current = false;
    return undefined;
  }, [revision]);
  const current = state.key === key;
  return {
    data: current ? state.data : null,
    problem: current ? state.problem : null,
    reload: () => setTurn(turn + 1),
  };
}
