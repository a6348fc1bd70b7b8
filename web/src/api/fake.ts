import type { EventSourceLike } from './stream';

/** An EventSource for tests: they speak through it. */
export class FakeSource implements EventSourceLike {
  closed = false;
  readonly #listeners = new Map<string, ((event: MessageEvent<string>) => void)[]>();

  constructor(readonly url: string) {}

  addEventListener(type: string, listener: (event: MessageEvent<string>) => void): void {
    this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener]);
  }

  close(): void {
    this.closed = true;
  }

  /** The id of an event is its revision, as the server sends it. */
  send(type: string, data: unknown): void {
    const lastEventId = (data as { revision?: string } | null)?.revision ?? '';
    this.sendText(type, JSON.stringify(data), lastEventId);
  }

  sendText(type: string, data: string, lastEventId = ''): void {
    for (const listener of this.#listeners.get(type) ?? []) listener(new MessageEvent(type, { data, lastEventId }));
  }
}
