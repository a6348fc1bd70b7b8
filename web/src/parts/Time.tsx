import { useApp } from '../app';
import { age, moment } from '../lib/format';

/** How long ago; the exact time is the tooltip. */
export function Age({ at }: { at: string | undefined }) {
  const { now, prefs } = useApp();
  return (
    <time dateTime={at ?? ''} title={moment(at, prefs.utc.value)}>
      {age(at, now.value)}
    </time>
  );
}

/** Date and time, local or UTC as the viewer chose. */
export function Moment({ at }: { at: string | undefined }) {
  const { prefs } = useApp();
  return <time dateTime={at ?? ''}>{moment(at, prefs.utc.value)}</time>;
}
