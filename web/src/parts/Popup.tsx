import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { Icon } from './Icon';

interface Props {
  /** What the button says. */
  title: ComponentChildren;
  /** What the choices are for. */
  label: string;
  open: boolean;
  onOpen: (open: boolean) => void;
  /** Something of it is chosen. */
  pressed?: boolean;
  class?: string;
  children: ComponentChildren;
}

/** A button with choices below it, which close on Escape and on a press elsewhere. */
export function Popup({ title, label, open, onOpen, pressed = false, class: kind = '', children }: Props) {
  const root = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  useDismiss(root, open, (byKey) => {
    onOpen(false);
    if (byKey) button.current?.focus();
  });
  return (
    <div class={`popup ${kind}`} ref={root}>
      <button ref={button} type="button" class={`plain${pressed ? ' chosen' : ''}`} aria-expanded={open} onClick={() => onOpen(!open)}>
        {title}
        <Icon name="down" />
      </button>
      {open && (
        <div class="popup-body" role="group" aria-label={label}>
          {children}
        </div>
      )}
    </div>
  );
}

/** Closes on Escape and on a press elsewhere. */
function useDismiss(root: { current: HTMLElement | null }, open: boolean, close: (byKey: boolean) => void): void {
  useEffect(() => {
    if (!open) return;
    const onPress = (event: Event): void => {
      if (event.target instanceof Node && !root.current?.contains(event.target)) close(false);
    };
    const onKey = (event: KeyboardEvent): void => {
      if (event.key !== 'Escape') return;
      event.stopPropagation();
      close(true);
    };
    document.addEventListener('pointerdown', onPress);
    document.addEventListener('keydown', onKey, true);
    return () => {
      document.removeEventListener('pointerdown', onPress);
      document.removeEventListener('keydown', onKey, true);
    };
  }, [open]);
}
