import { act } from 'preact/test-utils';
import { afterEach, describe, expect, it } from 'vitest';
import { type Reply, clear, find, json, settle, show, type } from '../testing/app';
import { SettingsView } from './Settings';

afterEach(clear);

const SIGNALS = { slow: { off: false, limit: 4, for: '30s' }, retransmits: { off: false, limit: 0.05, for: '30s' } };

function server(refuse: () => Response | null = () => null): { reply: Reply; sent: unknown[] } {
  let signals: Record<string, unknown> = SIGNALS;
  const sent: unknown[] = [];
  const reply: Reply = (method, path, body) => {
    if (path !== 'settings') return null;
    if (method !== 'GET') {
      sent.push(JSON.parse(body));
      const refused = refuse();
      if (refused) return refused;
      signals = { ...signals, ...(JSON.parse(body) as { signals: object }).signals };
    }
    return json({ settings: { signals }, locked: [] });
  };
  return { reply, sent };
}

describe('the settings of signals', () => {
  it('show a share in percent, and save a limit with the rest as it is', async () => {
    const s = server();
    const h = await show(<SettingsView />, s);
    const limit = find(h.root, '[aria-label="Retransmits: limit"]') as HTMLInputElement;
    expect(limit.value).toBe('5');
    await type(limit, '12.5');
    await act(() => (find(h.root, '#signals form:has([aria-label="Retransmits: limit"])') as HTMLFormElement).requestSubmit());
    await settle();
    expect(s.sent).toEqual([{ signals: { retransmits: { off: false, limit: 0.125, for: '30s' } } }]);
  });

  it('switch one off, and all', async () => {
    const s = server();
    const h = await show(<SettingsView />, s);
    await act(() => (find(h.root, '#signal-slow') as HTMLInputElement).click());
    await settle();
    expect(s.sent).toEqual([{ signals: { slow: { off: true, limit: 4, for: '30s' } } }]);
    await act(() => (find(h.root, '#signals button.plain') as HTMLButtonElement).click());
    await settle();
    expect(s.sent[1]).toEqual({ signals: { slow: { off: true, limit: 4, for: '30s' }, retransmits: { off: true, limit: 0.05, for: '30s' } } });
  });

  it('say what the server refuses', async () => {
    const detail = 'signals.slow.limit must be 1.5 to 1000 (times what is usual), is 1';
    const h = await show(<SettingsView />, server(() => json({ title: 'Unprocessable', detail, status: 422 }, 422)));
    await type(find(h.root, '[aria-label="Slow: limit"]'), '1');
    await act(() => (find(h.root, '#signals form:has([aria-label="Slow: limit"])') as HTMLFormElement).requestSubmit());
    await settle();
    expect(find(h.root, '#signals [role="alert"]').textContent).toBe(detail);
  });
});
