import type { Topology } from '../state/topology';
import { silentNodes } from '../state/words';

interface Entry {
  key: string;
  word: string;
  shown: (t: Topology) => boolean;
  sign: preact.ComponentChildren;
}

const LINE = { fill: 'none', stroke: 'var(--edge)' } as const;

function line(width: number, dash = '', head = true) {
  return (
    <>
      <path d={`M1 8H${head ? 24 : 29}`} {...LINE} stroke-width={width} {...(dash ? { 'stroke-dasharray': dash } : {})} />
      {head && <path d={`M${29 - 4 - width} ${8 - 2 - width * 0.8}L29 8L${29 - 4 - width} ${8 + 2 + width * 0.8}Z`} fill="var(--edge)" />}
    </>
  );
}

function connections(t: Topology) {
  return [...t.connections.values()];
}

const ENTRIES: readonly Entry[] = [
  {
    key: 'none',
    word: 'no check',
    shown: (t) => [...t.services.values()].some((s) => s.status === 'NONE'),
    sign: <circle cx="15" cy="8" r="2.4" fill="none" stroke="var(--ink3)" stroke-width="1.2" />,
  },
  {
    key: 'silent',
    word: 'does not report',
    shown: (t) => silentNodes(t).length > 0,
    sign: <rect x="2" y="2" width="26" height="12" rx="3" fill="none" stroke="var(--ink3)" stroke-opacity="0.7" stroke-dasharray="3 2.4" />,
  },
  {
    key: 'stale',
    word: 'stale',
    shown: (t) => [...t.nodes.values()].some((n) => n.state === 'stale'),
    sign: <rect x="2" y="2" width="26" height="12" rx="3" fill="var(--lane)" stroke="var(--box)" />,
  },
  {
    key: 'one',
    word: '1 to 4 open',
    shown: (t) => connections(t).some((c) => c.directed && c.status === 'fresh' && c.count < 5),
    sign: line(1),
  },
  {
    key: 'some',
    word: '20 or more',
    shown: (t) => connections(t).some((c) => c.count >= 20 && c.count < 500),
    sign: line(1.7),
  },
  { key: 'many', word: '500 or more', shown: (t) => connections(t).some((c) => c.count >= 500), sign: line(2.9) },
  { key: 'old', word: 'none open now', shown: (t) => connections(t).some((c) => c.status === 'old'), sign: line(1.3, '2 4') },
  { key: 'undirected', word: 'no direction', shown: (t) => connections(t).some((c) => !c.directed), sign: line(1, '', false) },
  {
    key: 'gone',
    word: 'gone',
    shown: (t) => [...t.services.values()].some((s) => s.state === 'gone'),
    sign: (
      <>
        <circle cx="6" cy="8" r="5" fill="var(--vanished)" />
        <path d="M3.6 8H8.4" stroke="var(--surface)" stroke-width="1.4" />
        <path d="M15 8H29" stroke="var(--ink3)" stroke-width="3" stroke-opacity="0.45" />
        <path d="M14 8H30" stroke="var(--vanished)" stroke-width="1.2" />
      </>
    ),
  },
];

/** Signs of the present view only; at most eight. */
export function Legend({ topology }: { topology: Topology }) {
  const entries = ENTRIES.filter((e) => e.shown(topology)).slice(0, 8);
  if (entries.length === 0) return null;
  return (
    <ul class="legend" aria-label="Legend">
      {entries.map((e) => (
        <li key={e.key}>
          <svg viewBox="0 0 30 16" aria-hidden="true">
            {e.sign}
          </svg>
          {e.word}
        </li>
      ))}
    </ul>
  );
}
