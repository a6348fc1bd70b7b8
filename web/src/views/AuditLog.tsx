import { useState } from 'preact/hooks';
import { useApp } from '../app';
import type { AuditEntry } from '../api/types';
import { ProblemNote } from '../parts/Problem';
import { Moment } from '../parts/Time';
import { useResource, useTurn } from '../state/resource';

/** So many entries are shown at first. */
const FIRST = 20;

/** Who did it: `anna`, `token grafana`, `the server’s machine`. */
export function actor({ kind, who }: Pick<AuditEntry, 'kind' | 'who'>): string {
  if (kind === 'socket') return 'the server’s machine';
  if (kind === 'user') return who || 'somebody';
  if (kind === 'nobody') return 'somebody without a login';
  return `${kind} ${who ?? ''}`.trim();
}

/** `change-settings` → `change settings`. */
export const spoken = (what: string): string => what.replace(/-/g, ' ');

/** Who changed what, the newest first. */
export function AuditLog() {
  const { client, now } = useApp();
  const [find, setFind] = useState('');
  const [limit, setLimit] = useState(FIRST);
  const turn = useTurn(now, 30_000);
  const { data, problem, reload } = useResource(`audit ${find} ${limit}`, String(turn), (s) => client.audit({ find, limit }, s));
  if (problem?.status === 404) return null;
  return (
    <section class="access" aria-label="Audit log">
      <div class="section-head">
        <h2 class="head">Audit log</h2>
      </div>
      <div class="narrowing" role="search">
        <input type="search" class="find" aria-label="Search the audit log" placeholder="Who, what, on what" spellcheck={false} value={find} onInput={(event) => setFind(event.currentTarget.value)} />
      </div>
      {problem && <ProblemNote problem={problem} onRetry={reload} />}
      {data?.entries.length === 0 && <p class="nothing">{find ? 'Nothing of that was found.' : 'Nobody changed anything so far.'}</p>}
      <ol class="audit">
        {data?.entries.map((e, i) => <Entry key={`${e.at} ${i}`} entry={e} />)}
      </ol>
      {data?.more && (
        <div class="buttons start">
          <button type="button" onClick={() => setLimit(limit * 5)}>
            Older ones
          </button>
        </div>
      )}
    </section>
  );
}

function Entry({ entry: e }: { entry: AuditEntry }) {
  return (
    <li>
      <div>
        <Moment at={e.at} /> <b>{actor(e)}</b> <span class={e.result === 'done' ? '' : 'warning-text'}>{e.result === 'done' ? '' : `${e.result}: `}</span>
        {spoken(e.what)} {e.on && <b>{e.on}</b>}
        {e.from && <span class="ink3"> from {e.from}{e.via ? ` via ${e.via}` : ''}</span>}
      </div>
      {e.why && <div class="ink2">{e.why}</div>}
      {e.changes && e.changes.length > 0 && (
        <ul>
          {e.changes.map((c) => (
            <li key={c.field} class="small">
              {c.field}: <code>{c.before || 'nothing'}</code> → <code>{c.after || 'nothing'}</code>
            </li>
          ))}
        </ul>
      )}
    </li>
  );
}
