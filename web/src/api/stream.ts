import type { Clock } from '../lib/clock';
import { API_BASE, viewQuery } from './client';
import type { Delta, HideKind, Level, Mark } from './types';

/** Beats come every 5 s; this long without any event and the line counts as lost. */
export const SILENCE_MS = 15_000;

const BACKOFF_FIRST_MS = 500;
const BACKOFF_MAX_MS = 15_000;

/** The part of EventSource that the stream uses. */
export interface EventSourceLike {
  addEventListener(type: string, listener: (event: MessageEvent<string>) => void): void;
  close(): void;
}

export interface StreamHandlers {
  /** The revision the server stands at when the line opens. */
  snapshot(mark: Mark): void;
  delta(delta: Delta): void;
  /** The server cannot say what changed: read the topology again. */
  resync(mark: Mark): void;
  /** Sent while nothing changes: where the server stands. */
  beat(mark: Mark): void;
  /** The line works: an event came. */
  alive(): void;
  /** The line is lost; the next attempt is already planned. */
  lost(): void;
}

export interface StreamOptions {
  level: Level;
  hide: readonly HideKind[];
  handlers: StreamHandlers;
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
 * browser's own retry has no backoff and does not notice a silent line.
 * A new line starts with a snapshot event, so nothing is missed in between.
 */
export class Stream {
  readonly #options: StreamOptions;
  #source: EventSourceLike | null = null;
  #attempt = 0;
  #timer: number | null = null;
  #closed = false;

  constructor(options: StreamOptions) {
    this.#options = options;
    this.#connect();
  }

  /** Stops for good; no handler is called afterwards. */
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
    const { level, hide, handlers, open } = this.#options;
    const source = open(`${API_BASE}/stream${viewQuery(level, hide)}`);
    this.#source = source;
    this.#watch();
    this.#listen(source, 'snapshot', (data) => handlers.snapshot(data as Mark));
    this.#listen(source, 'delta', (data) => handlers.delta(data as Delta));
    this.#listen(source, 'resync', (data) => handlers.resync(data as Mark));
    this.#listen(source, 'beat', (data) => handlers.beat(data as Mark));
    source.addEventListener('error', () => {
      if (source === this.#source) this.#lose();
    });
  }

  #listen(source: EventSourceLike, type: string, handle: (data: unknown) => void): void {
    source.addEventListener(type, (event) => {
      if (source !== this.#source) return;
      let data: unknown;
      try {
        data = JSON.parse(event.data);
      } catch {
        this.#lose();
        return;
      }
      this.#attempt = 0;
      this.#watch();
      this.#options.handlers.alive();
      handle(data);
    });
  }

  #watch(): void {
    this.#setTimer(() => this.#lose(), SILENCE_MS);
  }

  #lose(): void {
    this.#drop();
    this.#setTimer(() => this.#connect(), backoff(this.#attempt, this.#options.random));
    this.#attempt++;
    this.#options.handlers.lost();
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
