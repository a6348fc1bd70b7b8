import { useEffect, useRef } from 'preact/hooks';
import { useApp } from '../app';
import { Icon } from './Icon';

/** A part of the help: keys as they are written, and what they do. */
export interface KeyHelp {
  part: string;
  keys: readonly (readonly [string, string])[];
}

/** All keys, for who asks with `?`. */
export function KeysDialog({ help }: { help: readonly KeyHelp[] }) {
  const { dialog } = useApp();
  const element = useRef<HTMLDialogElement>(null);
  const open = dialog.value === 'keys';
  useEffect(() => {
    if (open) element.current?.showModal();
    else element.current?.close();
  }, [open]);
  return (
    <dialog
      ref={element}
      class="keys"
      aria-label="Keys"
      onClose={() => {
        if (dialog.peek() === 'keys') dialog.value = '';
      }}
    >
      <div class="pad">
        <div class="panel-title">
          <h2>Keys</h2>
          <button type="button" class="plain" aria-label="Close" onClick={() => element.current?.close()}>
            <Icon name="close" />
          </button>
        </div>
        {help.map(({ part, keys }) => (
          <section key={part}>
            <h3>{part}</h3>
            <dl>
              {keys.map(([shown, does]) => (
                <>
                  <dt key={shown}>
                    <kbd>{shown}</kbd>
                  </dt>
                  <dd key={`${shown} does`}>{does}</dd>
                </>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </dialog>
  );
}
