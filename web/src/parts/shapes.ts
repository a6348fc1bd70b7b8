import type { Service, Status } from '../api/types';

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
export type StateName = Status | 'GONE' | 'SIGNAL';

/** The checks that a signal ranks before. */
const BELOW_SIGNAL: readonly Status[] = ['NONE', 'OK', 'PENDING', 'UNREACHABLE', 'UNKNOWN', 'WARNING'];

/** What a service's sign says: that it is gone, the worst check, or that its sockets are in trouble. */
export function stateOf({ state, status }: Pick<Service, 'state' | 'status'>, troubled = false): StateName {
  if (state === 'gone') return 'GONE';
  return troubled && BELOW_SIGNAL.includes(status) ? 'SIGNAL' : status;
}

function ring(r: number): string {
  return `M${7 + r} 7A${r} ${r} 0 1 1 ${7 - r} 7A${r} ${r} 0 1 1 ${7 + r} 7Z`;
}

const OCTAGON = 'M4.5 1H9.5L13 4.5V9.5L9.5 13H4.5L1 9.5V4.5Z';

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
  WARNING: {
    name: 'WARNING',
    colour: '--warning-fill',
    on: '--warning-on',
    marks: [
      { d: 'M7 1.2L13.4 12.6H0.6Z', stroke: 0 },
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
      { d: 'M7 0.4L13.6 7L7 13.6L0.4 7Z', stroke: 0 },
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
      { d: 'M2.5 1.2H11.5A1.3 1.3 0 0 1 12.8 2.5V11.5A1.3 1.3 0 0 1 11.5 12.8H2.5A1.3 1.3 0 0 1 1.2 11.5V2.5A1.3 1.3 0 0 1 2.5 1.2Z', stroke: 0 },
      { d: 'M7 3.8V10M4.4 7.6L7 10.2L9.6 7.6', stroke: 1.5, on: true },
    ],
  },
  UNREACHABLE: {
    name: 'UNREACHABLE',
    colour: '--mute',
    on: '--surface',
    marks: [
      { d: 'M1.8 1.8H12.2V12.2H1.8Z', stroke: 1.3 },
      { d: 'M4.4 9.6L9.6 4.4', stroke: 1.3 },
    ],
  },
  SIGNAL: {
    name: 'trouble seen in the sockets',
    colour: '--critical',
    on: '--surface',
    marks: [{ d: 'M0.8 7.6H3.4L5.4 2.2L8.4 12L10.2 7.6H13.2', stroke: 1.6 }],
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
};
