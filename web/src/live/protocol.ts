import type { StreamEvent } from '../api/stream';

/** Which way tabs and worker speak. A worker of another build may still run: it is not used then. */
export const PROTOCOL = 2;

/** How often the worker says that it is there, ms; a tab that it doesn't hear of for long is gone. */
export const PULSE_MS = 5_000;

/** What a tab tells the worker. `line` is the tab's own number of a question. */
export type Ask =
  | { do: 'hello'; protocol: number }
  | { do: 'open'; line: number; url: string; after: string }
  | { do: 'close'; line: number }
  | { do: 'retry' }
  | { do: 'here' }
  | { do: 'bye' };

/** What the worker tells a tab. */
export type Say =
  | { say: 'welcome'; protocol: number }
  | { say: 'events'; line: number; events: readonly StreamEvent[] }
  | { say: 'lost'; line: number }
  | { say: 'pulse' };

/** The part of MessagePort that both ends use. */
export interface PortLike {
  onmessage: ((event: MessageEvent) => void) | null;
  postMessage(message: unknown): void;
  close(): void;
}
