import { useState } from 'preact/hooks';

/** `All names: sudo dotm up` → the words before the colon, and the command. */
export function splitHint(hint: string): { lead: string; command: string } {
  const at = hint.indexOf(': ');
  return at < 0 ? { lead: '', command: hint } : { lead: hint.slice(0, at + 1), command: hint.slice(at + 2) };
}

/** The clipboard needs https or localhost; elsewhere the text is selected for Ctrl C. */
async function copy(text: string, element: HTMLElement | null): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    if (element) getSelection()?.selectAllChildren(element);
    return false;
  }
}

/** A command to run, with a button that copies it. */
export function Command({ text }: { text: string }) {
  const [label, setLabel] = useState('Copy');
  const id = `command-${text.replace(/\W+/g, '-')}`;
  const onCopy = async (): Promise<void> => {
    const done = await copy(text, document.getElementById(id));
    setLabel(done ? 'Copied' : 'Selected');
    setTimeout(() => setLabel('Copy'), 1500);
  };
  return (
    <div class="command">
      <code id={id}>
        {text.split(' ').map((word, i) => (
          <>
            {i > 0 && ' '}
            <span key={`${i} ${word}`}>{word}</span>
          </>
        ))}
      </code>
      <button type="button" onClick={() => void onCopy()}>
        {label}
      </button>
    </div>
  );
}
