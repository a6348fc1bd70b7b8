import { batch, signal } from '@preact/signals';
import { API_BASE, type Client, isAborted, problemOf, viewQuery } from '../api/client';
import type { Line, Lines } from '../api/line';
import { isLater } from '../api/revision';
import { backoff } from '../api/stream';
import type { Delta, HideKind, Level, Mark, Problem, Told } from '../api/types';
import type { Clock } from '../lib/clock';
import { type Change, grow } from './growth';
import { latest } from './health';
import { type Topology, announcements, applyDelta, catchUp, fromDocument } from './topology';
import { changedSince } from './versions';

/** `connecting` until the first event; `reconnecting` while the line is lost. */
export type Phase = 'connecting' | 'live' | 'reconnecting';

export interface FeedOptions {
  client: Pick<Client, 'topology' | 'at'>;
  clock: Clock;
  random: () => number;
  lines: Lines;
  /** The line broke, or broke again; an EventSource does not say why. */
  onLost?: () => void;
}

/** Looks at a topology and says which level is to be shown. */
export type Instead = (read: Topology) => Level;

/** What differs in a later map of things. */
function* changed<T>(before: ReadonlyMap<string, T>, after: ReadonlyMap<string, T>): Generator<T> {
  for (const [, is] of changedSince(before, after)?.values() ?? []) if (is !== undefined) yield is;
}

/** The live region speaks at most this often. */
const SPEAK_EVERY_MS = 5_000;

/**
 * Keeps one topology up to date: reads it, follows the stream, reads it again
 * when the stream has a gap. Whatever happens, the last known topology stays.
 */
export class Feed {
  readonly topology = signal<Topology | null>(null);
  readonly phase = signal<Phase>('connecting');
  /** When the line was lost, ms; 0 while it works. */
  readonly lostAt = signal(0);
  /** When something last changed on the chart, ms; 0 before the first reading. */
  readonly changedAt = signal(0);
  /** Grows when something is new of incidents, or may be: a line that opens does not say what it missed. */
  readonly news = signal(0);
  /** What the line tells of what is beside the chart. */
  readonly told = signal<Told>({});
  /** Why the last reading failed; the topology before it is still shown. */
  readonly problem = signal<Problem | null>(null);
  /** The last sentence for the live region. */
  readonly spoken = signal('');

  readonly #options: FeedOptions;
  #line: Line | null = null;
  #watching = false;
  /** Nobody looks at the page. */
  #resting = false;
  #reading: AbortController | null = null;
  #waiting: Delta[] = [];
  #retryTimer: number | null = null;
  #failures = 0;
  #level: Level = 'service';
  #hide: readonly HideKind[] = [];
  #expand: readonly string[] = [];
  #instead: Instead | null = null;
  #unsaid: string[] = [];
  #speakTimer: number | null = null;

  constructor(options: FeedOptions) {
    this.#options = options;
  }

  /**
   * Follows another view, or shows it as of a moment. The chart on screen stays until the new one is there.
   * `instead` looks at the first answer, and may name another level to be read and shown instead.
   */
  watch(level: Level, hide: readonly HideKind[], at = '', expand: readonly string[] = [], instead: Instead | null = null): void {
    this.close();
    this.#watching = true;
    this.#expand = expand;
    this.#instead = instead;
    this.#options.client.at = at;
    this.#level = level;
    this.#hide = hide;
    this.#failures = 0;
    void this.#read();
  }

  close(): void {
    this.#watching = false;
    this.#hangUp();
    this.#reading?.abort();
    this.#reading = null;
  }

  #hangUp(): void {
    this.#line?.close();
    this.#line = null;
    if (this.#retryTimer !== null) this.#options.clock.clearTimeout(this.#retryTimer);
    this.#retryTimer = null;
  }

  /** Nobody looks: nothing is followed, and the last known topology stays. */
  rest(): void {
    this.#resting = true;
    this.#hangUp();
  }

  /** Somebody looks again: what was missed comes as deltas, or is read anew. */
  wake(): void {
    if (!this.#resting) return;
    this.#resting = false;
    if (this.#reading || !this.#watching) return;
    if (this.problem.value || !this.topology.value) void this.#read();
    else this.#follow();
  }

  /** Forgets what is known: it is not for who comes next. */
  clear(): void {
    this.close();
    batch(() => {
      this.topology.value = null;
      this.phase.value = 'connecting';
      this.lostAt.value = 0;
      this.changedAt.value = 0;
      this.problem.value = null;
    });
  }

  /** Tries at once: the Retry button, or the network came back. */
  retry(): void {
    this.#line?.retry();
    if (this.problem.value) void this.#read();
  }

  async #read(): Promise<void> {
    this.#reading?.abort();
    const reading = new AbortController();
    this.#reading = reading;
    this.#waiting = [];
    try {
      const doc = await this.#options.client.topology(this.#level, this.#hide, this.#expand, reading.signal);
      if (this.#reading === reading) this.#settle(fromDocument(doc));
    } catch (error) {
      if (this.#reading === reading && !isAborted(error)) this.#fail(error);
    }
  }

  #settle(read: Topology): void {
    this.#reading = null;
    const level = this.#instead?.(read) ?? this.#level;
    this.#instead = null;
    if (level !== this.#level) {
      this.#level = level;
      void this.#read();
      return;
    }
    const current = catchUp(read, this.#waiting);
    if (!current) {
      this.#later();
      return;
    }
    this.#failures = 0;
    batch(() => {
      this.topology.value = this.#compared(current, { connections: current.connections.values(), services: current.services.values() });
      this.problem.value = null;
      this.changedAt.value = this.#options.clock.now();
    });
    this.#follow();
  }

  /** What was does not change; what nobody looks at is not followed. */
  #follow(): void {
    if (this.#options.client.at === '' && !this.#resting) this.#line ??= this.#open();
  }

  /** A topology with what grew since the one that is shown. */
  #compared(after: Topology, change: Change): Topology {
    const before = this.topology.value;
    return before ? { ...after, grown: grow(before, change, latest(after, this.#options.clock.now())) } : after;
  }

  #fail(error: unknown): void {
    this.#reading = null;
    batch(() => {
      this.problem.value = problemOf(error);
      if (!this.#line) this.#lost();
    });
    this.#later();
  }

  #later(): void {
    if (this.#retryTimer !== null || this.#resting) return;
    this.#retryTimer = this.#options.clock.setTimeout(
      () => {
        this.#retryTimer = null;
        void this.#read();
      },
      backoff(this.#failures++, this.#options.random),
    );
  }

  #open(): Line {
    const expect = (mark: Mark): void => {
      this.told.value = mark;
      if (!this.#reading && !this.#holds(mark.revision)) void this.#read();
    };
    this.#stir();
    return this.#options.lines.open({
      path: `${API_BASE}/stream${viewQuery(this.#level, this.#hide, this.#expand)}&delta=fields`,
      after: this.topology.value?.revision ?? '',
      handlers: {
        snapshot: expect,
        delta: (delta) => this.#delta(delta),
        incidents: () => this.#stir(),
        beat: expect,
        resync: () => void this.#read(),
        alive: () => this.#alive(),
        lost: () => {
          this.#options.onLost?.();
          this.#lost();
        },
      },
    });
  }

  #stir(): void {
    this.news.value = this.news.peek() + 1;
  }

  /** Whether what is shown is of this revision or later: a line may lag behind what was read. */
  #holds(revision: string): boolean {
    const held = this.topology.value?.revision ?? '';
    return held === revision || isLater(held, revision);
  }

  #delta(delta: Delta): void {
    if (this.#reading) {
      this.#waiting.push(delta);
      return;
    }
    const before = this.topology.value;
    const after = before && applyDelta(before, delta);
    if (!before || !after) {
      if (!this.#holds(delta.revision)) void this.#read();
      return;
    }
    batch(() => {
      this.topology.value = this.#compared(after, { connections: changed(before.connections, after.connections), services: changed(before.services, after.services) });
      this.changedAt.value = this.#options.clock.now();
    });
    this.#speak(announcements(before, delta));
  }

  #alive(): void {
    if (this.phase.value === 'live') return;
    if (this.phase.value === 'reconnecting') this.#speak(['connection is back']);
    batch(() => {
      this.#stir();
      this.phase.value = 'live';
      this.lostAt.value = 0;
    });
  }

  #lost(): void {
    if (this.phase.value === 'reconnecting') return;
    batch(() => {
      this.phase.value = 'reconnecting';
      this.lostAt.value = this.#options.clock.now();
    });
    this.#speak(['connection lost, reconnecting']);
  }

  /** At once if it has been quiet for a while, otherwise folded into one sentence later. */
  #speak(sentences: readonly string[]): void {
    if (sentences.length === 0) return;
    this.#unsaid.push(...sentences);
    if (this.#speakTimer === null) this.#say();
  }

  #say(): void {
    this.#speakTimer = null;
    if (this.#unsaid.length === 0) return;
    const rest = this.#unsaid.length - 3;
    const said = this.#unsaid.slice(0, 3);
    if (rest > 0) said.push(`and ${rest} more changes`);
    this.spoken.value = said.join('. ');
    this.#unsaid = [];
    this.#speakTimer = this.#options.clock.setTimeout(() => this.#say(), SPEAK_EVERY_MS);
  }
}
