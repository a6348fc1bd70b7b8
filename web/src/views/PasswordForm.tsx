import { useState } from 'preact/hooks';
import { useApp } from '../app';
import { problemOf } from '../api/client';
import { capital } from '../lib/format';
import { SHORTEST } from './Login';

/** Changes one’s own password; all one’s other sessions end. */
export function PasswordForm({ onChanged }: { onChanged: () => void }) {
  const { session } = useApp();
  const [open, setOpen] = useState(false);
  const [said, setSaid] = useState('');
  const [done, setDone] = useState(false);
  const submit = async (form: HTMLFormElement): Promise<void> => {
    const field = (name: string): string => form.querySelector<HTMLInputElement>(`[name="${name}"]`)?.value ?? '';
    const password = field('new-password');
    const wrong =
      Array.from(password).length < SHORTEST ? `The password must have at least ${SHORTEST} characters.` : password !== field('again') ? 'The two passwords differ.' : '';
    setSaid(wrong);
    if (wrong) return;
    try {
      await session.changePassword(field('current-password'), password);
      setSaid('');
      setDone(true);
      setOpen(false);
      onChanged();
    } catch (error) {
      const { detail, title } = problemOf(error);
      setSaid(`${capital(detail || title)}.`);
    }
  };
  if (!open) {
    return (
      <div class="buttons start">
        <button
          type="button"
          onClick={() => {
            setOpen(true);
            setDone(false);
          }}
        >
          Change your password
        </button>
        <span role="status" class="ink2">
          {done && 'Changed. All your other sessions ended.'}
        </span>
      </div>
    );
  }
  const entry = (name: string, label: string, autocomplete: string) => (
    <div class="entry">
      <label for={`password-${name}`}>{label}</label>
      <input id={`password-${name}`} name={name} type="password" autocomplete={autocomplete} />
    </div>
  );
  return (
    <form
      class="entries password"
      onSubmit={(event) => {
        event.preventDefault();
        void submit(event.currentTarget);
      }}
    >
      {entry('current-password', 'Present password', 'current-password')}
      {entry('new-password', 'New password', 'new-password')}
      {entry('again', 'The same again', 'new-password')}
      <div role="alert">{said && <p class="error">{said}</p>}</div>
      <div class="buttons start">
        <button type="submit" class="strong">
          Change it
        </button>
        <button type="button" onClick={() => setOpen(false)}>
          Cancel
        </button>
      </div>
    </form>
  );
}
