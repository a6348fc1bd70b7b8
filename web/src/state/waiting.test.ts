import { describe, expect, it } from 'vitest';
import { waitingLine, watched } from './waiting';

describe('watched', () => {
  it('knows what is being read, until there is an answer or none comes', async () => {
    let finish: (r: Response) => void = () => undefined;
    let fail: (e: Error) => void = () => undefined;
    const slow = () => new Promise<Response>((done, no) => ((finish = done), (fail = no)));
    const { fetch: ask, waits } = watched(slow, () => 7);
    const answer = ask('api/v1/services');
    expect(waits.value).toEqual([{ path: 'services', since: 7 }]);
    finish(new Response('{}'));
    await answer;
    expect(waits.value).toEqual([]);
    const broken = ask('api/v1/report');
    fail(new Error('gone'));
    await expect(broken).rejects.toThrow('gone');
    expect(waits.value).toEqual([]);
  });

  it('leaves alone what is sent', () => {
    const { fetch: ask, waits } = watched((() => new Promise<Response>(() => undefined)), () => 0);
    void ask('api/v1/settings', { method: 'PUT' });
    expect(waits.value).toEqual([]);
  });
});

describe('waitingLine', () => {
  it.each([
    [[], 9_000, ''],
    [[{ path: 'services', since: 0 }], 2_999, ''],
    [[{ path: 'services', since: 0 }], 3_000, 'Reading the services, for 3 s now.'],
    [[{ path: 'nodes', since: 5_000 }, { path: 'topology?level=pool&at=x', since: 0 }], 9_500, 'Reading the chart as it was, for 9 s now.'],
    [[{ path: 'nodes/db1', since: 0 }], 4_000, 'Reading what is known of the node, for 4 s now.'],
    [[{ path: 'version', since: 0 }], 4_000, 'Reading an answer, for 4 s now.'],
  ])('%j after %i ms: %s', (waits, now, line) => expect(waitingLine(waits, now)).toBe(line));
});
