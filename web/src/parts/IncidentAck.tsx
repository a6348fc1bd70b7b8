import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { useApp } from '../app';
import { problemOf } from '../api/client';
import type { Incident, Problem } from '../api/types';
import { capital, plural } from '../lib/format';
import { type AckWay, acksOf } from '../state/incidents';

/** Says that somebody takes care: in a monitoring system, or here alone. Each button says what it does. */
export function IncidentAck({ incident, onDone }: { incident: Incident; onDone: () => void }) {
  const { sources, session, route } = useApp();
  const [way, setWay] = useState<AckWay | null>(null);
  const first = useRef<HTMLButtonElement>(null);
  const asked = useRef(false);
  useLayoutEffect(() => {
    // Who takes it back is where they were before, and before the next key.
    if (!way && asked.current) first.current?.focus();
    asked.current = way !== null;
  }, [way]);
  if (incident.state !== 'open' || incident.acknowledged || route.value.at || !session.mayChange.value) return null;
  if (way) return <Ask incident={incident} way={way} onDone={onDone} onClose={() => setWay(null)} />;
  return (
    <>
      {acksOf(incident, sources.value).map((w, i) => (
        <button key={w.words} ref={i === 0 ? first : null} type="button" class={i === 0 ? 'strong' : ''} data-ack={i === 0 ? '' : undefined} onClick={() => setWay(w)}>
          {w.words}…
        </button>
      ))}
    </>
  );
}

/** Asks for a comment, then does it. What was refused for one check is said, and the others stay done. */
function Ask({ incident, way, onDone, onClose }: { incident: Incident; way: AckWay; onDone: () => void; onClose: () => void }) {
  const { client } = useApp();
  const [comment, setComment] = useState('');
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const field = useRef<HTMLInputElement>(null);
  // Before the next key: what is typed at once is the comment.
  useLayoutEffect(() => field.current?.focus(), []);
  const go = async (): Promise<void> => {
    setBusy(true);
    setProblem(null);
    try {
      const { checks } = await client.acknowledgeIncident(incident.id, comment, way.checks);
      const refused = checks.filter((c) => c.error);
      onDone();
      if (refused.length === 0) onClose();
      else setProblem({ title: `${plural(refused.length, 'check was', 'checks were')} not acknowledged`, status: 0, detail: `${plural(refused.length, 'check was', 'checks were')} not acknowledged: ${refused[0]?.error ?? ''}` });
      setBusy(false);
    } catch (error) {
      setProblem(problemOf(error));
      setBusy(false);
    }
  };
  return (
    <form
      class="acknowledge"
      onSubmit={(event) => {
        event.preventDefault();
        void go();
      }}
      onKeyDown={(event) => {
        if (event.key !== 'Escape') return;
        // It ends the question alone, and not what lies behind it.
        event.preventDefault();
        onClose();
      }}
    >
      <input ref={field} class="find" aria-label="Comment" placeholder="Comment" maxLength={1024} value={comment} onInput={(event) => setComment(event.currentTarget.value)} />
      <button type="submit" class="strong" disabled={busy}>
        {way.words}
      </button>
      <button type="button" class="plain" onClick={onClose}>
        Cancel
      </button>
      <div role="alert">{problem && <p class="error">{capital(problem.detail || problem.title)}</p>}</div>
    </form>
  );
}
