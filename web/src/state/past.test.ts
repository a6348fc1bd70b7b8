import { describe, expect, it } from 'vitest';
import type { ChartEvent, HistoryDocument } from '../api/types';
import { type Count, counted, eventText, lostOfLate, seenThen, storeTrouble } from './past';
import { AS_IS } from './topology';

const FINE: HistoryDocument = { now: '', from: null, events: 0, bytes: 0, events_lost: 0, gaps: [] };

describe('seenThen', () => {
  it('says nothing where all was seen', () => {
    expect(seenThen([], true)).toBe('');
  });

  it('says since when nothing was seen, before what single nodes did', () => {
    const text = seenThen(
      [
        { node: 'db', from: '2026-03-01T11:00:00Z', why: 'the agent did not report' },
        { from: '2026-03-01T12:00:00Z', to: '2026-03-01T13:00:00Z', why: 'the server did not run' },
      ],
      true,
    );
    expect(text).toContain('Nothing was seen from');
    expect(text).toContain('the server did not run. This is what was seen last.');
  });

  it('counts silent nodes, and says since when and why', () => {
    const gap = (node: string) => ({ node, from: '2026-03-01T11:00:00Z', why: 'the agent did not report' });
    expect(seenThen([gap('db')], true)).toMatch(/^db could not be seen: the agent did not report, from Mar 1, 2026, 11:00:00\sAM UTC on\. What was seen of it last is shown\.$/);
    expect(seenThen(['db', 'web', 'cache'].map(gap), true)).toMatch(/^db and 2 more nodes could not be seen: .* of them last is shown\.$/);
  });
});

describe('storeTrouble', () => {
  it.each<[string, Partial<HistoryDocument>, string]>([
    ['nothing', {}, ''],
    ['a store that fails', { problem: 'history is not being written: disk full' }, 'History is not being written: disk full. The live chart is not affected.'],
    [
      'a server that is alone',
      { problem: 'x', server: { name: 'a', role: 'alone', leader: '' } },
      'This server can’t reach the store and the other servers: it shows what it knows and is sent.',
    ],
    [
      'a server that is alone, and why',
      { server: { name: 'a', role: 'alone', leader: '', trouble: 'redis does not answer.' } },
      'This server can’t reach the store and the other servers: it shows what it knows and is sent. Redis does not answer.',
    ],
    ['events that were lost long ago', { events_lost: 1 }, ''],
    ['a server that follows', { server: { name: 'a', role: 'following', leader: 'b' } }, ''],
  ])('%s', (_, part, want) => {
    expect(storeTrouble({ ...FINE, ...part }, 0)).toBe(want);
  });

  it('says what was lost of late, for a while', () => {
    const look = (counts: readonly Count[], minute: number, lost: number): Count[] => counted(counts, { at: minute * 60_000, lost });
    let counts = look([], 0, 7);
    expect(lostOfLate(counts)).toBe(0);
    counts = look(counts, 1, 9);
    expect(storeTrouble(FINE, lostOfLate(counts))).toBe('2 events could not be kept: the history lacks them.');
    counts = look(counts, 12, 9);
    expect(lostOfLate(counts)).toBe(0);
    expect(lostOfLate(look(look([], 0, 9), 1, 1))).toBe(0);
  });
});

describe('eventText', () => {
  it.each<[string, Partial<ChartEvent>, string]>([
    ['a new connection', { subject: 'connection', kind: 'appeared', node: 'web', process: 'nginx', peer: 'db', port: 5432 }, 'nginx on web began to call db:5432'],
    ['one that ended', { subject: 'connection', kind: 'vanished', node: 'web', peer: 'db', port: 5432 }, 'web no longer calls db:5432'],
    ['a new service', { subject: 'service', kind: 'appeared', node: 'db', process: 'postgres', port: 5432 }, 'postgres :5432 on db began to listen'],
    ['one that stopped', { subject: 'service', kind: 'vanished', node: 'db', port: 5432 }, 'a service :5432 on db stopped listening'],
    ['one that changed', { subject: 'service', kind: 'changed', node: 'db', process: 'postgres', port: 5432, what: ['process'] }, 'postgres :5432 on db changed: its process'],
    ['a node', { subject: 'node', kind: 'appeared', node: 'db' }, 'node db appeared'],
    ['a node that changed', { subject: 'node', kind: 'changed', node: 'db', what: ['state', 'agent'] }, 'node db changed: whether it reports, the version of its agent'],
  ])('%s', (_, e, want) => {
    expect(eventText({ at: '', kind: 'appeared', subject: 'node', id: '', node: '', ...e }, AS_IS)).toBe(want);
  });
});
