import { computed } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import { useApp } from '../app';
import { age, moment, shortMoment, span } from '../lib/format';

/** How long ago; the exact time is the tooltip. */
export function Age({ at }: { at: string | undefined }) {
  const { now, prefs } = useApp();
  // A signal as a child is written by itself: thousands of ages cost little each second.
  const text = useMemo(() => computed(() => age(at, now.value)), [at, now]);
  return (
    <time dateTime={at ?? ''} title={moment(at, prefs.utc.value)}>
      {text}
    </time>
  );
}

/** Date and time, local or UTC as the viewer chose. */
export function Moment({ at }: { at: string | undefined }) {
  const { prefs } = useApp();
  return <time dateTime={at ?? ''}>{moment(at, prefs.utc.value)}</time>;
}

/** `since 02:13 (2 min)`; the exact time is the tooltip. */
export function Since({ at }: { at: string }) {
  const { now, prefs } = useApp();
  return (
    <>
      since{' '}
      <time dateTime={at} title={moment(at, prefs.utc.value)}>
        {shortMoment(at, now.value, prefs.utc.value)}
      </time>{' '}
      ({span(now.value - Date.parse(at))})
    </>
  );
}
