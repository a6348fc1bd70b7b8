import type { Clock } from '../lib/clock';

/** Beats come every 5 s; this long without any event and the line counts as lost. */
export const SILENCE_MS = 15_000;

const BACKOFF_FIRST_MS = 500;
const BACKOFF_MAX_MS = 15_000;

/** The part of EventSource that the stream uses. */
export interface EventSourceLike {
  addEventListener(type: string, listener: (event: MessageEvent<string>) => void): void;
  close(): void;
}

/** What the server says on a stream. */
export type EventType = 'snapshot' | 'delta' | 'incidents' | 'resync' | 'beat';

const EVENT_TYPES: readonly EventType[] = ['snapshot', 'delta', 'incidents', 'resync', 'beat'];

/** One event as it came: whoever shows it reads the text, nobody else needs to. */
export interface StreamEvent {
  type: EventType;
  /** The revision that it leads to. */
  id: string;
  data: string;
}

export interface StreamOptions {
  /** The question, with its query. */
  url: string;
  /** The revision that is known already; '' is none. */
  after: string;
  heard: (event: StreamEvent) => void;
  /** The line is lost; the next attempt is already planned. */
  lost: () => void;
  clock: Clock;
  /** 0 ≤ random() < 1, spreads the reconnects of many browsers. */
  random: () => number;
  open: (url: string) => EventSourceLike;
}

/**
 * The pause before attempt `n` (from 0): exponential with full jitter over its
 * upper half, so that a restarted server is not met by all viewers at once.
 */
export function backoff(attempt: number, random: () => number): number {
  const ceiling = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** Math.min(attempt, 16));
  return ceiling / 2 + random() * (ceiling / 2);
}

/**
 * The live line to the server. It opens EventSources until it is closed: the
 * browser's own retry has no backoff and does not notice a silent line. Each new
 * one tells the revision of the last event, in the query as an EventSource that is
 * new can't send Last-Event-ID; so the server goes on where the line broke.
 */
export class Stream {
  readonly #options: StreamOptions;
  #source: EventSourceLike | null = null;
  #after: string;
  #attempt = 0;
  #timer: number | null = null;
  #closed = false;

  constructor(options: StreamOptions) {
    this.#options = options;
    this.#after = options.after;
    this.#connect();
  }

  /** Stops for good; nothing is heard afterwards. */
  close(): void {
    this.#closed = true;
    this.#drop();
  }

  /** Tries now instead of after the pause. Does nothing on a working line. */
  retry(): void {
    if (this.#closed || this.#source) return;
    this.#drop();
    this.#connect();
  }

  #connect(): void {
    const { url, open } = this.#options;
    const source = open(this.#after ? `${url}&after=${encodeURIComponent(this.#after)}` : url);
    this.#source = source;
    this.#watch();
    for (const type of EVENT_TYPES) {
      source.addEventListener(type, (event) => {
        if (source === this.#source) this.#hear({ type, id: event.lastEventId, data: event.data });
      });
    }
    source.addEventListener('error', () => {
      if (source === this.#source) this.#lose();
    });
  }

  #hear(event: StreamEvent): void {
    this.#attempt = 0;
    if (event.id) this.#after = event.id;
    this.#watch();
    this.#options.heard(event);
  }

  #watch(): void {
    this.#setTimer(() => this.#lose(), SILENCE_MS);
  }

  #lose(): void {
    this.#drop();
    this.#setTimer(() => this.#connect(), backoff(this.#attempt, this.#options.random));
    this.#attempt++;
    this.#options.lost();
  }

  #drop(): void {
    this.#clearTimer();
    this.#source?.close();
    this.#source = null;
  }

  #setTimer(run: () => void, ms: number): void {
    this.#clearTimer();
    this.#timer = this.#options.clock.setTimeout(() => {
      this.#timer = null;
      run();
    }, ms);
  }

  #clearTimer(): void {
    if (this.#timer !== null) this.#options.clock.clearTimeout(this.#timer);
    this.#timer = null;
  }
}
