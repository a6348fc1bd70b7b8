import { describe, expect, it } from 'vitest';
import type { Connection, Health, Service } from '../api/types';
import { containersFixture, makeIllSite, makeSite, oneHostFixture } from '../fixtures';
import type { Growth } from './growth';
import {
  CALM, UNCLOSED, connectionTroubles, isOverflowing, isSuspect, judgeOf, latest, queueText, rank, serviceTroubles, suspectsOf, unclosedText, waitingText, waitsLong, worstFirst,
} from './health';
import { fromDocument } from './topology';

const NOW = Date.parse('2026-11-23T05:30:00Z');
const ago = (ms: number): string => new Date(NOW - ms).toISOString();
const c8 = oneHostFixture().connections.find((c) => c.id === 'c8') as Connection;
const gunicorn = oneHostFixture().services.find((s) => s.port === 8000) as Service;

const ill = (health: Partial<Health>, growth?: Growth) => connectionTroubles({ ...c8, health: { end: 'client', ...health } }, growth, NOW);

describe('a connection', () => {
  it('without health or with good health is in no trouble', () => {
    const bare = { ...c8 };
    delete bare.health;
    expect(connectionTroubles(bare, undefined, NOW)).toEqual([]);
    expect(connectionTroubles(c8, undefined, NOW)).toEqual([]);
    expect(isSuspect(bare, undefined)).toBe(false);
    expect(isSuspect(c8, undefined)).toBe(false);
  });

  it.each([
    [0.049, []],
    [0.05, ['5 % resent']],
    [1, ['100 % resent']],
  ])('that sends %d again: %j', (retransmit_ratio, short) => {
    expect(ill({ retransmit_ratio }).map((t) => t.short)).toEqual(short);
  });

  it.each([
    [2999, 0],
    [3000, 0],
    [3001, 1],
    [120_000, 1],
    [-5000, 0],
  ])('whose oldest attempt waits for %d ms has %d troubles', (ms, n) => {
    expect(ill({ connecting: 3, connecting_since: ago(ms) })).toHaveLength(n);
  });

  it('says how many wait, and for how long', () => {
    expect(ill({ connecting: 3, connecting_since: ago(125_000) })).toEqual([
      { severity: 'failing', short: '3 unanswered', text: '3 attempts wait for an answer, for 2 min', kind: 'unreachable' },
    ]);
    expect(ill({ connecting: 1, connecting_since: ago(4000) })[0]?.text).toBe('1 attempt waits for an answer, for 4 s');
  });

  it('whose attempts wait since nobody knows when is not judged', () => {
    expect(ill({ connecting: 3 })).toEqual([]);
    expect(ill({ connecting: 0, connecting_since: ago(90_000) })).toEqual([]);
  });

  it.each([[UNCLOSED - 1, 0], [UNCLOSED, 1]])('with %d sockets left open has %d troubles', (close_wait, n) => {
    expect(ill({ close_wait, close_wait_since: ago(0) })).toHaveLength(n);
  });

  it('that is refused or gets no answer says how often, and when last, as long as that is fresh', () => {
    const growth = { refused: { by: 12, at: NOW - 4000 }, timed_out: { by: 1, at: NOW - 59_000 } };
    expect(connectionTroubles(c8, growth, NOW).map((t) => [t.severity, t.short, t.text])).toEqual([
      ['failing', '12 refused', '12 attempts refused, the last seen 4 s ago'],
      ['failing', '1 timed out', '1 attempt timed out, the last seen 59 s ago'],
    ]);
    expect(connectionTroubles(c8, growth, NOW + 2000).map((t) => t.short)).toEqual(['12 refused']);
    expect(connectionTroubles(c8, growth, NOW + 60_000)).toEqual([]);
  });

  it('is told by dotm’s own check before what this page saw of the same kind', () => {
    const growth = { refused: { by: 12, at: NOW - 4000 }, timed_out: { by: 1, at: NOW - 4000 } };
    const told = { severity: 'failing' as const, short: '40 refused', text: '40 attempts to connect refused in the last minute; usual: none', kind: 'refused' };
    expect(connectionTroubles(c8, growth, NOW, [told]).map((t) => t.short)).toEqual(['40 refused', '1 timed out']);
    expect(connectionTroubles(c8, undefined, NOW, [told])).toEqual([told]);
  });

  it('is suspect of whatever it may be in trouble for, whatever the time', () => {
    const suspect = (health: Partial<Health>): boolean => isSuspect({ ...c8, health: { end: 'client', ...health } }, undefined);
    expect([suspect({ connecting: 1 }), suspect({ close_wait: UNCLOSED }), suspect({ retransmit_ratio: 0.05 })]).toEqual([true, true, true]);
    expect([suspect({ connecting: 0 }), suspect({ close_wait: 3 }), suspect({ retransmit_ratio: 0.01 }), suspect({})]).toEqual([false, false, false, false]);
    expect(isSuspect(c8, { refused: { by: 1, at: 0 } })).toBe(true);
  });

  it('with several troubles puts the failing ones first', () => {
    const troubles = ill({ retransmit_ratio: 0.2, close_wait: 40, connecting: 2, connecting_since: ago(9000) });
    expect(worstFirst(troubles.toReversed()).map((t) => t.short)).toEqual(['2 unanswered', '40 not closed', '20 % resent']);
    expect([rank(troubles), rank(ill({ close_wait: 40 })), rank([])]).toEqual([2, 1, 0]);
  });
});

describe('words', () => {
  const unclosed = (change: Partial<Connection>, end: Health['end'] = 'client', n = 5): string =>
    unclosedText({ ...c8, ...change, health: { end, close_wait: n } });

  it('name the process at the end that measured, else its node', () => {
    expect(unclosed({})).toBe('5 connections closed by the other end, not by gunicorn');
    expect(unclosed({ server: { ...c8.server, process: 'redis-server' } }, 'server', 1)).toBe('1 connection closed by the other end, not by redis-server');
    expect(unclosed({ client: { ...c8.client, process: '' } })).toBe('5 connections closed by the other end, not by vm');
  });

  it('are none where there is nothing to say', () => {
    expect(unclosed({}, 'client', 0)).toBe('');
    expect(unclosedText({ client: c8.client, server: c8.server })).toBe('');
    expect(waitingText({ end: 'client' })).toBe('');
    expect(waitsLong({ end: 'client' }, NOW)).toBe(false);
  });
});

describe('a service', () => {
  it.each([
    [{ queue: 128, queue_max: 128 }, false],
    [{ queue: 129, queue_max: 128 }, true],
    [{ queue: 3 }, false],
    [{ queue_max: 128 }, false],
    [{}, false],
    [{ queue: 129, queue_max: 128, state: 'gone' as const }, false],
  ])('with %j overflows: %s', (change, yes) => {
    const bare = { ...gunicorn };
    delete bare.queue;
    delete bare.queue_max;
    expect(isOverflowing({ ...bare, ...change })).toBe(yes);
  });

  it.each([
    [{ queue: 4, queue_max: 128 }, '4 of 128 wait'],
    [{ queue: 1, queue_max: 128 }, '1 of 128 wait'],
    [{ queue: 2000, queue_max: 4096 }, '2,000 of 4,096 wait'],
    [{ queue: 1 }, '1 waits'],
    [{ queue: 7 }, '7 wait'],
    [{ queue_max: 128 }, ''],
    [{}, ''],
  ])('with %j says %j', (queue, text) => expect(queueText(queue)).toBe(text));

  it('is in trouble while its queue is full, or while it turns connections away', () => {
    expect(serviceTroubles(gunicorn, undefined, NOW)).toEqual([]);
    expect(serviceTroubles({ ...gunicorn, queue: 129 }, undefined, NOW)[0]).toEqual({
      severity: 'failing', short: '129 of 128 wait', text: 'the accept queue is full: 129 of 128 wait', kind: 'queue',
    });
    const drops = { drops: { by: 17, at: NOW - 5000 } };
    expect(serviceTroubles({ ...gunicorn, drops: 40 }, drops, NOW).map((t) => [t.short, t.text])).toEqual([
      ['17 turned away', '17 connections turned away, the last seen 5 s ago'],
    ]);
    expect(serviceTroubles({ ...gunicorn, drops: 40 }, undefined, NOW)).toEqual([]);
  });
});

describe('a judge', () => {
  it('knows what grew, and takes the later of two clocks', () => {
    const topology = { ...fromDocument(oneHostFixture()), grown: new Map([['c8', { refused: { by: 2, at: NOW } }]]) };
    expect(judgeOf(topology, 0).connection(c8)).toHaveLength(1);
    expect(judgeOf(topology, NOW + 61_000).connection(c8)).toEqual([]);
    expect(latest({ at: '2026-11-23T05:30:00Z' }, 5)).toBe(NOW);
    expect(latest({ at: 'rubbish' }, 5)).toBe(5);
  });

  it('without a topology judges by what is measured alone', () => {
    const waiting: Connection = { ...c8, health: { end: 'client', connecting: 1, connecting_since: ago(5000) } };
    expect(judgeOf(null, NOW).connection(waiting)).toHaveLength(1);
    expect(judgeOf(null, NOW).service({ ...gunicorn, queue: 300 })).toHaveLength(1);
    expect(CALM.connection(waiting)).toEqual([]);
  });

  it('suspects few: none of a healthy site, every tenth of an ill one', () => {
    const healthy = suspectsOf(fromDocument(makeSite(60)));
    expect([healthy.connections.length, healthy.services.length]).toEqual([0, 0]);
    const site = fromDocument(makeIllSite(60));
    expect(suspectsOf(site).connections).toHaveLength(Math.ceil(site.connections.size / 10));
    expect(suspectsOf(fromDocument(containersFixture())).services.map((s) => s.process)).toEqual(['puma']);
  });
});
