import { useEffect, useState } from 'preact/hooks';
import { isAborted, problemOf } from '../api/client';
import type { Problem } from '../api/types';

export interface Resource<T> {
  data: T | null;
  problem: Problem | null;
  reload: () => void;
}

/** Reads pass at most this often while the topology changes. */
const AGAIN_MS = 1_000;

/**
 * What a page reads beside the topology. Read again when `key` changes, and when
 * `revision` does, then at most once a second; what was read before stays on screen.
 */
export function useResource<T>(key: string, revision: string, read: (signal: AbortSignal) => Promise<T>): Resource<T> {
  const [state, setState] = useState<{ key: string; data: T | null; problem: Problem | null }>({ key, data: null, problem: null });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const abort = new AbortController();
    const run = (): void => {
      read(abort.signal).then(
        (data) => setState({ key, data, problem: null }),
        (error: unknown) => {
          if (!isAborted(error)) setState((was) => ({ key, data: was.key === key ? was.data : null, problem: problemOf(error) }));
        },
      );
    };
    const wait = state.key === key && state.data !== null ? AGAIN_MS : 0;
    const timer = setTimeout(run, wait);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [key, revision, turn]);
  const current = state.key === key;
  return {
    data: current ? state.data : null,
    problem: current ? state.problem : null,
    reload: () => setTurn(turn + 1),
  };
}
