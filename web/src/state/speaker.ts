import { batch, signal } from '@preact/signals';
import type { Check } from '../api/types';
import type { Clock } from '../lib/clock';
import { severity } from './checks';

/** The live regions speak at most this often, ms: whoever listens must be able to work meanwhile. */
export const SPEAK_EVERY_MS = 5_000;

/** So many sentences are said at a time; of the rest there is the number. */
const AT_ONCE = 3;

interface Sentence {
  text: string;
  urgent: boolean;
}

/**
 * What screen readers are told: in turn, and never more than one thing in five seconds.
 * What is urgent goes first, and interrupts.
 */
export class Speaker {
  /** What is said when there is time for it. */
  readonly polite = signal('');
  /** What is said at once. */
  readonly urgent = signal('');
  readonly #clock: Clock;
  #waiting: Sentence[] = [];
  #timer: number | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** At once if it has been quiet for a while, otherwise folded with what else waits. */
  say(sentences: readonly string[], urgent = false): void {
    if (sentences.length === 0) return;
    this.#waiting.push(...sentences.map((text) => ({ text, urgent })));
    if (this.#timer === null) this.#speak();
  }

  #speak(): void {
    this.#timer = null;
    if (this.#waiting.length === 0) return;
    const waiting = [...this.#waiting].sort((a, b) => Number(b.urgent) - Number(a.urgent));
    const said = waiting.slice(0, AT_ONCE).map((s) => s.text);
    const rest = waiting.length - said.length;
    if (rest > 0) said.push(`and ${rest} more`);
    const region = waiting[0]?.urgent ? this.urgent : this.polite;
    batch(() => {
      // The same words again are news too: a region speaks only when it changes.
      region.value = said.join('. ') === region.peek() ? `${said.join('. ')} ` : said.join('. ');
    });
    this.#waiting = [];
    this.#timer = this.#clock.setTimeout(() => this.#speak(), SPEAK_EVERY_MS);
  }
}

/** Whether it is worth an interruption. */
function isUrgent({ status }: Check): boolean {
  return severity(status) >= severity('CRITICAL');
}

/** What opened and what closed between two lists of open alerts, as sentences. */
export function alertNews(before: readonly Check[], after: readonly Check[], title: (check: Check) => string): { urgent: string[]; polite: string[] } {
  const was = new Map(before.map((c) => [c.id, c.status]));
  const is = new Set(after.map((c) => c.id));
  const opened = after.filter((c) => was.get(c.id) !== c.status);
  const text = (c: Check): string => `${c.status}: ${title(c)}`;
  return {
    urgent: opened.filter(isUrgent).map(text),
    polite: [...opened.filter((c) => !isUrgent(c)).map(text), ...before.filter((c) => !is.has(c.id)).map((c) => `no longer open: ${title(c)}`)],
  };
}
