import { systemClock } from '../lib/clock';
import { Hub } from './hub';

// The worker that all tabs of this origin share.
const hub = new Hub({ clock: systemClock, random: Math.random, open: (url) => new EventSource(url) });

const scope = globalThis as unknown as { onconnect: (event: MessageEvent) => void };
scope.onconnect = ({ ports: [port] }) => {
  if (port) hub.join(port);
};
