import type { Service, Status, Verdict } from '../api/types';
import { type Sign, signOf } from '../state/checks';
import type { Mark as Difference } from '../state/compare';

/** One stroke or area of a state's shape, on a 14 × 14 grid. */
export interface Mark {
  d: string;
  /** Stroke width; 0 means filled. */
  stroke: number;
  /** Drawn in the colour that stands on the state's colour. */
  on?: boolean;
  dash?: readonly number[];
}

export interface Shape {
  /** What a screen reader says, and what a tooltip shows. */
  name: string;
  /** CSS variable of the state's colour. */
  colour: string;
  /** CSS variable of the colour drawn on it. */
  on: string;
  marks: readonly Mark[];
}

/** Beside the checks: what stopped listening, and trouble that no check but the sockets show. */
export type StateName = Status | 'GONE' | 'SIGNAL' | 'PREDICTED' | 'DOWNTIME' | Handled | Stale | MarkName;

/** Trouble that somebody or something takes care of, and what was told last by those who tell nothing more. */
type Trouble = 'WARNING' | 'CRITICAL' | 'UNKNOWN' | 'DOWN' | 'UNREACHABLE';
export type Handled = `HANDLED_${Trouble}`;
export type Stale = `STALE_${Trouble | 'OK'}`;

/** How something differs from another moment. */
export type MarkName = 'APPEARED' | 'RETURNED' | 'CHANGED' | 'VANISHED' | 'ABSENT' | 'UNEXPECTED' | 'FORBIDDEN' | 'MISSING';

/** Open trouble that ranks before a signal. */
const ABOVE_SIGNAL: readonly Status[] = ['CRITICAL', 'DOWN'];

/** The shape of what checks say of a thing. */
export function shapeOf({ way, status }: Sign): StateName {
  if (way === 'stale') return isTrouble(status) ? `STALE_${status}` : 'STALE_OK';
  return way === 'handled' && isTrouble(status) ? `HANDLED_${status}` : status;
}

const TROUBLES: readonly string[] = ['WARNING', 'CRITICAL', 'UNKNOWN', 'DOWN', 'UNREACHABLE'] satisfies readonly Trouble[];

function isTrouble(status: Status): status is Trouble {
  return TROUBLES.includes(status);
}

/** What a service's sign says: that it is gone, its checks, or that its sockets are in trouble. */
export function stateOf(service: Pick<Service, 'state'> & Verdict, troubled = false): StateName {
  if (service.state === 'gone') return 'GONE';
  const sign = signOf(service);
  return troubled && !(sign.way === 'open' && ABOVE_SIGNAL.includes(sign.status)) ? 'SIGNAL' : shapeOf(sign);
}

function ring(r: number): string {
  return `M${7 + r} 7A${r} ${r} 0 1 1 ${7 - r} 7A${r} ${r} 0 1 1 ${7 + r} 7Z`;
}

const OCTAGON = 'M4.5 1H9.5L13 4.5V9.5L9.5 13H4.5L1 9.5V4.5Z';
const TRIANGLE = 'M7 1.2L13.4 12.6H0.6Z';
const DIAMOND = 'M7 0.4L13.6 7L7 13.6L0.4 7Z';
const SQUARE = 'M2.5 1.2H11.5A1.3 1.3 0 0 1 12.8 2.5V11.5A1.3 1.3 0 0 1 11.5 12.8H2.5A1.3 1.3 0 0 1 1.2 11.5V2.5A1.3 1.3 0 0 1 2.5 1.2Z';
const FRAME = 'M1.8 1.8H12.2V12.2H1.8Z';

/** The outline of each state, drawn hollow, and where its inside is. */
const OUTLINES: Readonly<Record<Trouble, { d: string; colour: string; drop: number }>> = {
  WARNING: { d: 'M7 1.9L12.7 12H1.3Z', colour: '--warning-line', drop: 1.6 },
  CRITICAL: { d: 'M4.7 1.6H9.3L12.4 4.7V9.3L9.3 12.4H4.7L1.6 9.3V4.7Z', colour: '--critical', drop: 0 },
  UNKNOWN: { d: 'M7 1.2L12.8 7L7 12.8L1.2 7Z', colour: '--unknown', drop: 0 },
  DOWN: { d: 'M2.6 1.8H11.4A.8 .8 0 0 1 12.2 2.6V11.4A.8 .8 0 0 1 11.4 12.2H2.6A.8 .8 0 0 1 1.8 11.4V2.6A.8 .8 0 0 1 2.6 1.8Z', colour: '--critical', drop: 0 },
  UNREACHABLE: { d: FRAME, colour: '--mute', drop: 0 },
};

/** A tick in the hollow shape: somebody takes care. */
function handled(of: Trouble): Shape {
  const { d, colour, drop } = OUTLINES[of];
  const tick = `M4.8 ${7.1 + drop}L6.4 ${8.7 + drop}L9.2 ${5.5 + drop}`;
  return { name: `${of}, taken care of`, colour, on: '--surface', marks: [{ d, stroke: 0, on: true }, { d, stroke: 1.3 }, { d: tick, stroke: 1.3 }] };
}

/** The hollow shape, grey and hatched: this was said last. */
function stale(of: Trouble | 'OK'): Shape {
  const { d, drop } = of === 'OK' ? { d: ring(5.4), drop: 0 } : OUTLINES[of];
  const hatch = `M4.2 ${8.6 + drop}L8 ${4.8 + drop}M6.2 ${9.8 + drop}L9.8 ${6.2 + drop}`;
  return { name: `${of === 'OK' ? 'OK' : of} when it was last checked`, colour: '--ink3', on: '--surface', marks: [{ d, stroke: 0, on: true }, { d, stroke: 1.2 }, { d: hatch, stroke: 1.1 }] };
}

/** The chart's and the tables' shapes: every state differs in outline, not only in colour. */
export const SHAPES: Readonly<Record<StateName, Shape>> = {
  NONE: { name: 'no check', colour: '--ink3', on: '--surface', marks: [{ d: ring(2.4), stroke: 1.2 }] },
  OK: {
    name: 'OK',
    colour: '--ok',
    on: '--surface',
    marks: [
      { d: ring(5.4), stroke: 1.4 },
      { d: 'M4.4 7.2L6.3 9L9.7 5.2', stroke: 1.5 },
    ],
  },
  UP: {
    name: 'UP',
    colour: '--ok',
    on: '--surface',
    marks: [
      { d: ring(5.4), stroke: 1.4 },
      { d: 'M7 10V4.4M4.6 6.6L7 4.2L9.4 6.6', stroke: 1.5 },
    ],
  },
  WARNING: {
    name: 'WARNING',
    colour: '--warning-fill',
    on: '--warning-on',
    marks: [
      { d: TRIANGLE, stroke: 0 },
      { d: 'M7 5V8.4M7 10.2V11', stroke: 1.5, on: true },
    ],
  },
  CRITICAL: {
    name: 'CRITICAL',
    colour: '--critical',
    on: '--critical-on',
    marks: [
      { d: OCTAGON, stroke: 0 },
      { d: 'M4.8 4.8L9.2 9.2M9.2 4.8L4.8 9.2', stroke: 1.5, on: true },
    ],
  },
  UNKNOWN: {
    name: 'UNKNOWN',
    colour: '--unknown',
    on: '--surface',
    marks: [
      { d: DIAMOND, stroke: 0 },
      { d: 'M5.4 5.6A1.6 1.6 0 1 1 7 7.3V8.2M7 9.6V10.4', stroke: 1.3, on: true },
    ],
  },
  PENDING: {
    name: 'PENDING',
    colour: '--mute',
    on: '--surface',
    marks: [{ d: ring(5.2), stroke: 1.4, dash: [2, 2.1] }],
  },
  DOWN: {
    name: 'DOWN',
    colour: '--critical',
    on: '--critical-on',
    marks: [
      { d: SQUARE, stroke: 0 },
      { d: 'M7 3.8V10M4.4 7.6L7 10.2L9.6 7.6', stroke: 1.5, on: true },
    ],
  },
  UNREACHABLE: {
    name: 'UNREACHABLE',
    colour: '--mute',
    on: '--surface',
    marks: [
      { d: FRAME, stroke: 1.3 },
      { d: 'M4.4 9.6L9.6 4.4', stroke: 1.3 },
    ],
  },
  DOWNTIME: {
    name: 'in downtime',
    colour: '--mute',
    on: '--surface',
    marks: [
      { d: ring(6), stroke: 0 },
      { d: 'M5.4 4.6V9.4M8.6 4.6V9.4', stroke: 1.6, on: true },
    ],
  },
  HANDLED_WARNING: handled('WARNING'),
  HANDLED_CRITICAL: handled('CRITICAL'),
  HANDLED_UNKNOWN: handled('UNKNOWN'),
  HANDLED_DOWN: handled('DOWN'),
  HANDLED_UNREACHABLE: handled('UNREACHABLE'),
  STALE_OK: stale('OK'),
  STALE_WARNING: stale('WARNING'),
  STALE_CRITICAL: stale('CRITICAL'),
  STALE_UNKNOWN: stale('UNKNOWN'),
  STALE_DOWN: stale('DOWN'),
  STALE_UNREACHABLE: stale('UNREACHABLE'),
  SIGNAL: {
    name: 'trouble seen in the sockets',
    colour: '--critical',
    on: '--surface',
    marks: [{ d: 'M0.8 7.6H3.4L5.4 2.2L8.4 12L10.2 7.6H13.2', stroke: 1.6 }],
  },
  PREDICTED: {
    name: 'likely to fail next',
    colour: '--critical',
    on: '--surface',
    marks: [
      { d: ring(5.6), stroke: 1.4, dash: [2.4, 1.8] },
      { d: 'M5.8 4.4L8.6 7L5.8 9.6', stroke: 1.5 },
    ],
  },
  GONE: {
    name: 'stopped listening',
    colour: '--vanished',
    on: '--surface',
    marks: [
      { d: ring(5.8), stroke: 0 },
      { d: 'M4.2 7H9.8', stroke: 1.6, on: true },
    ],
  },
  APPEARED: {
    name: 'new',
    colour: '--appeared',
    on: '--surface',
    marks: [
      { d: ring(6), stroke: 0 },
      { d: 'M4 7H10M7 4V10', stroke: 1.6, on: true },
    ],
  },
  RETURNED: {
    name: 'back again',
    colour: '--appeared',
    on: '--surface',
    marks: [
      { d: ring(6), stroke: 0, on: true },
      { d: ring(5.4), stroke: 1.3 },
      { d: 'M9.6 5.2A3.1 3.1 0 1 0 10.1 7.6M9.9 3.4V5.6H7.7', stroke: 1.3 },
    ],
  },
  CHANGED: {
    name: 'changed',
    colour: '--accent',
    on: '--surface',
    marks: [
      { d: ring(6), stroke: 0 },
      { d: 'M7 3.6L10.2 9.4H3.8Z', stroke: 1.4, on: true },
    ],
  },
  VANISHED: {
    name: 'vanished',
    colour: '--vanished',
    on: '--surface',
    marks: [
      { d: ring(6), stroke: 0 },
      { d: 'M4 7H10', stroke: 1.7, on: true },
    ],
  },
  ABSENT: {
    name: 'not there today',
    colour: '--vanished',
    on: '--surface',
    marks: [
      { d: ring(6), stroke: 0, on: true },
      { d: ring(5.4), stroke: 1.3, dash: [2, 1.6] },
      { d: 'M4.6 7H9.4', stroke: 1.4 },
    ],
  },
  UNEXPECTED: {
    name: 'unexpected',
    colour: '--warning-line',
    on: '--surface',
    marks: [
      { d: 'M7 .6L13.4 7L7 13.4L.6 7Z', stroke: 0 },
      { d: 'M7 3.6V7.6M7 9.4V10.6', stroke: 1.6, on: true },
    ],
  },
  FORBIDDEN: {
    name: 'forbidden',
    colour: '--critical',
    on: '--surface',
    marks: [
      { d: ring(5.4), stroke: 1.8 },
      { d: 'M3.4 3.4L10.6 10.6', stroke: 1.8 },
    ],
  },
  MISSING: {
    name: 'declared, not seen',
    colour: '--vanished',
    on: '--surface',
    marks: [{ d: 'M7 1L13 7L7 13L1 7Z', stroke: 1.3, dash: [2, 1.6] }],
  },
};

/** The shape of a mark. */
export const MARK_SHAPES: Readonly<Record<Difference, MarkName>> = {
  appeared: 'APPEARED',
  returned: 'RETURNED',
  changed: 'CHANGED',
  vanished: 'VANISHED',
  absent: 'ABSENT',
  unexpected: 'UNEXPECTED',
  forbidden: 'FORBIDDEN',
  missing: 'MISSING',
};
