import { type Line, type Lines, type Question, tell } from '../api/line';
import { SILENCE_MS, type StreamEvent } from '../api/stream';
import type { Clock } from '../lib/clock';
import { type Ask, PROTOCOL, type PortLike, type Say } from './protocol';

/** How long a worker may take to answer: it has to be loaded. */
export const GREETING_MS = 5_000;

/** So many workers that don't speak, one after the other, and this page goes on alone. */
const TRIES = 2;

export interface SharedOptions {
  /** Reaches the worker, starting it if there is none. `failed` is called if it can't be loaded. */
  connect: (failed: () => void) => PortLike;
  /** What is used where the worker can't be. */
  alone: Lines;
  clock: Clock;
  /** What paths are relative to: a worker lives elsewhere. */
  base: string;
}

/** A line of this page, wherever it leads. */
class SharedLine implements Line {
  after: string;
  /** Set where the page goes on alone. */
  own: Line | null = null;
  readonly #question: Question;
  readonly #end: () => void;
  readonly #retry: () => void;

  constructor(question: Question, end: () => void, retry: () => void) {
    this.#question = question;
    this.after = question.after;
    this.#end = end;
    this.#retry = retry;
  }

  get path(): string {
    return this.#question.path;
  }

  close(): void {
    this.own?.close();
    this.#end();
  }

  retry(): void {
    if (this.own) this.own.retry();
    else this.#retry();
  }

  hear(event: StreamEvent): void {
    if (event.id) this.after = event.id;
    tell(this.#question.handlers, event);
  }

  lose(): void {
    this.#question.handlers.lost();
  }

  /** The page follows the question itself. */
  alone(lines: Lines): void {
    this.own = lines.open({ ...this.#question, after: this.after });
  }
}

/**
 * Lines through the worker that all tabs share. A worker that is killed, hangs, can't
 * be loaded or speaks another way is noticed: another is started, and if that is no
 * better the page follows its questions itself, until it is loaded anew.
 */
export class SharedLines implements Lines {
  readonly #options: SharedOptions;
  readonly #lines = new Map<number, SharedLine>();
  #port: PortLike | null = null;
  #welcome = false;
  #alone = false;
  #failures = 0;
  #next = 1;
  #timer: number | null = null;

  constructor(options: SharedOptions) {
    this.#options = options;
  }

  open(question: Question): Line {
    const id = this.#next++;
    const line = new SharedLine(
      question,
      () => this.#close(id),
      () => this.#ask({ do: 'retry' }),
    );
    if (this.#alone) {
      line.alone(this.#options.alone);
      return line;
    }
    this.#lines.set(id, line);
    if (!this.#port) this.#connect();
    else if (this.#welcome) this.#follow(id, line);
    return line;
  }

  #close(id: number): void {
    if (!this.#lines.delete(id)) return;
    this.#ask({ do: 'close', line: id });
    if (this.#lines.size === 0 && this.#welcome) this.#clearTimer();
  }

  #ask(ask: Ask): void {
    this.#port?.postMessage(ask);
  }

  #connect(): void {
    const port = this.#options.connect(() => {
      if (port === this.#port) this.#goAlone();
    });
    this.#port = port;
    port.onmessage = (event) => {
      if (port === this.#port) this.#hear(event.data as Say);
    };
    this.#ask({ do: 'hello', protocol: PROTOCOL });
    this.#watch(GREETING_MS);
  }

  #hear(said: Say): void {
    if (said.say === 'welcome') {
      if (said.protocol === PROTOCOL) this.#begin();
      else this.#goAlone();
      return;
    }
    this.#failures = 0;
    if (this.#lines.size > 0) this.#watch(SILENCE_MS);
    if (said.say === 'pulse') this.#ask({ do: 'here' });
    else this.#tell(said);
  }

  #tell(said: Exclude<Say, { say: 'welcome' | 'pulse' }>): void {
    if (said.say === 'lost') {
      this.#lines.get(said.line)?.lose();
      return;
    }
    // A handler may close the line.
    for (const event of said.events) this.#lines.get(said.line)?.hear(event);
  }

  #begin(): void {
    this.#welcome = true;
    this.#clearTimer();
    for (const [id, line] of this.#lines) this.#follow(id, line);
  }

  #follow(id: number, line: SharedLine): void {
    this.#ask({ do: 'open', line: id, url: new URL(line.path, this.#options.base).href, after: line.after });
    this.#watch(GREETING_MS);
  }

  /** The worker says nothing: it is dead, or as good as that. */
  #silent(): void {
    this.#failures++;
    if (this.#failures >= TRIES) {
      this.#goAlone();
      return;
    }
    for (const line of [...this.#lines.values()]) line.lose();
    this.#leave();
    if (this.#lines.size > 0) this.#connect();
  }

  #goAlone(): void {
    this.#leave();
    this.#alone = true;
    const lines = [...this.#lines.values()];
    this.#lines.clear();
    for (const line of lines) line.alone(this.#options.alone);
  }

  #leave(): void {
    const port = this.#port;
    this.#port = null;
    this.#welcome = false;
    this.#clearTimer();
    port?.postMessage({ do: 'bye' } satisfies Ask);
    port?.close();
  }

  #watch(ms: number): void {
    this.#clearTimer();
    this.#timer = this.#options.clock.setTimeout(() => {
      this.#timer = null;
      this.#silent();
    }, ms);
  }

  #clearTimer(): void {
    if (this.#timer !== null) this.#options.clock.clearTimeout(this.#timer);
    this.#timer = null;
  }
}

/** Lines through one worker for all tabs; where the browser has none, of the page's own. */
export function linesOf(host: Window & typeof globalThis, alone: Lines, clock: Clock): Lines {
  if (!('SharedWorker' in host)) return alone;
  const connect = (failed: () => void): PortLike => {
    const worker = new SharedWorker(new URL('./worker.ts', import.meta.url), { type: 'module', name: `dotm-${PROTOCOL}` });
    worker.addEventListener('error', failed);
    return worker.port;
  };
  return new SharedLines({ connect, alone, clock, base: host.document.baseURI });
}
