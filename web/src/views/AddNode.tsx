import { type ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { useApp } from '../app';
import { problemOf } from '../api/client';
import type { NewToken, Problem, Target } from '../api/types';
import { capital, plural } from '../lib/format';
import { Command } from '../parts/Command';
import { Dialog } from '../parts/Dialog';
import { Moment } from '../parts/Time';
import { errorsOf } from '../state/problem';

/** The ways in which a node can report. */
export type AddWay = 'agent' | 'ssh' | 'text';

const WAYS: readonly { way: AddWay; title: string; what: string }[] = [
  { way: 'agent', title: 'Agent', what: 'dotm runs there and sends what it sees. Shows the most: every process, containers, short connections, health.' },
  { way: 'ssh', title: 'SSH', what: 'Nothing is installed there. dotm logs in as an ordinary user, once a minute, and runs one fixed command.' },
  { way: 'text', title: 'Plain text', what: 'For nodes that run the original agent, or dotm agent with --listen-text. Not encrypted.' },
];

interface Props {
  way?: AddWay;
  /** An address to begin with. */
  address?: string;
  zone?: string;
  onClose: () => void;
  onAdded: (target: Target) => void;
}

/** Three ways to bring a node onto the chart. */
export function AddNode({ way: first = 'agent', address = '', zone = '', onClose, onAdded }: Props) {
  const [way, setWay] = useState(first);
  const chosen = WAYS.find((w) => w.way === way);
  return (
    <Dialog title="Add a node" onClose={onClose} class="add">
      <div class="segments" role="group" aria-label="How it reports">
        {WAYS.map((w) => (
          <button key={w.way} type="button" aria-pressed={w.way === way} onClick={() => setWay(w.way)}>
            {w.title}
          </button>
        ))}
      </div>
      <p class="ink2">{chosen?.what}</p>
      {way === 'agent' && <ByAgent />}
      {way === 'ssh' && (
        <>
          <Asked key="ssh" scheme="ssh" placeholder="dotm@db1" address={address} zone={zone} onAdded={onAdded} />
          <SSHSetup />
        </>
      )}
      {way === 'text' && (
        <>
          <Asked key="text" scheme="text" placeholder="db1" address={address} zone={zone} onAdded={onAdded} />
          <section>
            <h3>On the node</h3>
            <p class="ink2">The original agent answers on port 4848. Without it, dotm speaks the same language, to this server alone:</p>
            <Command text="dotm agent --listen-text :4848 --allow ADDRESS-OF-THIS-SERVER" />
          </section>
        </>
      )}
    </Dialog>
  );
}

/** The address by which the browser, and so most likely a node, reaches this server. */
export function ownAddress(href: string): string {
  return new URL('.', href).href.replace(/\/$/, '');
}

/** Whether an address means whoever uses it: this browser's machine has another name for others. */
export function isOwnAddress(address: string): boolean {
  return /^(localhost|127\.[\d.]+|\[::1\])$/.test(new URL(address).hostname);
}

/** Said where the browser's own way to the server is none for others. */
function OwnWay({ server }: { server: string }) {
  if (!isOwnAddress(server)) return null;
  return <p class="small warning-text">{new URL(server).hostname} is this machine to itself: put the server’s name there instead.</p>;
}

/** A numbered step. */
export function Step({ n, title, children }: { n: number; title: string; children: ComponentChildren }) {
  return (
    <section class="step">
      <span class="step-number" aria-hidden="true">
        {n}
      </span>
      <div>
        <b>{title}</b>
        {children}
      </div>
    </section>
  );
}

/** How an agent is run on another node and let in. */
export function ByAgent() {
  const { version } = useApp();
  const server = ownAddress(location.href);
  const v = version.value;
  if (v?.loopback) {
    return (
      <section>
        <b>Other hosts cannot reach this dotm yet.</b>
        <p class="ink2">
          It listens on <code>{v.listen}</code>. Stop it, and run it for others; it keeps what it knows if <code>--data</code> is the same:
        </p>
        <Command text="dotm serve --listen :4849" />
        <p class="ink2">It then makes a certificate of its own and prints a link with which you log in.</p>
      </section>
    );
  }
  if (v?.insecure) {
    return (
      <section>
        <p class="ink2">This server was started with --insecure: agents need no token, and what they send is not encrypted.</p>
        <h3>On the node</h3>
        <Command text={`sudo dotm agent --server ${server}`} />
        <OwnWay server={server} />
      </section>
    );
  }
  return (
    <>
      <Step n={1} title="A token to enrol with">
        <TokenMaker />
      </Step>
      <Step n={2} title="Into a file on the node, which only root can read">
        <Command text="sudo sh -c 'umask 077; cat > /etc/dotm.token'" />
        <p class="small ink3">Paste the token, then Enter and Ctrl D. On a command line ps would show it to everybody.</p>
      </Step>
      <Step n={3} title="Run the agent there">
        <Command text={`sudo dotm agent --server ${server} --token-file /etc/dotm.token`} />
        <OwnWay server={server} />
        <p class="small ink3">The token names this server’s certificate, so that the agent talks to no other. Its zone, if the site has several: --zone NAME.</p>
      </Step>
    </>
  );
}

const USES: readonly (readonly [number, string])[] = [
  [1, 'for one machine'],
  [0, 'for any number of machines'],
];

/** Makes a token and shows it this once. */
function TokenMaker() {
  const { client, session } = useApp();
  const [uses, setUses] = useState(1);
  const [made, setMade] = useState<NewToken | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const make = async (): Promise<void> => {
    setProblem(null);
    try {
      setMade(await client.createToken({ uses, expires_in: '24h' }));
    } catch (error) {
      setProblem(problemOf(error));
    }
  };
  if (made) {
    return (
      <>
        <Command text={made.token} />
        <p class="small ink3">
          Shown this once. Good {USES.find(([n]) => n === uses)?.[1]} until <Moment at={made.expires} />.
        </p>
      </>
    );
  }
  return (
    <>
      {session.mayAdmit.value && (
        <div class="buttons start">
          <button type="button" class="strong" onClick={() => void make()}>
            Make a token
          </button>
          <select aria-label="For how many machines" value={String(uses)} onChange={(event) => setUses(Number(event.currentTarget.value))}>
            {USES.map(([n, title]) => (
              <option key={n} value={String(n)}>
                {title}, 24 hours
              </option>
            ))}
          </select>
        </div>
      )}
      <div role="alert">{problem && <p class="error">{capital(problem.detail || problem.title)}</p>}</div>
      <p class="small ink3">{session.mayAdmit.value ? 'Or on the server’s machine:' : 'Only an admin makes tokens; or on the server’s machine:'}</p>
      <Command text="dotm token create" />
    </>
  );
}

interface AskedProps {
  scheme: 'ssh' | 'text';
  placeholder: string;
  address: string;
  zone: string;
  onAdded: (target: Target) => void;
}

/** Whatever somebody writes as the address, with or without its scheme. */
export function targetURL(scheme: string, address: string): string {
  const text = address.trim();
  return /^[a-z]+:\/\//i.test(text) ? text : `${scheme}://${text}`;
}

/** The form of a node that the server asks. */
function Asked({ scheme, placeholder, address, zone, onAdded }: AskedProps) {
  const { client } = useApp();
  const [draft, setDraft] = useState({ url: address.replace(`${scheme}://`, ''), zone, name: '' });
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  const errors = problem ? errorsOf(problem, ['url', 'zone', 'name']) : null;
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    try {
      const { zone: in_, name } = draft;
      onAdded(await client.addNode({ url: targetURL(scheme, draft.url), ...(in_.trim() ? { zone: in_.trim() } : {}), ...(name.trim() ? { name: name.trim() } : {}) }));
    } catch (error) {
      setProblem(problemOf(error));
      setBusy(false);
    }
  };
  const field = (key: keyof typeof draft, label: string, help: string, hint = '') => (
    <div class="entry">
      <label for={`add-${key}`}>{label}</label>
      <input
        id={`add-${key}`}
        type="text"
        class="mono"
        spellcheck={false}
        autocapitalize="none"
        autocomplete="off"
        placeholder={hint}
        value={draft[key]}
        aria-invalid={Boolean(errors?.fields[key])}
        aria-describedby={`add-${key}-said`}
        onInput={(event) => setDraft({ ...draft, [key]: event.currentTarget.value })}
      />
      <span id={`add-${key}-said`} role="alert" class={errors?.fields[key] ? 'error' : 'help'}>
        {errors?.fields[key] ?? help}
      </span>
    </div>
  );
  const port = scheme === 'ssh' ? 'USER@HOST, with :PORT if it is not 22' : 'HOST, with :PORT if it is not 4848';
  return (
    <form class="entries" onSubmit={(event) => void submit(event)}>
      {field('url', 'Address', port, placeholder)}
      <div class="pair">
        {field('zone', 'Zone', 'Only where addresses repeat in the site')}
        {field('name', 'Name', 'Only if it shall be called otherwise')}
      </div>
      <div role="alert">{errors?.other && <p class="error">{errors.other}</p>}</div>
      <div class="buttons start">
        <button type="submit" class="strong" disabled={busy || !draft.url.trim()}>
          Add it
        </button>
      </div>
    </form>
  );
}

/** What a node needs so that it can be asked over SSH. */
function SSHSetup() {
  return (
    <section>
      <h3>What must be set up before</h3>
      <ol class="steps small">
        <li>
          On the node, an ordinary user: <Command text="useradd --create-home --shell /bin/sh dotm" />
        </li>
        <li>
          The server’s key, tied to the one command, as a line of the user’s <code>.ssh/authorized_keys</code>. On the server this prints it:{' '}
          <Command text="dotm node ssh-command --for authorized_keys < ~/.ssh/id_ed25519.pub" />
        </li>
        <li>
          To see every process, not that user’s alone, one line in sudoers for reading sockets: <Command text="dotm node ssh-command --for sudoers" />
        </li>
        <li>
          On the server, the node’s host key in <code>~/.ssh/known_hosts</code>: a host that is not known there is refused, with its fingerprint.
        </li>
      </ol>
      <p class="small ink3">
        The fixed command itself, to read before you trust it: <code>dotm node ssh-command</code> prints it. It takes no input and only reads.
      </p>
    </section>
  );
}

/** `1 of 3 machines` for a token's uses. */
export function usesText(uses: number, used: number): string {
  return uses === 0 ? `${plural(used, 'machine')}, any number` : `${used} of ${plural(uses, 'machine')}`;
}
