import type { PortLike } from './protocol';

/** One end of a channel for tests: what it posts arrives at the other end at once. */
class FakePort implements PortLike {
  onmessage: ((event: MessageEvent) => void) | null = null;
  other: FakePort | null = null;
  closed = false;
  readonly posted: unknown[] = [];

  postMessage(message: unknown): void {
    this.posted.push(structuredClone(message));
    if (!this.closed && this.other?.closed === false) this.other.onmessage?.(new MessageEvent('message', { data: structuredClone(message) }));
  }

  close(): void {
    this.closed = true;
  }
}

/** A channel as browsers make it, without their delay. */
export function channel(): [FakePort, FakePort] {
  const [a, b] = [new FakePort(), new FakePort()];
  a.other = b;
  b.other = a;
  return [a, b];
}
