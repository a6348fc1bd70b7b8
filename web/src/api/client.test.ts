import { describe, expect, it } from 'vitest';
import { Client, ProblemError, isAborted, problemOf, viewQuery } from './client';

/** A server of one answer that remembers what it was asked. */
function server(body: string, init: ResponseInit = {}) {
  const asked: { url: string; init: RequestInit | undefined }[] = [];
  const client = new Client(((url: string, request?: RequestInit) => {
    asked.push({ url, init: request });
    return Promise.resolve(new Response(body, init));
  }) as typeof fetch);
  return { client, asked };
}

const PROBLEM = { 'content-type': 'application/problem+json' };

describe('Client', () => {
  it('asks relative to the page, names encoded', async () => {
    const { client, asked } = server('{}');
    await client.node('a/b c');
    await client.topology('node', []);
    expect(asked.map((a) => a.url)).toEqual(['api/v1/nodes/a%2Fb%20c', 'api/v1/topology?level=node&hide=none']);
  });

  it('sends a settings change as JSON', async () => {
    const { client, asked } = server('{}');
    await client.patchSettings({ ageing: '1m' });
    expect(asked[0]?.init).toMatchObject({ method: 'PATCH', body: '{"ageing":"1m"}' });
  });

  it.each([
    ['a problem document', JSON.stringify({ title: 'unknown node', status: 404, detail: 'x' }), PROBLEM, { title: 'unknown node', detail: 'x', status: 404 }],
    ['a proxy’s page', '<html>', { 'content-type': 'text/html' }, { title: 'HTTP 404', status: 404 }],
    ['broken JSON', '{"title"', PROBLEM, { title: 'HTTP 404', status: 404 }],
  ])('turns %s into a problem', async (_, body, headers, problem) => {
    const { client } = server(body, { status: 404, headers });
    const error = await client.node('x').catch((e: unknown) => e);
    expect(error).toBeInstanceOf(ProblemError);
    expect(problemOf(error)).toMatchObject(problem);
  });

  it('says that one must log in, unless that was tried', async () => {
    const { client } = server(JSON.stringify({ title: 'Unauthorized', status: 401 }), { status: 401, headers: PROBLEM });
    let asked = 0;
    client.onLogin = () => {
      asked++;
    };
    await client.login('ada', 'wrong').catch(() => undefined);
    await client.setup('s', 'p').catch(() => undefined);
    expect(asked).toBe(0);
    await client.nodes().catch(() => undefined);
    expect(asked).toBe(1);
  });

  it('does not read again what did not change', async () => {
    const sent: (string | null)[] = [];
    let tag = 'W/"1"';
    const client = new Client(((_: string, init?: RequestInit) => {
      const match = new Headers(init?.headers).get('if-none-match');
      sent.push(match);
      if (match === tag) return Promise.resolve(new Response(null, { status: 304, headers: { etag: tag } }));
      return Promise.resolve(new Response(`{"nodes":[],"targets":["${tag.replaceAll('"', '')}"]}`, { headers: { etag: tag } }));
    }) as typeof fetch);
    const first = await client.nodes();
    expect(await client.nodes()).toBe(first);
    tag = 'W/"2"';
    expect((await client.nodes()).targets).toEqual(['W/2']);
    await client.nodes();
    expect(sent).toEqual([null, 'W/"1"', 'W/"1"', 'W/"2"']);
  });

  it('keeps nothing that was read for somebody whose session ended', async () => {
    const sent: (string | null)[] = [];
    const answers = [new Response('{"nodes":[]}', { headers: { etag: '"1"' } }), new Response(null, { status: 401 }), new Response('{"nodes":[]}')];
    const client = new Client(((_: string, init?: RequestInit) => {
      sent.push(new Headers(init?.headers).get('if-none-match'));
      return Promise.resolve(answers[sent.length - 1]);
    }) as typeof fetch);
    await client.nodes();
    await client.nodes().catch(() => undefined);
    await client.nodes();
    expect(sent).toEqual([null, '"1"', null]);
  });

  it('knows how long to wait', async () => {
    const { client } = server('{"title":"Too Many Requests"}', { status: 429, headers: { ...PROBLEM, 'retry-after': '42' } });
    expect(problemOf(await client.login('a', 'b').catch((e: unknown) => e)).wait).toBe(42);
  });

  it('takes an answer without a body', async () => {
    const asked: string[] = [];
    const client = new Client(((url: string, init?: RequestInit) => {
      asked.push(`${init?.method ?? 'GET'} ${url}`);
      return Promise.resolve(new Response(null, { status: 204 }));
    }) as typeof fetch);
    await client.removeTarget('ssh://dotm@db1?jump=a');
    await client.removeNode('a/b');
    await client.explain('web1:nginx', 'fd00::1:5432');
    expect(asked).toEqual([
      'DELETE api/v1/targets?url=ssh%3A%2F%2Fdotm%40db1%3Fjump%3Da',
      'DELETE api/v1/nodes/a%2Fb',
      'GET api/v1/explain?client=web1%3Anginx&server=fd00%3A%3A1%3A5432',
    ]);
  });

  it('has a problem for a server that does not answer', () => {
    expect(problemOf(new TypeError('failed to fetch'))).toEqual({ title: 'dotm does not answer', status: 0, detail: 'failed to fetch' });
  });

  it('tells a request called off from a failed one', () => {
    expect(isAborted(new DOMException('x', 'AbortError'))).toBe(true);
    expect(isAborted(new TypeError('x'))).toBe(false);
  });
});

it('viewQuery spells the same filter the same way', () => {
  expect(viewQuery('service', ['old', 'ignored'])).toBe(viewQuery('service', ['ignored', 'old']));
});
