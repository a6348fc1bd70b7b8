import { describe, expect, it } from 'vitest';
import { ProblemError } from '../api/client';
import type { Session as Answer } from '../api/types';
import { Session, refusedLogin, setupSecret, setupUser } from './session';

const OUT: Answer = { user: '', role: '', needed: true, setup: false };
const ADA: Answer = { user: 'ada', role: 'admin', needed: false };
const REFUSED = new ProblemError({ title: 'Unauthorized', status: 401 });

/** A server that says these things in turn, and what it was asked. */
function server(...answers: (Answer | Error)[]) {
  const asked: string[] = [];
  const next = (what: string): Promise<Answer> => {
    asked.push(what);
    const answer = answers.shift() ?? new Error('nobody answers');
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  };
  const session = new Session({
    session: () => next('session'),
    login: (user, password) => next(`login ${user} ${password}`),
    setup: (secret, password) => next(`setup ${secret} ${password}`),
    logout: () => next('logout'),
    changePassword: (before, password) => next(`password ${before} ${password}`),
  });
  return { session, asked };
}

describe('the address that led here', () => {
  it.each([
    ['#setup=abc', 'abc', 'admin', ''],
    ['#setup=abc&user=anna%40example.org', 'abc', 'anna@example.org', ''],
    ['#refused=role', '', 'admin', 'role'],
    ['#/chart', '', 'admin', ''],
  ])('%s', (hash, secret, user, refused) => {
    expect([setupSecret(hash), setupUser(hash), refusedLogin(hash)]).toEqual([secret, user, refused]);
  });
});

describe('a session', () => {
  it('lets in who needs no login', async () => {
    const { session } = server({ user: '', role: 'admin', needed: false });
    expect([session.door.value, session.mayChange.value, session.mayAdmit.value]).toEqual(['asking', true, true]);
    await session.check();
    expect([session.door.value, session.user.value, session.mayAdmit.value]).toEqual(['in', '', true]);
  });

  it('keeps out who must log in, and says when nobody has a password yet', async () => {
    const { session } = server({ ...OUT, setup: true });
    await session.check();
    expect([session.door.value, session.first.value, session.ended.value]).toEqual(['out', true, false]);
  });

  it('lets a viewer look, an operator change, an admin admit', async () => {
    const may = async (role: Answer['role']): Promise<boolean[]> => {
      const { session } = server({ user: 'x', role, needed: false });
      await session.check();
      return [session.mayChange.value, session.mayAdmit.value];
    };
    expect(await may('viewer')).toEqual([false, false]);
    expect(await may('operator')).toEqual([true, false]);
    expect(await may('admin')).toEqual([true, true]);
  });

  it('stays as it is while the server is silent', async () => {
    const { session } = server(ADA, new TypeError('failed to fetch'));
    await session.check();
    await session.check();
    expect([session.door.value, session.user.value]).toEqual(['in', 'ada']);
  });

  it('begins with a login, and stays out after a wrong one', async () => {
    const { session, asked } = server(OUT, REFUSED, ADA);
    await session.check();
    await expect(session.login('ada', 'x')).rejects.toBe(REFUSED);
    expect(session.door.value).toBe('out');
    await session.login('ada', 'y');
    expect([session.door.value, session.user.value, asked.at(-1)]).toEqual(['in', 'ada', 'login ada y']);
  });

  it('that ended by itself says so, one that was ended does not', async () => {
    const { session } = server(ADA, OUT, ADA, OUT, ADA);
    await session.check();
    await session.check();
    expect([session.door.value, session.ended.value]).toEqual(['out', true]);
    await session.login('ada', 'y');
    expect(session.ended.value).toBe(false);
    await session.logout();
    expect([session.door.value, session.ended.value]).toEqual(['out', false]);
  });

  it('is over as soon as any answer says so', async () => {
    const { session, asked } = server(ADA, OUT);
    await session.check();
    session.refused();
    session.refused();
    expect([session.door.value, session.ended.value]).toEqual(['out', true]);
    await Promise.resolve();
    expect(asked).toEqual(['session', 'session']);
  });

  it('asks once at a time', async () => {
    const { session, asked } = server(ADA, ADA);
    await Promise.all([session.check(), session.check()]);
    expect(asked).toEqual(['session']);
  });

  it('uses a link’s secret once', async () => {
    const { session, asked } = server(ADA);
    session.secret.value = 's3';
    await session.setup('long enough');
    expect([asked[0], session.secret.value, session.door.value]).toEqual(['setup s3 long enough', '', 'in']);
  });
});

it.each([
  ['#setup=abc-_D', 'abc-_D'],
  ['#setup=', ''],
  ['#/chart', ''],
  ['#/nodes?find=setup=x', ''],
  ['', ''],
])('the secret of %j is %j', (hash, secret) => expect(setupSecret(hash)).toBe(secret));
