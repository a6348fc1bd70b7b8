import { type Signal, signal } from '@preact/signals';

/** An answer that is waited for. */
export interface Wait {
  /** What is asked for, below the API. */
  path: string;
  /** Since when, ms. */
  since: number;
}

/** From so long on it is said what is waited for, ms. */
export const LONG_MS = 3_000;

/** A `fetch` that keeps what is being read; what is sent is not counted, its button tells. */
export function watched(fetcher: typeof fetch, now: () => number): { fetch: typeof fetch; waits: Signal<readonly Wait[]> } {
  const waits = signal<readonly Wait[]>([]);
  const ask = async (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    if ((init?.method ?? 'GET') !== 'GET') return fetcher(input, init);
    const url = input instanceof Request ? input.url : String(input);
    const wait = { path: url.replace(/^.*api\/v1\//, ''), since: now() };
    waits.value = [...waits.peek(), wait];
    try {
      return await fetcher(input, init);
    } finally {
      waits.value = waits.peek().filter((w) => w !== wait);
    }
  };
  return { fetch: ask, waits };
}

const THINGS: readonly (readonly [RegExp, string])[] = [
  [/^topology.*[?&]at=/, 'the chart as it was'],
  [/^topology/, 'the chart'],
  [/^nodes\//, 'what is known of the node'],
  [/^nodes/, 'the nodes'],
  [/^services\/.*uses/, 'who used the service'],
  [/^services/, 'the services'],
  [/^checks/, 'the checks'],
  [/^(events|history)/, 'the history'],
  [/^diff/, 'what changed between the two moments'],
  [/^report/, 'the report'],
  [/^settings/, 'the settings'],
];

/** `Reading the history, for 4 s now.`; '' while nothing takes long. */
export function waitingLine(waits: readonly Wait[], now: number): string {
  const [oldest] = [...waits].sort((a, b) => a.since - b.since);
  const ms = oldest ? now - oldest.since : 0;
  if (!oldest || ms < LONG_MS) return '';
  const thing = THINGS.find(([path]) => path.test(oldest.path))?.[1] ?? 'an answer';
  return `Reading ${thing}, for ${Math.floor(ms / 1000)} s now.`;
}
