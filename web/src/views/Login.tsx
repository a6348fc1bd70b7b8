import { type ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { useApp } from '../app';
import { problemOf } from '../api/client';
import type { Problem } from '../api/types';
import { capital, span } from '../lib/format';
import { Mark } from '../parts/Icon';

/** What is in front of the pages: a login, or with a login link the first password. */
export function LoginView() {
  const { session } = useApp();
  useEffect(() => {
    document.title = 'Log in, dotm';
  }, []);
  return (
    <main class="door">
      <div class="door-body">
        <div class="door-mark">
          <Mark />
          dotm
        </div>
        {session.secret.value ? <SetupForm /> : <LoginForm />}
      </div>
    </main>
  );
}

/** Sends what a form holds, once at a time, and keeps what went wrong. Browsers fill fields without saying so: they are read when sent. */
function useSending(send: (field: (name: string) => string) => Promise<void>) {
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  const alive = useRef(true);
  useEffect(() => () => void (alive.current = false), []);
  const submit = async (form: HTMLFormElement): Promise<void> => {
    const field = (name: string): string => form.querySelector<HTMLInputElement>(`[name="${name}"]`)?.value ?? '';
    setBusy(true);
    setProblem(null);
    try {
      await send(field);
    } catch (error) {
      if (alive.current) setProblem(problemOf(error));
    } finally {
      if (alive.current) setBusy(false);
    }
  };
  const onSubmit = (event: SubmitEvent & { currentTarget: HTMLFormElement }): void => {
    event.preventDefault();
    if (!busy) void submit(event.currentTarget);
  };
  return { problem, busy, onSubmit };
}

/** Why it was refused, in one sentence. */
export function refusal({ status, title, detail, wait }: Problem): string {
  if (status === 401) return 'This user and password do not fit.';
  if (status === 429) return `Too many attempts. Try again ${wait ? `in ${span(wait * 1000)}` : 'in a while'}.`;
  return `${capital(detail || title)}${/[.!?]$/.test(detail || title) ? '' : '.'}`;
}

function LoginForm() {
  const { session } = useApp();
  const { problem, busy, onSubmit } = useSending(async (field) => {
    await session.login(field('username').trim(), field('password'));
  });
  return (
    <form onSubmit={onSubmit}>
      <h1>Log in</h1>
      {session.provider.value && (
        <>
          <a class="button strong" href="api/v1/login/oidc">
            Log in with {session.provider.value}
          </a>
          {session.turnedAway.value && <p class="critical-text" role="alert">{TURNED_AWAY[session.turnedAway.value] ?? TURNED_AWAY['login']}</p>}
          <p class="ink2">Or with a password:</p>
        </>
      )}
      {session.ended.value && <p class="ink2">Your session ended. You get back to where you were.</p>}
      {session.first.value && (
        <p class="ink2">
          Nobody has a password yet. The server’s log shows a link that sets the first one; on the server’s machine <code>dotm login-link</code> makes another.
        </p>
      )}
      <Entry label="User" name="username" autocomplete="username" value={session.user.value || 'admin'} />
      <Entry label="Password" name="password" secret autocomplete="current-password" wrong={problem?.status === 401} focus />
      <Refused>{problem && refusal(problem)}</Refused>
      <button type="submit" class="strong" aria-disabled={busy}>
        {busy ? 'Logging in' : 'Log in'}
      </button>
    </form>
  );
}

/** Why the provider’s login led to nothing. */
const TURNED_AWAY: Readonly<Record<string, string>> = {
  role: 'You were recognised, but nothing gives you a role here. Ask an admin of dotm.',
  login: 'That login was not accepted. Try it again.',
  busy: 'Too many attempts. Try again in a while.',
  provider: 'The provider does not answer. The server’s log says why.',
};

/** The shortest password that the server takes. */
export const SHORTEST = 12;

function SetupForm() {
  const { session } = useApp();
  const [wrong, setWrong] = useState<'' | 'short' | 'unlike'>('');
  const { problem, busy, onSubmit } = useSending(async (field) => {
    const password = field('new-password');
    const fault = Array.from(password).length < SHORTEST ? 'short' : password !== field('again') ? 'unlike' : '';
    setWrong(fault);
    if (fault) return;
    await session.setup(password);
  });
  return (
    <form onSubmit={onSubmit}>
      <h1>Choose a password</h1>
      <p class="ink2">
        For the user <b>{session.invited.value}</b>{session.invited.value === 'admin' && ', who may do everything here'}. The link that led here works once.
      </p>
      <input class="hidden" type="text" name="username" autocomplete="username" value={session.invited.value} readOnly tabIndex={-1} aria-hidden="true" />
      <Entry label="New password" name="new-password" secret autocomplete="new-password" focus wrong={wrong === 'short'} help={`At least ${SHORTEST} characters`} />
      <Entry label="The same again" name="again" secret autocomplete="new-password" wrong={wrong === 'unlike'} />
      <Refused>
        {wrong === 'short' && `The password must have at least ${SHORTEST} characters.`}
        {wrong === 'unlike' && 'The two passwords differ.'}
        {problem && (problem.status === 401 ? USED_UP : refusal(problem))}
      </Refused>
      <button type="submit" class="strong" aria-disabled={busy}>
        Set the password
      </button>
      <button type="button" class="plain" onClick={() => (session.secret.value = '')}>
        I have a password
      </button>
    </form>
  );
}

const USED_UP = 'This link was used already, or is too old. On the server’s machine, dotm login-link makes another.';

function Refused({ children }: { children: ComponentChildren }) {
  return (
    <div class="refused" role="alert">
      {children}
    </div>
  );
}

interface EntryProps {
  label: string;
  name: string;
  /** A password. */
  secret?: boolean;
  autocomplete: string;
  /** What stands in it at first. */
  value?: string;
  focus?: boolean;
  wrong?: boolean;
  help?: string;
}

function Entry({ label, name, secret = false, autocomplete, value = '', focus = false, wrong = false, help }: EntryProps) {
  const input = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => {
    if (focus) input.current?.focus();
  }, []);
  const described = help ? { 'aria-describedby': `login-${name}-help` } : {};
  const attributes = { ...described, id: `login-${name}`, ref: input, name, autocomplete, autocapitalize: 'none' as const, spellcheck: false, 'aria-invalid': wrong, defaultValue: value };
  return (
    <div class="entry">
      <label for={`login-${name}`}>{label}</label>
      {secret ? <input type="password" {...attributes} /> : <input type="text" {...attributes} />}
      {help && (
        <span id={`login-${name}-help`} class="help">
          {help}
        </span>
      )}
    </div>
  );
}
