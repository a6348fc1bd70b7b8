import type { Problem } from '../api/types';
import { capital } from '../lib/format';

/** A refused or failed request: the title in one sentence, the detail as it came. */
export function ProblemNote({ problem, onRetry }: { problem: Problem; onRetry?: () => void }) {
  const lines = [problem.detail, ...(problem.errors ?? []).map((e) => [e.location, e.message].filter(Boolean).join(': '))];
  const text = lines.filter(Boolean).join('\n');
  return (
    <div class="problem" role="alert">
      <h2>{capital(problem.title)}</h2>
      {text && <code>{text}</code>}
      {onRetry && (
        <button type="button" onClick={onRetry}>
          Try again
        </button>
      )}
    </div>
  );
}
