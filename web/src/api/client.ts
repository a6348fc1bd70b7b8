import type {
  Agent,
  EventList,
  Explanation,
  HideKind,
  HistoryDocument,
  Level,
  NewTarget,
  NewToken,
  NodeDocument,
  NodeList,
  Problem,
  Service,
  Session,
  Settings,
  SettingsDocument,
  SuggestionList,
  Target,
  Token,
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
  const wait = Number(response.headers.get('retry-after') ?? NaN);
  const fallback = {
    title: `HTTP ${response.status} ${response.statusText}`.trim(),
    status: response.status,
    ...(wait > 0 ? { wait } : {}),
  };
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
  /** What is read again and again: the last answer, and the tag that names it. */
  readonly #held = new Map<string, { tag: string; body: unknown }>();
  /** The moment that reads are about, RFC 3339; '' is now. */
  at = '';
  /** Called when an answer says that one must log in first. */
  onLogin: () => void = () => undefined;

  constructor(fetcher: typeof fetch = (input, init) => fetch(input, init)) {
    this.#fetch = fetcher;
  }

  topology(level: Level, hide: readonly HideKind[], signal?: AbortSignal): Promise<TopologyDocument> {
    return this.#get(this.#then(`topology${viewQuery(level, hide)}`), signal);
  }

  nodes(signal?: AbortSignal): Promise<NodeList> {
    return this.#getAgain(this.#then('nodes'), signal);
  }

  node(name: string, signal?: AbortSignal): Promise<NodeDocument> {
    return this.#get(this.#then(`nodes/${encodeURIComponent(name)}`), signal);
  }

  services(signal?: AbortSignal): Promise<{ services: Service[] }> {
    return this.#get(this.#then('services'), signal);
  }

  history(signal?: AbortSignal): Promise<HistoryDocument> {
    return this.#get('history', signal);
  }

  /** The newest first; `to` is '' for now. */
  events(from: string, to: string, signal?: AbortSignal): Promise<EventList> {
    return this.#get(`events?limit=500&from=${encodeURIComponent(from)}${to ? `&to=${encodeURIComponent(to)}` : ''}`, signal);
  }

  settings(signal?: AbortSignal): Promise<SettingsDocument> {
    return this.#get('settings', signal);
  }

  patchSettings(change: Partial<Settings>): Promise<SettingsDocument> {
    return this.#send('PATCH', 'settings', change);
  }

  addNode(target: NewTarget): Promise<Target> {
    return this.#send('POST', 'nodes', target);
  }

  removeNode(name: string): Promise<void> {
    return this.#send('DELETE', `nodes/${encodeURIComponent(name)}`);
  }

  removeTarget(url: string): Promise<void> {
    return this.#send('DELETE', `targets?url=${encodeURIComponent(url)}`);
  }

  suggestions(signal?: AbortSignal): Promise<SuggestionList> {
    return this.#get('suggestions', signal);
  }

  /** The ends as `node` or `node:process`, and `node` or `node:port`. */
  explain(client: string, server: string, signal?: AbortSignal): Promise<Explanation> {
    return this.#get(this.#then(`explain?client=${encodeURIComponent(client)}&server=${encodeURIComponent(server)}`), signal);
  }

  agents(signal?: AbortSignal): Promise<{ agents: Agent[] }> {
    return this.#get('agents', signal);
  }

  revokeAgent(id: string): Promise<void> {
    return this.#send('DELETE', `agents/${encodeURIComponent(id)}`);
  }

  tokens(signal?: AbortSignal): Promise<{ tokens: Token[] }> {
    return this.#get('tokens', signal);
  }

  /** `uses` 0 is any number of machines; `expires_in` is a Go duration. */
  createToken(wish: { uses: number; expires_in: string }): Promise<NewToken> {
    return this.#send('POST', 'tokens', wish);
  }

  dropToken(id: string): Promise<void> {
    return this.#send('DELETE', `tokens/${encodeURIComponent(id)}`);
  }

  session(signal?: AbortSignal): Promise<Session> {
    return this.#get('session', signal);
  }

  login(user: string, password: string): Promise<Session> {
    return this.#send('POST', 'login', { user, password });
  }

  /** Sets the admin’s password with the secret of a login link, and logs in. */
  setup(secret: string, password: string): Promise<Session> {
    return this.#send('POST', 'setup', { secret, password });
  }

  logout(): Promise<Session> {
    return this.#send('POST', 'logout', {});
  }

  version(signal?: AbortSignal): Promise<Version> {
    return this.#get('version', signal);
  }

  /** The path of a read, as of the moment that is shown. */
  #then(path: string): string {
    if (!this.at) return path;
    return `${path}${path.includes('?') ? '&' : '?'}at=${encodeURIComponent(this.at)}`;
  }

  #get<T>(path: string, signal?: AbortSignal): Promise<T> {
    return this.#request<T>(path, signal ? { signal } : {});
  }

  /**
   * As `#get`, but what did not change does not come again: the answer is then the
   * object of the last time. A browser's own cache does not do this where the server's
   * certificate is its own.
   */
  async #getAgain<T>(path: string, signal?: AbortSignal): Promise<T> {
    const held = this.#held.get(path);
    const init: RequestInit = { ...(signal ? { signal } : {}), ...(held ? { headers: { 'if-none-match': held.tag } } : {}) };
    const response = await this.#ask(path, init);
    if (response.status === 304 && held) return held.body as T;
    const body = (await response.json()) as T;
    const tag = response.headers.get('etag');
    if (tag) this.#held.set(path, { tag, body });
    else this.#held.delete(path);
    return body;
  }

  #send<T>(method: 'POST' | 'PATCH' | 'DELETE', path: string, body?: unknown): Promise<T> {
    const written = body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
    return this.#request<T>(path, { method, ...written });
  }

  async #request<T>(path: string, init: RequestInit): Promise<T> {
    const response = await this.#ask(path, init);
    return (response.status === 204 ? undefined : await response.json()) as T;
  }

  /** Somebody else may log in: what was read for one is not kept for another. */
  #lockedOut(): void {
    this.#held.clear();
    this.onLogin();
  }

  /** An answer that is no problem. */
  async #ask(path: string, init: RequestInit): Promise<Response> {
    const response = await this.#fetch(`${API_BASE}/${path}`, init);
    if (!response.ok && response.status !== 304) {
      // A wrong password is answered so too: that is for the form to say.
      if (response.status === 401 && !LOGIN.includes(path)) this.#lockedOut();
      throw new ProblemError(await readProblem(response));
    }
    return response;
  }
}

/** What is asked for without being logged in. */
const LOGIN: readonly string[] = ['login', 'setup', 'logout', 'session'];
