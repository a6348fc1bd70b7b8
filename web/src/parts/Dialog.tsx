import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { problemOf } from '../api/client';
import type { Problem } from '../api/types';
import { capital } from '../lib/format';
import { Icon } from './Icon';

interface Props {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
  class?: string;
}

/** A dialog that is there while it is rendered: the browser's own, with its focus and its Escape. */
export function Dialog({ title, onClose, children, class: kind = '' }: Props) {
  const element = useRef<HTMLDialogElement>(null);
  const here = useRef(true);
  useEffect(() => {
    element.current?.showModal();
    const { current } = element;
    return () => {
      // Whoever took it away knows: another dialog may stand in its place already.
      here.current = false;
      current?.close();
    };
  }, []);
  return (
    <dialog
      ref={element}
      class={`sheet ${kind}`}
      aria-label={title}
      onClose={() => here.current && onClose()}
    >
      <div class="panel-title">
        <h2>{title}</h2>
        <button type="button" class="plain" aria-label="Close" onClick={() => element.current?.close()}>
          <Icon name="close" />
        </button>
      </div>
      {children}
    </dialog>
  );
}

interface ConfirmProps {
  title: string;
  /** What happens then. */
  children: ComponentChildren;
  /** What the button says that it does. */
  action: string;
  run: () => Promise<void>;
  onClose: () => void;
}

/** Asks before something that cannot be taken back, and says why it was refused. */
export function Confirm({ title, children, action, run, onClose }: ConfirmProps) {
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  const go = async (): Promise<void> => {
    setBusy(true);
    setProblem(null);
    try {
      await run();
      onClose();
    } catch (error) {
      setProblem(problemOf(error));
      setBusy(false);
    }
  };
  return (
    <Dialog title={title} onClose={onClose} class="confirm">
      <div class="ink2">{children}</div>
      <div role="alert">{problem && <p class="error">{capital(problem.detail || problem.title)}</p>}</div>
      <div class="buttons">
        <button type="button" onClick={onClose}>
          Cancel
        </button>
        <button type="button" class="strong" disabled={busy} onClick={() => void go()}>
          {action}
        </button>
      </div>
    </Dialog>
  );
}
