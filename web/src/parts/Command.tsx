import { useState } from 'preact/hooks';
import { capital } from '../lib/format';

/** What begins with one of these programs is a whole command, if no sentence goes on after it. */
const RUN = /^(sudo )?(dotm|docker|podman|apt|dnf|modprobe|mount|sysctl|systemctl|setcap|chmod|chown|ssh-keygen|ssh-keyscan|journalctl|useradd|rm) \S[^,]*$/;

/**
 * `All names: sudo dotm up` → the words before the colon, and the command. What is no
 * whole command, such as a flag to add, is part of the words.
 */
export function splitHint(hint: string): { lead: string; command: string } {
  const at = hint.lastIndexOf(': ');
  const command = at < 0 ? hint : hint.slice(at + 2);
  if (!RUN.test(command)) return { lead: hint, command: '' };
  return { lead: at < 0 ? '' : hint.slice(0, at + 1), command };
}

/** What helps: words, with what is typed set as such, and a command to copy if there is one. */
export function HintText({ hint }: { hint: string }) {
  const { lead, command } = splitHint(hint);
  return (
    <>
      {lead && (
        <div class="ink2">
          {capital(lead).split(/(--[a-z][\w-]*(?: [a-z]+$)?)/).map((part, i) => (i % 2 === 1 ? <code key={i}>{part}</code> : part))}
        </div>
      )}
      {command && <Command text={command} />}
    </>
  );
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

/** Copies a text that stands in the element of an id. */
export function CopyButton({ text, id }: { text: string; id: string }) {
  const [label, setLabel] = useState('Copy');
  const onCopy = async (): Promise<void> => {
    const done = await copy(text, document.getElementById(id));
    setLabel(done ? 'Copied' : 'Selected');
    setTimeout(() => setLabel('Copy'), 1500);
  };
  return (
    <button type="button" onClick={() => void onCopy()}>
      {label}
    </button>
  );
}

/** Copies an address, relative to this page; `of` says to those who don't see it of what. */
export function CopyLink({ to, of = '' }: { to: string; of?: string }) {
  const [label, setLabel] = useState('Copy link');
  const [shown, setShown] = useState(false);
  const onCopy = async (): Promise<void> => {
    const done = await copy(new URL(to, location.href).href, null);
    setLabel(done ? 'Copied' : 'Copy it from the address bar');
    setShown(!done && of !== '');
    setTimeout(() => setLabel('Copy link'), 2500);
  };
  // Without a clipboard, as where there is no encryption, it is there to be copied by hand.
  if (shown) return <input ref={(e) => e?.select()} class="find" readOnly aria-label={`Link to ${of}`} value={new URL(to, location.href).href} />;
  return (
    <button type="button" onClick={() => void onCopy()}>
      {label}
      {of && <span class="hidden"> to {of}</span>}
    </button>
  );
}

/** A command to run, with a button that copies it. */
export function Command({ text }: { text: string }) {
  const id = `command-${text.replace(/\W+/g, '-')}`;
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
      <CopyButton text={text} id={id} />
    </div>
  );
}
