import { useMemo, useState } from 'preact/hooks';
import { useApp } from '../app';
import { type Severity, judgeOf, suspectsOf } from '../state/health';
import type { Topology } from '../state/topology';
import { changedSince } from '../state/versions';
import { FAILS, type Trace, type Way } from '../state/trace';
import { isMute, isSilent } from '../state/words';
import { CONTAINER, PIN } from './Icon';
import { MARK_WORDS, type Mark } from '../state/compare';
import type { ChartNode, Connection, Service, Status, Verdict } from '../api/types';
import { severity, signOf } from '../state/checks';
import { MARK_SHAPES, SHAPES, type StateName, shapeOf } from './shapes';

/** What trouble the view contains. */
type Ill = ReadonlySet<Severity | 'service'>;

interface Entry {
  key: string;
  word: string;
  shown: (found: Found, ill: Ill) => boolean;
  sign: preact.ComponentChildren;
}

/** What of boxes, rows and lines a view contains that has a sign of its own. */
type Look = 'container' | 'virtual' | 'network' | 'pinned' | 'silent' | 'stale' | 'left' | 'none' | 'gone' | 'observer' | 'one' | 'some' | 'many' | 'old' | 'undirected';

/** What a view contains, looked through once for all entries. */
interface Found {
  looks: ReadonlySet<Look>;
  marks: ReadonlySet<Mark>;
  /** The statuses that are open. */
  open: ReadonlySet<Status>;
  /** The worst of what is taken care of, and of what was told last. */
  worst: Readonly<Record<'handled' | 'stale', Status>>;
}

/** How many things of a map have each trait; of a later one only what changed is looked at. */
class Tally<T> {
  readonly #traits: (item: T) => readonly string[];
  readonly #counts = new Map<string, number>();
  #of: ReadonlyMap<string, T> = new Map();

  constructor(traits: (item: T) => readonly string[]) {
    this.#traits = traits;
  }

  of(items: ReadonlyMap<string, T>): string[] {
    const changed = changedSince(this.#of, items);
    if (!changed) {
      this.#counts.clear();
      for (const item of items.values()) this.#count(item, 1);
    }
    for (const [was, is] of changed?.values() ?? []) {
      this.#count(was, -1);
      this.#count(is, 1);
    }
    this.#of = items;
    return [...this.#counts].flatMap(([trait, n]) => (n > 0 ? [trait] : []));
  }

  #count(item: T | undefined, by: number): void {
    if (item !== undefined) for (const trait of this.#traits(item)) this.#counts.set(trait, (this.#counts.get(trait) ?? 0) + by);
  }
}

/** Looks through a view and those after it. */
class Survey {
  readonly #tallies = [new Tally(traitsOfNode), new Tally(traitsOfService), new Tally(traitsOfConnection)] as const;

  of({ nodes, services, connections, marks, gone }: Topology): Found {
    const [n, s, c] = this.#tallies;
    const traits = new Set([...n.of(nodes), ...s.of(services), ...c.of(connections)]);
    const statuses = (way: string): Status[] => [...traits].flatMap((t) => (t.startsWith(`${way} `) ? [t.slice(way.length + 1) as Status] : []));
    const worst = (way: string): Status => statuses(way).reduce<Status>((a, b) => (severity(b) > severity(a) ? b : a), 'NONE');
    const marked = marks ? [marks.nodes, marks.services, marks.connections].flatMap((m) => [...m.values()]) : [];
    if (gone && gone.boxes.length > 0) marked.push('vanished');
    return { looks: traits as ReadonlySet<unknown> as ReadonlySet<Look>, marks: new Set(marked), open: new Set(statuses('open')), worst: { handled: worst('handled'), stale: worst('stale') } };
  }
}

function traitOf(verdict: Verdict): string {
  const { way, status } = signOf(verdict);
  return `${way} ${status}`;
}

function traitsOfNode(node: ChartNode): string[] {
  const { kind, state, layout } = node;
  const looks = [traitOf(node)];
  if (kind === 'container' || kind === 'virtual' || kind === 'network') looks.push(kind);
  if (layout.pinned) looks.push('pinned');
  if (isMute(state)) looks.push(state === 'stale' ? 'stale' : 'left');
  if (isSilent(node)) looks.push('silent');
  return looks;
}

function traitsOfService(service: Service): string[] {
  const looks = [traitOf(service)];
  if (service.status === 'NONE') looks.push('none');
  if (service.state === 'gone') looks.push('gone');
  return looks;
}

function traitsOfConnection({ count, status, directed, observer }: Connection): Look[] {
  const looks: Look[] = [];
  if (observer) looks.push('observer');
  if (!directed) looks.push('undirected');
  if (status === 'old') looks.push('old');
  if (count >= 500) looks.push('many');
  else if (count >= 20) looks.push('some');
  else if (count < 5 && directed && status === 'fresh') looks.push('one');
  return looks;
}

/** A box that reports no more. */
const GREY = <rect x="2" y="2" width="26" height="12" rx="3" fill="var(--lane)" stroke="var(--box)" />;

const LINE = { fill: 'none', stroke: 'var(--edge)' } as const;

function line(width: number, dash = '', head = true) {
  return (
    <>
      <path d={`M1 8H${head ? 24 : 29}`} {...LINE} stroke-width={width} {...(dash ? { 'stroke-dasharray': dash } : {})} />
      {head && <path d={`M${29 - 4 - width} ${8 - 2 - width * 0.8}L29 8L${29 - 4 - width} ${8 + 2 + width * 0.8}Z`} fill="var(--edge)" />}
    </>
  );
}

function ticked(colour: string, dash: string) {
  const stroke = `var(${colour})`;
  return (
    <>
      <path d="M1 8H29" fill="none" stroke={stroke} />
      <path d="M1 8H29" fill="none" stroke={stroke} stroke-width="7" stroke-dasharray={dash} />
    </>
  );
}

/** An entry for a mark: its sign and its line. */
function marked(mark: Mark, colour: string, dash: string): Entry {
  const shape = SHAPES[MARK_SHAPES[mark]];
  return {
    key: mark,
    word: MARK_WORDS[mark],
    shown: ({ marks }) => marks.has(mark),
    sign: (
      <>
        <path d="M13 8H30" fill="none" stroke={`var(${colour})`} stroke-width="1.8" {...(dash ? { 'stroke-dasharray': dash } : {})} />
        <g transform="translate(0 2) scale(.86)">
          {shape.marks.map((m) => {
            const ink = `var(${m.on ? '--raised' : shape.colour})`;
            return <path key={m.d} d={m.d} fill={m.stroke > 0 ? 'none' : ink} stroke={m.stroke > 0 ? ink : 'none'} stroke-width={m.stroke} {...(m.dash ? { 'stroke-dasharray': m.dash.join(' ') } : {})} />;
          })}
        </g>
      </>
    ),
  };
}

/** An entry for what boxes, rows or lines look like. */
function look(key: Look, word: string, sign: Entry['sign']): Entry {
  return { key, word, shown: ({ looks }) => looks.has(key), sign };
}

/** An entry for each status that is open. */
function openSign(status: Status): Entry {
  return sign(`open ${status}`, status, status, ({ open }) => open.has(status));
}

/** An entry for what is taken care of, or was told last: the worst status of the view stands for all. */
function laterSign(way: 'handled' | 'stale', status: Status, word: string): Entry {
  return sign(`${way} ${status}`, shapeOf({ way, status }), word, ({ worst }) => worst[way] === status);
}

/** An entry for what checks say. */
function sign(key: string, state: StateName, word: string, shown: Entry['shown']): Entry {
  const shape = SHAPES[state];
  return {
    key,
    word,
    shown,
    sign: (
      <g transform="translate(8 1)">
        {shape.marks.map((m) => {
          const ink = `var(${m.on ? shape.on : shape.colour})`;
          return <path key={`${m.d} ${m.stroke}`} d={m.d} fill={m.stroke > 0 ? 'none' : ink} stroke={m.stroke > 0 ? ink : 'none'} stroke-width={m.stroke} />;
        })}
      </g>
    ),
  };
}

const TROUBLES: readonly Status[] = ['DOWN', 'CRITICAL', 'UNREACHABLE', 'UNKNOWN', 'WARNING'];

const ENTRIES: readonly Entry[] = [
  marked('appeared', '--appeared', ''),
  marked('returned', '--appeared', '9 3'),
  marked('changed', '--accent', ''),
  marked('vanished', '--vanished', '5 4'),
  marked('absent', '--vanished', '5 4'),
  marked('forbidden', '--critical', '3 2'),
  marked('unexpected', '--warning-line', '11 3 2 3'),
  marked('missing', '--vanished', '6 6'),
  { key: 'failing', word: 'failing', shown: (_, ill) => ill.has('failing'), sign: ticked('--critical', '1.2 5.8') },
  { key: 'strained', word: 'strained', shown: (_, ill) => ill.has('strained'), sign: ticked('--warning-line', '1.2 12') },
  {
    key: 'signal',
    word: 'signal',
    shown: (_, ill) => ill.has('service'),
    sign: (
      <path d={SHAPES.SIGNAL.marks[0]?.d} transform="translate(8 1)" fill="none" stroke="var(--critical)" stroke-width="1.6" stroke-linecap="round" />
    ),
  },
  ...TROUBLES.map(openSign),
  ...TROUBLES.map((s) => laterSign('handled', s, 'taken care of')),
  ...([...TROUBLES, 'OK', 'UP', 'PENDING'] as const).map((s) => laterSign('stale', s, 'no longer told')),
  look('container', 'container', <path d={CONTAINER} transform="translate(7 0)" fill="none" stroke="var(--ink2)" stroke-width="1.3" stroke-linejoin="round" />),
  look('virtual', 'virtual address', <path d="M7 2H23L28 6V10L23 14H7L2 10V6Z" fill="var(--surface)" stroke="var(--ink3)" stroke-opacity="0.7" />),
  look(
    'network',
    'many as one',
    <>
      <rect x="5" y="1.5" width="23" height="11" rx="3" fill="var(--surface)" stroke="var(--ink3)" stroke-opacity="0.7" />
      <rect x="2" y="4" width="23" height="11" rx="3" fill="var(--surface)" stroke="var(--ink3)" stroke-opacity="0.7" />
    </>,
  ),
  look('pinned', 'put here by hand', <path d={PIN} transform="translate(7 0)" fill="var(--surface)" stroke="var(--ink2)" stroke-width="1.3" stroke-linejoin="round" />),
  look('observer', 'observer', <path d="M2 8H28" {...LINE} stroke-width="1.5" stroke-dasharray="0 4" stroke-linecap="round" />),
  look('none', 'no check', <circle cx="15" cy="8" r="2.4" fill="none" stroke="var(--ink3)" stroke-width="1.2" />),
  look('silent', 'does not report', <rect x="2" y="2" width="26" height="12" rx="3" fill="none" stroke="var(--ink3)" stroke-opacity="0.7" stroke-dasharray="3 2.4" />),
  look('stale', 'stale', GREY),
  look('left', 'gone on purpose', GREY),
  look('one', '1 to 4 open', line(1)),
  look('some', '20 or more', line(1.7)),
  look('many', '500 or more', line(2.9)),
  look('old', 'none open now', line(1.3, '2 4')),
  look('undirected', 'no direction', line(1, '', false)),
  look(
    'gone',
    'gone',
    <>
      <circle cx="6" cy="8" r="5" fill="var(--vanished)" />
      <path d="M3.6 8H8.4" stroke="var(--surface)" stroke-width="1.4" />
      <path d="M15 8H29" stroke="var(--ink3)" stroke-width="3" stroke-opacity="0.45" />
      <path d="M14 8H30" stroke="var(--vanished)" stroke-width="1.2" />
    </>,
  ),
];

function has(trace: Trace, way: Way): boolean {
  return [...trace.edges.values()].includes(way);
}

/** What the path of trouble adds. */
const PATH: readonly (Pick<Entry, 'key' | 'word' | 'sign'> & { shown: (trace: Trace) => boolean })[] = [
  {
    key: 'cause',
    word: 'likely cause',
    shown: (t) => [...t.tags.values()].some((tag) => tag.sure && tag.text !== FAILS),
    sign: <rect x="4" y="3" width="22" height="10" rx="3" fill="var(--surface)" stroke="var(--critical)" stroke-width="2" />,
  },
  {
    key: 'travels',
    word: 'way of trouble',
    shown: (t) => has(t, 'travels'),
    sign: (
      <>
        <path d="M1 8H29" fill="none" stroke="var(--critical)" stroke-width="2.2" />
        <path d="M12 4.4L8 8L12 11.6M24 4.4L20 8L24 11.6" fill="none" stroke="var(--critical)" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round" />
      </>
    ),
  },
  {
    key: 'through',
    word: 'way, not watched',
    shown: (t) => has(t, 'through'),
    sign: (
      <>
        <path d="M1 8H29" fill="none" stroke="var(--critical)" stroke-width="1.3" stroke-dasharray="1.5 2.5" />
        <path d="M18 4.4L14 8L18 11.6" fill="none" stroke="var(--critical)" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round" />
      </>
    ),
  },
  {
    key: 'foreseen',
    word: 'would fail next',
    shown: (t) => t.predicted.size > 0,
    sign: <rect x="2" y="2" width="26" height="12" rx="3" fill="none" stroke="var(--critical)" stroke-width="1.5" stroke-dasharray="4 3" />,
  },
];

/** Looks at what may be in trouble only, and with the clock only while there is some of it. */
function useIll(topology: Topology): Ill {
  const { now, signals } = useApp();
  const { connections, services } = useMemo(() => suspectsOf(topology), [topology]);
  const told = [...signals.value.values()].flat();
  if (connections.length + services.length + told.length === 0) return new Set();
  const judge = judgeOf(topology, now.value);
  const found = new Set<Severity | 'service'>([...told, ...connections.flatMap((c) => judge.connection(c))].map((t) => t.severity));
  if (services.some((s) => judge.service(s).length > 0)) found.add('service');
  return found;
}

/** Signs of the present view only; at most eight. */
export function Legend({ topology, trace = null }: { topology: Topology; trace?: Trace | null }) {
  const ill = useIll(topology);
  const [survey] = useState(() => new Survey());
  const found = useMemo(() => survey.of(topology), [topology]);
  const entries = [...PATH.filter((e) => trace !== null && e.shown(trace)), ...ENTRIES.filter((e) => e.shown(found, ill))].slice(0, 8);
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
