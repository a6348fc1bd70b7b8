import { useApp } from '../app';
import { LaneOutline } from './Loading';
import { ProblemNote } from './Problem';

/** Before the first topology: why there is none, or the outline of what comes. */
export function Notice() {
  const { feed } = useApp();
  const problem = feed.problem.value;
  if (!problem) return <LaneOutline />;
  return (
    <div class="notice">
      <ProblemNote problem={problem} onRetry={() => feed.retry()} />
    </div>
  );
}
