import { isLater } from '../api/revision';
import { type EventSourceLike, Stream, type StreamEvent } from '../api/stream';
import type { Clock } from '../lib/clock';
import { type Ask, PROTOCOL, PULSE_MS, type PortLike, type Say } from './protocol';

/** A question that nobody looks at is followed so much longer: a tab in the background may come back. */
export const LINGER_MS = 30_000;

/** A tab that was not heard of for so long is gone; it had no time to say so. */
export const GONE_MS = 60_000;

/** How much of the past of a question is kept for tabs that come back. */
const KEEP_EVENTS = 256;
const KEEP_CHARS = 4 << 20;

export interface HubOptions {
  clock: Clock;
  random: () => number;
  open: (url: string) => EventSourceLike;
}

/** One question: its line to the server, and the last deltas as they came. */
class Topic {
  readonly viewers = new Set<Viewer>();
  lost = false;
  readonly url: string;
  /** The server answered. */
  #heard = false;
  readonly #stream: Stream;
  /** Deltas that join, the last one leading to `#head`. */
  #past: StreamEvent[] = [];
  /** The revision that the first of them leads on from. */
  #from: string;
  #head: string;
  #chars = 0;

  constructor(url: string, after: string, options: HubOptions) {
    this.url = url;
    this.#from = after;
    this.#head = after;
    this.#stream = new Stream({
      ...options,
      url,
      after,
      heard: (event) => this.#hear(event),
      lost: () => this.#lose(),
    });
  }

  close(): void {
    this.#stream.close();
  }

  retry(): void {
    this.#stream.retry();
  }

  /** Tells a new viewer what it lacks; before the server answered that is not known. */
  welcome(viewer: Viewer, after: string): void {
    this.viewers.add(viewer);
    if (this.#heard) viewer.hear(this.#missed(after));
    if (!this.lost) return;
    viewer.lose();
    this.retry();
  }

  /** A viewer that is ahead of the line has all there is. */
  #missed(after: string): readonly StreamEvent[] {
    const deltas = this.#since(after);
    if (deltas && deltas.length > 0) return deltas;
    return [deltas || isLater(after, this.#head) ? mark('snapshot', after) : mark('resync', this.#head)];
  }

  /** The deltas that lead on from a revision; null where there is no way. */
  #since(revision: string): readonly StreamEvent[] | null {
    if (revision === this.#head) return [];
    if (revision === this.#from) return this.#past;
    const at = this.#past.findIndex((e) => e.id === revision);
    return at < 0 ? null : this.#past.slice(at + 1);
  }

  #hear(event: StreamEvent): void {
    this.lost = false;
    this.#heard = true;
    if (event.type === 'delta') this.#keep(event);
    else if (event.type !== 'incidents' && event.id !== this.#head) this.#forget(event.id);
    for (const viewer of this.viewers) viewer.hear([event]);
  }

  #keep(delta: StreamEvent): void {
    this.#past.push(delta);
    this.#chars += delta.data.length;
    this.#head = delta.id;
    while (this.#past.length > KEEP_EVENTS || this.#chars > KEEP_CHARS) {
      const dropped = this.#past.shift();
      if (!dropped) break;
      this.#from = dropped.id;
      this.#chars -= dropped.data.length;
    }
  }

  /** No delta leads on from what was. */
  #forget(head: string): void {
    this.#past = [];
    this.#chars = 0;
    this.#from = head;
    this.#head = head;
  }

  #lose(): void {
    this.lost = true;
    for (const viewer of this.viewers) viewer.lose();
  }
}

function mark(type: 'snapshot' | 'resync', revision: string): StreamEvent {
  return { type, id: revision, data: JSON.stringify({ revision }) };
}

/** A tab's interest in a question. */
interface Viewer {
  topic: Topic;
  hear(events: readonly StreamEvent[]): void;
  lose(): void;
}

interface Tab {
  port: PortLike;
  viewers: Map<number, Viewer>;
  heardAt: number;
}

/**
 * The live lines of all tabs of an origin, in the one worker that they share: each
 * question is followed once, whoever asks it. Events are handed on as text, so that
 * only a tab that shows them reads them.
 */
export class Hub {
  readonly #options: HubOptions;
  readonly #topics = new Map<string, Topic>();
  readonly #idle = new Map<string, number>();
  readonly #tabs = new Set<Tab>();
  #pulse: number | null = null;

  constructor(options: HubOptions) {
    this.#options = options;
  }

  /** Listens to a tab. */
  join(port: PortLike): void {
    const tab: Tab = { port, viewers: new Map(), heardAt: this.#options.clock.now() };
    port.onmessage = (event) => this.#asked(tab, event.data as Ask);
  }

  #asked(tab: Tab, ask: Ask): void {
    tab.heardAt = this.#options.clock.now();
    switch (ask.do) {
      case 'hello':
        this.#say(tab, { say: 'welcome', protocol: PROTOCOL });
        break;
      case 'open':
        this.#open(tab, ask.line, ask.url, ask.after);
        break;
      case 'close':
        this.#close(tab, ask.line);
        break;
      case 'retry':
        for (const { topic } of tab.viewers.values()) topic.retry();
        break;
      case 'bye':
        this.#leave(tab);
        break;
      case 'here':
    }
  }

  #say(tab: Tab, said: Say): void {
    tab.port.postMessage(said);
  }

  #open(tab: Tab, line: number, url: string, after: string): void {
    this.#close(tab, line);
    const viewer: Viewer = {
      topic: this.#topic(url, after),
      hear: (events) => this.#say(tab, { say: 'events', line, events }),
      lose: () => this.#say(tab, { say: 'lost', line }),
    };
    tab.viewers.set(line, viewer);
    this.#tabs.add(tab);
    this.#pulse ??= this.#options.clock.setTimeout(() => this.#beat(), PULSE_MS);
    this.#say(tab, { say: 'pulse' });
    viewer.topic.welcome(viewer, after);
  }

  #topic(url: string, after: string): Topic {
    const timer = this.#idle.get(url);
    if (timer !== undefined) this.#options.clock.clearTimeout(timer);
    this.#idle.delete(url);
    let topic = this.#topics.get(url);
    if (!topic) {
      topic = new Topic(url, after, this.#options);
      this.#topics.set(url, topic);
    }
    return topic;
  }

  #close(tab: Tab, line: number): void {
    const viewer = tab.viewers.get(line);
    if (!viewer) return;
    tab.viewers.delete(line);
    if (tab.viewers.size === 0) this.#tabs.delete(tab);
    viewer.topic.viewers.delete(viewer);
    if (viewer.topic.viewers.size === 0) this.#linger(viewer.topic);
  }

  #leave(tab: Tab): void {
    for (const line of [...tab.viewers.keys()]) this.#close(tab, line);
    tab.port.close();
  }

  #linger(topic: Topic): void {
    const { url } = topic;
    const end = (): void => {
      this.#idle.delete(url);
      this.#topics.delete(url);
      topic.close();
    };
    // A line that is lost is not kept up for nobody.
    if (topic.lost) end();
    else this.#idle.set(url, this.#options.clock.setTimeout(end, LINGER_MS));
  }

  /** Says that the worker is there, and lets those go that are not. */
  #beat(): void {
    this.#pulse = null;
    const { clock } = this.#options;
    for (const tab of [...this.#tabs]) {
      if (clock.now() - tab.heardAt > GONE_MS) this.#leave(tab);
      else this.#say(tab, { say: 'pulse' });
    }
    if (this.#tabs.size > 0) this.#pulse = clock.setTimeout(() => this.#beat(), PULSE_MS);
  }
}
