import type { ComponentChildren } from 'preact';
import type { Severity, Trouble } from '../state/health';
import { worstFirst } from '../state/health';
import { StateIcon } from './StateIcon';

/** The class of text in trouble. */
export const TONES: Readonly<Record<Severity, string>> = { failing: 'critical-text', strained: 'warning-text' };

const COLOURS: Readonly<Record<Severity, string>> = { failing: '--critical', strained: '--warning-text' };

/** The sign of trouble that the sockets show; words stand beside it, or are its tooltip. */
export function SignalIcon({ severity, silent = true }: { severity: Severity; silent?: boolean }) {
  return <StateIcon state="SIGNAL" colour={COLOURS[severity]} silent={silent} />;
}

/** A sentence about trouble that the sockets show, with its sign. */
export function Signal({ severity, children }: { severity: Severity; children: ComponentChildren }) {
  return (
    <p class={`signal ${TONES[severity]}`}>
      <SignalIcon severity={severity} />
      <span>{children}</span>
    </p>
  );
}

/** The worst trouble of several in a cell, with all of it as its tooltip. */
export function TroubleText({ troubles }: { troubles: readonly Trouble[] }) {
  const [worst, ...others] = worstFirst(troubles);
  if (!worst) return null;
  return (
    <span class={`signal ${TONES[worst.severity]}`} title={[worst, ...others].map((t) => t.text).join('\n')}>
      <SignalIcon severity={worst.severity} />
      <span>
        {worst.short}
        {others.length > 0 && ` + ${others.length}`}
      </span>
    </span>
  );
}
