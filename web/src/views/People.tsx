import type { ComponentChildren } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { useApp } from '../app';
import { problemOf } from '../api/client';
import type { APIToken, ListedSession, LoginLink, Problem, Role, User } from '../api/types';
import { capital, figure, span } from '../lib/format';
import { Command } from '../parts/Command';
import { Confirm, Dialog } from '../parts/Dialog';
import { ProblemNote } from '../parts/Problem';
import { type Column, Table } from '../parts/Table';
import { Age, Moment } from '../parts/Time';
import { useResource, useTurn } from '../state/resource';
import { AuditLog } from './AuditLog';
import { PasswordForm } from './PasswordForm';

export const ROLES: readonly (readonly [Role, string])[] = [
  ['viewer', 'viewer: reads'],
  ['operator', 'operator: takes care, maps, arranges'],
  ['admin', 'admin: everything'],
];

const time = (at: string | undefined): number => (at ? Date.parse(at) : 0);

function act(title: string, of: string, run: () => void) {
  return (
    <button type="button" class="plain" aria-label={`${title} ${of}`} onClick={run}>
      {title}
    </button>
  );
}

/** Who and what may come in, who is in, and who changed what. Where nobody needs to log in there may be none of it. */
export function People() {
  const { session } = useApp();
  if (session.role.value === 'admin') {
    return (
      <>
        <Users />
        <Tokens />
        <Sessions />
        <AuditLog />
      </>
    );
  }
  return session.user.value ? <Sessions /> : null;
}

/** A choice of roles. */
export function RoleSelect({ label, value, onChoose }: { label: string; value: Role; onChoose: (role: Role) => void }) {
  return (
    <select aria-label={label} value={value} onChange={(event) => onChoose(event.currentTarget.value as Role)}>
      {ROLES.map(([role, title]) => (
        <option key={role} value={role} selected={role === value}>
          {title}
        </option>
      ))}
    </select>
  );
}

interface UserActs {
  role: (u: User, role: Role) => void;
  link: (u: User) => void;
  remove: (u: User) => void;
}

function userColumns(acts: UserActs): readonly Column<User>[] {
  return [
    { key: 'name', title: 'User', class: 'strong', value: (u) => u.name, cell: (u) => u.name },
    {
      key: 'role',
      title: 'Role',
      value: (u) => u.role,
      cell: (u) => (u.name === 'admin' ? 'admin: everything' : <RoleSelect label={`Role of ${u.name}`} value={u.role} onChoose={(role) => acts.role(u, role)} />),
    },
    {
      key: 'password',
      title: 'Password',
      cell: (u) => (
        <>
          {u.password ? 'set' : 'none yet'}
          {u.link_expires && (
            <span class="ink3">
              , a link for <Left until={u.link_expires} />
            </span>
          )}
        </>
      ),
    },
    { key: 'login', title: 'Last login', class: 'number time', descending: true, value: (u) => time(u.last_login), cell: (u) => (u.last_login ? <Age at={u.last_login} /> : 'never') },
    {
      key: 'acts',
      title: '',
      class: 'acts',
      cell: (u) =>
        u.name !== 'admin' && (
          <>
            {act('New link', `for ${u.name}`, () => acts.link(u))}
            {act('Remove', u.name, () => acts.remove(u))}
          </>
        ),
    },
  ];
}

/** How long until a moment. */
function Left({ until }: { until: string }) {
  const { now } = useApp();
  return <time dateTime={until}>{span(Math.max(0, Date.parse(until) - now.value))}</time>;
}

/** The users whose passwords are kept here. */
function Users() {
  const { client } = useApp();
  const { data, problem, reload } = useResource('users', '', (s) => client.users(s));
  const [adding, setAdding] = useState(false);
  const [link, setLink] = useState<{ user: string; made: LoginLink } | null>(null);
  const [removing, setRemoving] = useState<User | null>(null);
  const [failed, setFailed] = useState('');
  const attempt = async (run: () => Promise<void>): Promise<void> => {
    try {
      await run();
      setFailed('');
    } catch (error) {
      const { detail, title } = problemOf(error);
      setFailed(capital(detail || title));
    }
    reload();
  };
  const columns = useMemo(
    () =>
      userColumns({
        role: (u, role) => void attempt(() => client.setRole(u.name, role)),
        link: (u) => void attempt(async () => setLink({ user: u.name, made: await client.userLink(u.name) })),
        remove: setRemoving,
      }),
    [reload],
  );
  if (problem?.status === 404) return null;
  return (
    <section class="access" aria-label="People">
      <div class="section-head">
        <h2 class="head">People</h2>
        {data && <span>{figure(data.users.length)}</span>}
      </div>
      {problem && <ProblemNote problem={problem} onRetry={reload} />}
      {data && <Table label="Users" columns={columns} items={data.users} id={(u) => u.name} sort={{ key: 'name', descending: false }} empty="Nobody has a login yet; this machine needs none." />}
      <div role="alert">{failed && <p class="error">{failed}</p>}</div>
      <div class="buttons start">
        <button type="button" onClick={() => setAdding(true)}>
          Add a user
        </button>
      </div>
      {adding && (
        <AddUser
          onClose={() => setAdding(false)}
          onAdded={(user, made) => {
            setAdding(false);
            setLink({ user, made });
            reload();
          }}
        />
      )}
      {link && (
        <Dialog title={`A link for ${link.user}`} onClose={() => setLink(null)}>
          <p class="ink2">
            Hand this to {link.user}, over a way that nobody else reads: whoever opens it sets the password. It works once, until <Moment at={link.made.expires} />.
          </p>
          <Command text={link.made.url} />
        </Dialog>
      )}
      {removing && (
        <Confirm
          title={`Remove ${removing.name}?`}
          action="Remove"
          run={async () => {
            await client.removeUser(removing.name);
            reload();
          }}
          onClose={() => setRemoving(null)}
        >
          Their sessions end at once. Tokens that they made stay: look through them, too.
        </Confirm>
      )}
    </section>
  );
}

interface AddUserProps {
  onClose: () => void;
  onAdded: (user: string, made: LoginLink) => void;
}

function AddUser({ onClose, onAdded }: AddUserProps) {
  const { client } = useApp();
  const [name, setName] = useState('');
  const [role, setRole] = useState<Role>('viewer');
  return (
    <Making
      title="Add a user"
      action="Add"
      ready={name.trim() !== ''}
      onClose={onClose}
      make={async () => onAdded(name.trim(), await client.addUser(name.trim(), role))}
    >
      <div class="entry">
        <label for="user-name">Name</label>
        <input id="user-name" type="text" spellcheck={false} autocapitalize="none" autocomplete="off" value={name} onInput={(event) => setName(event.currentTarget.value)} />
        <span class="help">They set their own password, by a link that you hand them.</span>
      </div>
      <RoleSelect label="Role" value={role} onChoose={setRole} />
    </Making>
  );
}

interface MakingProps {
  title: string;
  action: string;
  ready: boolean;
  make: () => Promise<void>;
  onClose: () => void;
  children: ComponentChildren;
}

/** A dialog that makes something, and says why that was refused. */
function Making({ title, action, ready, make, onClose, children }: MakingProps) {
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    try {
      await make();
    } catch (error) {
      setProblem(problemOf(error));
      setBusy(false);
    }
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form class="entries" onSubmit={(event) => void submit(event)}>
        {children}
        <div role="alert">{problem && <p class="error">{capital(problem.detail || problem.title)}</p>}</div>
        <div class="buttons">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="strong" disabled={busy || !ready}>
            {action}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function tokenColumns(end: (t: APIToken) => void): readonly Column<APIToken>[] {
  return [
    { key: 'name', title: 'Token', class: 'strong', value: (t) => t.name, cell: (t) => t.name },
    { key: 'role', title: 'Opens', value: (t) => (t.embed ? 'a chart' : t.role), cell: (t) => (t.embed ? <span title={decodeURIComponent(t.embed.query)}>one chart as {t.embed.formats.join(', ')}</span> : t.role) },
    { key: 'by', title: 'Made by', class: 'roomy third', value: (t) => t.by, cell: (t) => t.by },
    { key: 'created', title: 'Made', class: 'number time roomy', descending: true, value: (t) => time(t.created), cell: (t) => <Age at={t.created} /> },
    { key: 'expires', title: 'Until', class: 'time', value: (t) => time(t.expires), cell: (t) => (t.expires ? <Moment at={t.expires} /> : 'it is ended') },
    {
      key: 'used',
      title: 'Last used',
      class: 'time',
      descending: true,
      value: (t) => time(t.used),
      cell: (t) => (t.used ? <><Age at={t.used} />{t.used_from && <span class="ink3"> from {t.used_from}</span>}</> : 'never'),
    },
    { key: 'acts', title: '', class: 'acts', cell: (t) => act('End', t.name, () => end(t)) },
  ];
}

const LIVES: readonly (readonly [string, string])[] = [
  ['720h', '30 days'],
  ['2160h', '90 days'],
  ['8760h', 'a year'],
  ['', 'no end'],
];

/** The tokens of scripts. */
function Tokens() {
  const { client } = useApp();
  const { data, problem, reload } = useResource('api-tokens', '', (s) => client.apiTokens(s));
  const [making, setMaking] = useState(false);
  const [made, setMade] = useState<(APIToken & { token: string }) | null>(null);
  const [ending, setEnding] = useState<APIToken | null>(null);
  const columns = useMemo(() => tokenColumns(setEnding), []);
  if (problem?.status === 404) return null;
  return (
    <section class="access" aria-label="API tokens">
      <div class="section-head">
        <h2 class="head">API tokens</h2>
        {data && data.tokens.length > 0 && <span>{figure(data.tokens.length)}</span>}
      </div>
      <p class="ink2">For scripts, exports and Prometheus, which send one with each request; links for embedding, which Export on the chart makes, show one chart and open nothing else.</p>
      {problem && <ProblemNote problem={problem} onRetry={reload} />}
      {data && data.tokens.length > 0 && <Table label="API tokens" columns={columns} items={data.tokens} id={(t) => t.id} sort={{ key: 'name', descending: false }} />}
      <div class="buttons start">
        <button type="button" onClick={() => setMaking(true)}>
          Make an API token
        </button>
      </div>
      {making && (
        <MakeToken
          onClose={() => setMaking(false)}
          onMade={(token) => {
            setMaking(false);
            setMade(token);
            reload();
          }}
        />
      )}
      {made && (
        <Dialog title={made.name} onClose={() => setMade(null)}>
          <p class="ink2">Shown this once. It goes into the head of requests:</p>
          <Command text={`Authorization: Bearer ${made.token}`} />
        </Dialog>
      )}
      {ending && (
        <Confirm
          title={`End the token ${ending.name}?`}
          action="End it"
          run={async () => {
            await client.dropAPIToken(ending.id);
            reload();
          }}
          onClose={() => setEnding(null)}
        >
          What uses it is refused from now on.
        </Confirm>
      )}
    </section>
  );
}

function MakeToken({ onClose, onMade }: { onClose: () => void; onMade: (token: APIToken & { token: string }) => void }) {
  const { client } = useApp();
  const [name, setName] = useState('');
  const [role, setRole] = useState<Role>('viewer');
  const [life, setLife] = useState('2160h');
  return (
    <Making
      title="Make an API token"
      action="Make it"
      ready={name.trim() !== ''}
      onClose={onClose}
      make={async () => onMade(await client.createAPIToken({ name: name.trim(), role, ...(life ? { expires_in: life } : {}) }))}
    >
      <div class="entry">
        <label for="token-name">What it is for</label>
        <input id="token-name" type="text" spellcheck={false} autocomplete="off" value={name} onInput={(event) => setName(event.currentTarget.value)} />
      </div>
      <RoleSelect label="Role" value={role} onChoose={setRole} />
      <select aria-label="How long it may be used" value={life} onChange={(event) => setLife(event.currentTarget.value)}>
        {LIVES.map(([value, title]) => (
          <option key={value} value={value} selected={value === life}>
            {title}
          </option>
        ))}
      </select>
    </Making>
  );
}

function sessionColumns(end: (s: ListedSession) => void): readonly Column<ListedSession>[] {
  return [
    {
      key: 'user',
      title: 'User',
      class: 'strong',
      value: (s) => s.user,
      cell: (s) => (
        <>
          {s.user} {s.this && <span class="chip">this one</span>}
        </>
      ),
    },
    { key: 'how', title: 'Logged in by', value: (s) => s.how, cell: (s) => s.how },
    { key: 'since', title: 'Since', class: 'number time', descending: true, value: (s) => time(s.created), cell: (s) => <Age at={s.created} /> },
    { key: 'used', title: 'Used', class: 'number time', descending: true, value: (s) => time(s.used), cell: (s) => <Age at={s.used} /> },
    { key: 'from', title: 'From', class: 'mono roomy', value: (s) => s.address ?? '', cell: (s) => s.address ?? null },
    { key: 'program', title: 'Browser', class: 'roomy third', value: (s) => s.program ?? '', cell: (s) => <span title={s.program}>{(s.program ?? '').slice(0, 40)}</span> },
    { key: 'acts', title: '', class: 'acts', cell: (s) => act('End', `the session of ${s.user}`, () => end(s)) },
  ];
}

/** Who is logged in: oneself, for an admin everybody. */
function Sessions() {
  const { client, session, now } = useApp();
  const turn = useTurn(now, 30_000);
  const { data, problem, reload } = useResource('sessions', String(turn), (s) => client.sessions(s));
  const [ending, setEnding] = useState<ListedSession | null>(null);
  const columns = useMemo(() => sessionColumns(setEnding), []);
  if (problem?.status === 404) return null;
  return (
    <section class="access" aria-label="Sessions">
      <div class="section-head">
        <h2 class="head">{session.mayAdmit.value ? 'Sessions' : 'Your sessions'}</h2>
        {data && data.sessions.length > 0 && <span>{figure(data.sessions.length)}</span>}
      </div>
      {problem && <ProblemNote problem={problem} onRetry={reload} />}
      {data && <Table label="Sessions" columns={columns} items={data.sessions} id={(s) => s.id} sort={{ key: 'used', descending: true }} empty="Nobody is logged in." />}
      {session.how.value === 'password' && <PasswordForm onChanged={reload} />}
      {ending && (
        <Confirm
          title={ending.this ? 'End this session?' : `End the session of ${ending.user}?`}
          action="End it"
          run={async () => {
            await client.endSession(ending.id);
            if (ending.this) await session.check();
            else reload();
          }}
          onClose={() => setEnding(null)}
        >
          {ending.this ? 'You are logged out here.' : `They must log in again, from ${ending.address ?? 'wherever that is'}.`}
        </Confirm>
      )}
    </section>
  );
}
