import type {
  HideKind,
  Level,
  ListedNode,
  NodeDocument,
  Problem,
  Service,
  Settings,
  SettingsDocument,
  TopologyDocument,
  Version,
} from './types';

/** Where the API lives, relative to the page so that a path prefix works. */
export const API_BASE = 'api/v1';

/** An answer that is not 2xx, or no answer at all (status 0). */
export class ProblemError extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail ? `${problem.title}: ${problem.detail}` : problem.title);
    this.name = 'ProblemError';
    this.problem = problem;
  }
}

/** The problem document behind any thrown value, so that a view always has something to show. */
export function problemOf(error: unknown): Problem {
  if (error instanceof ProblemError) return error.problem;
  const detail = error instanceof Error ? error.message : String(error);
  return { title: 'dotm does not answer', status: 0, detail };
}

/** True when a request was called off by its own caller: nothing to show then. */
export function isAborted(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError';
}

async function readProblem(response: Response): Promise<Problem> {
  const fallback = { title: `HTTP ${response.status} ${response.statusText}`.trim(), status: response.status };
  if (!(response.headers.get('content-type') ?? '').includes('json')) return fallback;
  try {
    return { ...fallback, ...((await response.json()) as Partial<Problem>) };
  } catch {
    return fallback;
  }
}

/** The query string of a chart request; an empty hide list is spelt `none`. */
export function viewQuery(level: Level, hide: readonly HideKind[]): string {
  const list = hide.length === 0 ? 'none' : [...hide].sort().join(',');
  return `?level=${level}&hide=${encodeURIComponent(list)}`;
}

/** The calls the pages make. `fetch` is passed in so that tests need no network. */
export class Client {
  readonly #fetch: typeof fetch;

  constructor(fetcher: typeof fetch = (input, init) => fetch(input, init)) {
    this.#fetch = fetcher;
  }

  topology(level: Level, hide: readonly HideKind[], signal?: AbortSignal): Promise<TopologyDocument> {
    return this.#get(`topology${viewQuery(level, hide)}`, signal);
  }

  nodes(signal?: AbortSignal): Promise<{ nodes: ListedNode[] }> {
    return this.#get('nodes', signal);
  }

  node(name: string, signal?: AbortSignal): Promise<NodeDocument> {
    return this.#get(`nodes/${encodeURIComponent(name)}`, signal);
  }

  services(signal?: AbortSignal): Promise<{ services: Service[] }> {
    return this.#get('services', signal);
  }

  settings(signal?: AbortSignal): Promise<SettingsDocument> {
    return this.#get('settings', signal);
  }

  patchSettings(change: Partial<Settings>): Promise<SettingsDocument> {
    return this.#request('settings', {
      method: 'PATCH',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(change),
    });
  }

  version(signal?: AbortSignal): Promise<Version> {
    return this.#get('version', signal);
  }

  #get<T>(path: string, signal?: AbortSignal): Promise<T> {
    return this.#request<T>(path, signal ? { signal } : {});
  }

  async #request<T>(path: string, init: RequestInit): Promise<T> {
    const response = await this.#fetch(`${API_BASE}/${path}`, init);
    if (!response.ok) throw new ProblemError(await readProblem(response));
    return (await response.json()) as T;
  }
}
