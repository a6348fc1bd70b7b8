import type { Clock } from '../lib/clock';
import { type EventSourceLike, Stream, type StreamEvent } from './stream';
import type { Delta, IncidentNews, Mark } from './types';

/** What a page learns from the live line of its question. */
export interface LineHandlers {
  /** The revision the server stands at when the line opens. */
  snapshot(mark: Mark): void;
  delta(delta: Delta): void;
  /** Something is new of incidents. */
  incidents(news: IncidentNews): void;
  /** Nobody can say what changed: read the topology again. */
  resync(): void;
  /** Sent while nothing changes: where the server stands. */
  beat(mark: Mark): void;
  /** The line works: an event came. */
  alive(): void;
  /** The line is lost; the next attempt is already planned. */
  lost(): void;
}

/** A question to follow, from a revision on. */
export interface Question {
  /** The path of the stream, with its query. */
  path: string;
  /** The revision that the page holds. */
  after: string;
  handlers: LineHandlers;
}

/** The live line of one question. */
export interface Line {
  /** Stops for good; no handler is called afterwards. */
  close(): void;
  /** Tries now instead of after the pause. Does nothing on a working line. */
  retry(): void;
}

/** Where lines come from: this page alone, or one worker for all tabs. */
export interface Lines {
  open(question: Question): Line;
}

/** Hands on one event. Text that is no JSON has lost what it was to tell. */
export function tell(handlers: LineHandlers, { type, data }: StreamEvent): void {
  handlers.alive();
  let said: unknown;
  try {
    said = JSON.parse(data);
  } catch {
    handlers.resync();
    return;
  }
  if (type === 'delta') handlers.delta(said as Delta);
  else if (type === 'incidents') handlers.incidents(said as IncidentNews);
  else if (type === 'resync') handlers.resync();
  else handlers[type](said as Mark);
}

export interface DirectOptions {
  clock: Clock;
  random: () => number;
  open: (url: string) => EventSourceLike;
}

/** Lines of this page's own: an EventSource for each. */
export class DirectLines implements Lines {
  readonly #options: DirectOptions;

  constructor(options: DirectOptions) {
    this.#options = options;
  }

  open({ path, after, handlers }: Question): Line {
    return new Stream({ ...this.#options, url: path, after, heard: (event) => tell(handlers, event), lost: () => handlers.lost() });
  }
}
