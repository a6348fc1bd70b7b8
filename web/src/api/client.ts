import type {
  APIToken,
  Embed,
  Agent,
  AuditList,
  CheckList,
  CheckQuery,
  Comparison,
  Correction,
  DefinitionSystem,
  EventList,
  EventCounts,
  EventQuery,
  Explanation,
  Finding,
  GeoDocument,
  HideKind,
  HistoryDocument,
  Incident,
  IncidentAcknowledged,
  IncidentList,
  Level,
  ListedSession,
  LoginLink,
  MappingSettings,
  Moved,
  NewTarget,
  NewToken,
  NodeDocument,
  NodeList,
  Problem,
  RecentDocument,
  Relation,
  Role,
  RolesChange,
  RolesDocument,
  Service,
  Session,
  Settings,
  SettingsDocument,
  SourceList,
  SourceOptions,
  SourceTest,
  SuggestionList,
  Target,
  Token,
  TopologyDocument,
  Usage,
  User,
  Version,
  WhatIf,
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

/** The query string of a chart request; an empty hide list is spelt `none`. `expand` are pools whose members are shown. */
export function viewQuery(level: Level, hide: readonly HideKind[], expand: readonly string[] = []): string {
  const list = hide.length === 0 ? 'none' : [...hide].sort().join(',');
  const opened = level === 'pool' && expand.length > 0 ? `&expand=${encodeURIComponent([...expand].sort().join(','))}` : '';
  return `?level=${level}&hide=${encodeURIComponent(list)}${opened}`;
}

/** A query string of what is not empty. */
function query(values: Readonly<Record<string, string | number | undefined>>): string {
  const said = Object.entries(values).filter(([, v]) => v !== undefined && v !== '');
  return said.length > 0 ? `?${said.map(([k, v]) => `${k}=${encodeURIComponent(String(v))}`).join('&')}` : '';
}

/** Where a file of definitions is, below the API; without a source what no source monitors. */
export function definitionsPath(system: DefinitionSystem, source: string): string {
  return `report/definitions/${system}${query({ source })}`;
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

  topology(level: Level, hide: readonly HideKind[], expand: readonly string[] = [], signal?: AbortSignal): Promise<TopologyDocument> {
    return this.#get(this.#then(`topology${viewQuery(level, hide, expand)}`), signal);
  }

  /** As of any moment, whichever is shown; '' is now. */
  topologyOf(at: string, level: Level, hide: readonly HideKind[], expand: readonly string[] = [], signal?: AbortSignal): Promise<TopologyDocument> {
    return this.#get(`topology${viewQuery(level, hide, expand)}${at ? `&at=${encodeURIComponent(at)}` : ''}`, signal);
  }

  /** What changed from one moment to a later one; `to` is '' for now. */
  diff(from: string, to: string, hide: readonly HideKind[], signal?: AbortSignal): Promise<Comparison> {
    const left = hide.filter((kind) => kind !== 'old');
    return this.#get(`diff${query({ from, to, hide: left.join(',') || 'none' })}`, signal);
  }

  /** Who used a service in so many days. */
  uses(service: string, days: number, signal?: AbortSignal): Promise<Usage> {
    return this.#get(`services/${encodeURIComponent(service)}/uses?since=-${days * 24}h`, signal);
  }

  nodes(signal?: AbortSignal): Promise<NodeList> {
    return this.#getAgain(this.#then('nodes'), signal);
  }

  node(name: string, signal?: AbortSignal): Promise<NodeDocument> {
    return this.#get(this.#then(`nodes/${encodeURIComponent(name)}`), signal);
  }

  /** The numbers of its last hour; there are none of moments gone by. */
  recent(name: string, signal?: AbortSignal): Promise<RecentDocument> {
    return this.#get(`nodes/${encodeURIComponent(name)}/recent`, signal);
  }

  geo(signal?: AbortSignal): Promise<GeoDocument> {
    return this.#get(this.#then('geo'), signal);
  }

  services(signal?: AbortSignal): Promise<{ services: Service[] }> {
    return this.#get(this.#then('services'), signal);
  }

  history(signal?: AbortSignal): Promise<HistoryDocument> {
    return this.#get('history', signal);
  }

  /** The newest first. */
  events({ from, to, node, subject, kind, limit }: EventQuery, signal?: AbortSignal): Promise<EventList> {
    return this.#get(`events${query({ from, to, node, subject, kind, limit })}`, signal);
  }

  /** So long is each step, a Go duration; `to` is '' for now. */
  eventCounts(from: string, to: string, step: string, signal?: AbortSignal): Promise<EventCounts> {
    return this.#get(`events/counts${query({ from, to, step })}`, signal);
  }

  checks({ id, node, service, open, find, limit }: CheckQuery, signal?: AbortSignal): Promise<CheckList> {
    return this.#get(this.#then(`checks${query({ id, node, service, open: open ? 'true' : '', find, limit })}`), signal);
  }

  /** Those of a state; of the resolved ones those that ended after `from`, RFC 3339. */
  incidents(state: 'open' | 'resolved', from: string, signal?: AbortSignal): Promise<IncidentList> {
    return this.#getAgain(`incidents${query({ state, from })}`, signal);
  }

  incident(id: string, signal?: AbortSignal): Promise<Incident> {
    return this.#get(`incidents/${encodeURIComponent(id)}`, signal);
  }

  /** What would fail with these, and who was seen to use them in so many days. */
  impact(of: readonly string[], days: number, signal?: AbortSignal): Promise<WhatIf> {
    return this.#get(this.#then(`impact${query({ of: of.join(','), since: `-${days * 24}h` })}`), signal);
  }

  /** Says that somebody takes care of it: here, and with `checks` in the monitoring systems, too. */
  acknowledgeIncident(id: string, comment: string, checks: boolean): Promise<IncidentAcknowledged> {
    return this.#send('PATCH', `incidents/${encodeURIComponent(id)}`, { acknowledge: true, comment, checks });
  }

  /** Tells the monitoring system that somebody takes care; the answer says what that did. */
  acknowledge(id: string, comment: string): Promise<{ did: string }> {
    return this.#send('POST', `checks/${encodeURIComponent(id)}/acknowledge`, { comment });
  }

  /** Says which rule or alias brings a check there, and what that moves; nothing is written. */
  tryMapping(id: string, node: string, service: string, signal?: AbortSignal): Promise<Correction> {
    return this.#send('POST', `checks/${encodeURIComponent(id)}/map`, { node, ...(service ? { service } : {}), preview: true }, signal);
  }

  /** Writes it. */
  mapCheck(id: string, node: string, service: string): Promise<Correction> {
    return this.#send('POST', `checks/${encodeURIComponent(id)}/map`, { node, ...(service ? { service } : {}) });
  }

  /** The checks that other rules would move. */
  previewMapping(settings: Partial<MappingSettings>, signal?: AbortSignal): Promise<{ moves: Moved[] | null }> {
    return this.#send('POST', 'mapping/preview', settings, signal);
  }

  /** What people declared of a node in monitoring systems. */
  declared(node: string, signal?: AbortSignal): Promise<{ declared: Relation[] | null }> {
    return this.#get(`declared${query({ node })}`, signal);
  }

  /** What is odd on the site. */
  report(signal?: AbortSignal): Promise<{ findings: Finding[] | null }> {
    return this.#get(this.#then('report'), signal);
  }

  /** Object definitions for what runs unmonitored; without a source what none of them monitors. */
  async definitions(system: DefinitionSystem, source: string, signal?: AbortSignal): Promise<string> {
    return (await this.#ask(definitionsPath(system, source), signal ? { signal } : {})).text();
  }

  /** The chart as a file, and what the server calls it. */
  async exported(path: string): Promise<{ blob: Blob; name: string }> {
    const response = await this.#ask(path, {});
    const [, name = ''] = /filename="([^"]+)"/.exec(response.headers.get('content-disposition') ?? '') ?? [];
    return { blob: await response.blob(), name };
  }

  sources(signal?: AbortSignal): Promise<SourceList> {
    return this.#get('sources', signal);
  }

  addSource(source: SourceOptions): Promise<SourceOptions> {
    return this.#send('POST', 'sources', source);
  }

  changeSource(source: SourceOptions): Promise<SourceOptions> {
    return this.#send('PUT', `sources/${encodeURIComponent(source.name)}`, source);
  }

  removeSource(name: string): Promise<void> {
    return this.#send('DELETE', `sources/${encodeURIComponent(name)}`);
  }

  /** Reads it once, and keeps nothing. */
  testSource(source: SourceOptions): Promise<SourceTest> {
    return this.#send('POST', 'sources/test', source);
  }

  /** Has it read now; that it was is seen in the list. */
  refreshSource(name: string): Promise<void> {
    return this.#send('POST', `sources/${encodeURIComponent(name)}/refresh`);
  }

  /** Has all of them read now. */
  refreshSources(): Promise<void> {
    return this.#send('POST', 'sources/refresh');
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

  users(signal?: AbortSignal): Promise<{ users: User[] }> {
    return this.#get('users', signal);
  }

  /** The answer is the link by which they set their password. */
  addUser(name: string, role: Role): Promise<LoginLink> {
    return this.#send('POST', 'users', { name, role });
  }

  setRole(name: string, role: Role): Promise<void> {
    return this.#send('PATCH', `users/${encodeURIComponent(name)}`, { role });
  }

  removeUser(name: string): Promise<void> {
    return this.#send('DELETE', `users/${encodeURIComponent(name)}`);
  }

  userLink(name: string): Promise<LoginLink> {
    return this.#send('POST', `users/${encodeURIComponent(name)}/link`);
  }

  /** One's own, for an admin all. */
  sessions(signal?: AbortSignal): Promise<{ sessions: ListedSession[] }> {
    return this.#get('sessions', signal);
  }

  endSession(id: string): Promise<void> {
    return this.#send('DELETE', `sessions/${encodeURIComponent(id)}`);
  }

  apiTokens(signal?: AbortSignal): Promise<{ tokens: APIToken[] }> {
    return this.#get('api-tokens', signal);
  }

  /** `expires_in` is a Go duration; without it the token has no end. */
  createAPIToken(wish: { name: string; role: Role; expires_in?: string; embed?: Pick<Embed, 'formats' | 'query'> }): Promise<APIToken & { token: string; link?: string }> {
    return this.#send('POST', 'api-tokens', wish);
  }

  dropAPIToken(id: string): Promise<void> {
    return this.#send('DELETE', `api-tokens/${encodeURIComponent(id)}`);
  }

  /** Who changed what, the newest first. */
  audit({ find, limit }: { find: string; limit: number }, signal?: AbortSignal): Promise<AuditList> {
    return this.#get(`audit${query({ find, limit })}`, signal);
  }

  /** What the nodes are to each other, and what people decided of it. */
  roles(signal?: AbortSignal): Promise<RolesDocument> {
    return this.#get('roles', signal);
  }

  /** Names, merges, moves; null takes back what was decided. */
  changeRoles(change: RolesChange): Promise<RolesDocument> {
    return this.#send('PATCH', 'roles', change);
  }

  /** Puts boxes where they shall stand, chart units; null lets one go. */
  pinBoxes(level: Level, pins: Readonly<Record<string, { x: number; y: number } | null>>): Promise<void> {
    return this.#send('PATCH', `charts/${level}`, { pins });
  }

  /** Places all boxes anew but those that people put somewhere. */
  tidy(level: Level): Promise<void> {
    return this.#send('POST', `charts/${level}/tidy`);
  }

  /** What parts of the page that come later ask for. */
  ask<T>(path: string, method?: 'PUT' | 'DELETE', body?: unknown, signal?: AbortSignal): Promise<T> {
    return method ? this.#send(method, path, body, signal) : this.#get(this.#then(path), signal);
  }

  session(signal?: AbortSignal): Promise<Session> {
    return this.#get('session', signal);
  }

  login(user: string, password: string): Promise<Session> {
    return this.#send('POST', 'login', { user, password });
  }

  /** Changes one’s own password; all one’s other sessions end. */
  changePassword(before: string, password: string): Promise<Session> {
    return this.#send('POST', 'password', { before, password });
  }

  /** Sets the password of a login link’s user, and logs in. */
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

  #send<T>(method: 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
    const written = body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
    return this.#request<T>(path, { method, ...written, ...(signal ? { signal } : {}) });
  }

  async #request<T>(path: string, init: RequestInit): Promise<T> {
    const response = await this.#ask(path, init);
    return (BARE.includes(response.status) ? undefined : await response.json()) as T;
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

/** Answers without a body: done, and begun. */
const BARE: readonly number[] = [202, 204];

/** What is asked for without being logged in. */
const LOGIN: readonly string[] = ['login', 'setup', 'logout', 'session'];
