import { describe, expect, it } from 'vitest';
import type { Check, Status } from '../api/types';
import { ManualClock } from '../lib/clock';
import { SPEAK_EVERY_MS, Speaker, alertNews } from './speaker';

const check = (id: string, status: Status): Check => ({ id, status, host: 'db1', name: id }) as Check;
const title = (c: Check): string => `${c.host} ${c.name}`;

describe('Speaker', () => {
  it('says the first thing at once, and what comes then in one sentence after five seconds', () => {
    const clock = new ManualClock();
    const speaker = new Speaker(clock);
    speaker.say(['one']);
    expect(speaker.polite.value).toBe('one');
    speaker.say(['two']);
    speaker.say(['three']);
    clock.advance(SPEAK_EVERY_MS - 1);
    expect(speaker.polite.value).toBe('one');
    clock.advance(1);
    expect(speaker.polite.value).toBe('two. three');
  });

  it('interrupts for what is urgent, before anything else that waits, and counts the rest', () => {
    const clock = new ManualClock();
    const speaker = new Speaker(clock);
    speaker.say(['first']);
    speaker.say(['a', 'b', 'c']);
    speaker.say(['CRITICAL: disk'], true);
    clock.advance(SPEAK_EVERY_MS);
    expect(speaker.urgent.value).toBe('CRITICAL: disk. a. b. and 1 more');
    expect(speaker.polite.value).toBe('first');
  });

  it('says the same again where it happens again', () => {
    const clock = new ManualClock();
    const speaker = new Speaker(clock);
    speaker.say(['again']);
    const before = speaker.polite.value;
    clock.advance(SPEAK_EVERY_MS);
    speaker.say(['again']);
    expect(speaker.polite.value).not.toBe(before);
    expect(speaker.polite.value.trim()).toBe('again');
  });
});

describe('alertNews', () => {
  it('tells what opened, got worse and closed', () => {
    const before = [check('disk', 'WARNING'), check('load', 'CRITICAL'), check('swap', 'WARNING')];
    const after = [check('disk', 'CRITICAL'), check('load', 'CRITICAL'), check('ntp', 'UNKNOWN')];
    expect(alertNews(before, after, title)).toEqual({ urgent: ['CRITICAL: db1 disk'], polite: ['UNKNOWN: db1 ntp', 'no longer open: db1 swap'] });
  });

  it('has nothing to tell where nothing changed', () => {
    expect(alertNews([check('disk', 'DOWN')], [check('disk', 'DOWN')], title)).toEqual({ urgent: [], polite: [] });
  });
});
