import { useState } from 'preact/hooks';
import { useApp } from '../app';
import { problemOf } from '../api/client';
import type { Problem, Source, SourceKind, SourceOptions, SourceTest } from '../api/types';
import { capital, durationWords, figure, plural, shortDuration, typedDuration } from '../lib/format';
import { HintText } from '../parts/Command';
import { Confirm, Dialog } from '../parts/Dialog';
import { ProblemNote } from '../parts/Problem';
import type { StateName } from '../parts/shapes';
import { StateIcon } from '../parts/StateIcon';
import { Age, Since } from '../parts/Time';
import { KINDS } from '../state/checks';
import { errorsOf } from '../state/problem';
import { useResource } from '../state/resource';
import { formatRoute, goTo } from '../state/route';

/** How sources are is read again this often while somebody looks, ms. */
const AGAIN_MS = 3_000;

const STATES: Readonly<Record<Source['state'], readonly [StateName, string]>> = {
  ok: ['OK', 'read'],
  new: ['PENDING', 'not read yet'],
  failing: ['WARNING', 'can’t be read'],
  stale: ['CRITICAL', 'can’t be read: its checks are stale'],
};

/** The kind that a link asks to add. */
function sourceKind(word: string): SourceKind | undefined {
  return (Object.keys(KINDS) as SourceKind[]).find((kind) => kind === word);
}

/** The monitoring systems that are read: how they are, and the ways to add, change, try and remove one. */
export function SourceSettings() {
  const { client, now, session, sources, route } = useApp();
  const { data, problem, reload } = useResource('source list', String(Math.floor(now.value / AGAIN_MS)), async (s) => {
    const list = (await client.sources(s)).sources ?? [];
    sources.value = list;
    return list;
  });
  const asked = sourceKind(route.value.find);
  const [editing, setEditing] = useState<Source | 'new' | null>(asked ? 'new' : null);
  return (
    <div class="form">
      <div class="section-head">
        <h2 class="head">Monitoring sources</h2>
        {data && data.length > 0 && <span>{figure(data.length)}</span>}
      </div>
      {problem && <ProblemNote problem={problem} onRetry={reload} />}
      {data?.length === 0 && (
        <p class="ink2">No monitoring system is read. With one, each alert stands on the service that it is about.</p>
      )}
      <div class="sources-list">{data?.map((s) => <SourceItem key={s.name} source={s} onEdit={() => setEditing(s)} onChanged={reload} />)}</div>
      <div class="source-add">
        {session.mayAdmit.value && (
          <button type="button" class={data?.length === 0 ? 'strong' : ''} onClick={() => setEditing('new')}>
            Add a source
          </button>
        )}
        {session.mayChange.value && <RefreshAll sources={data ?? []} onDone={reload} />}
      </div>
      {editing && (
        <SourceForm
          source={editing === 'new' ? null : editing}
          {...(asked ? { kind: asked } : {})}
          onClose={() => setEditing(null)}
          onSaved={() => {
            setEditing(null);
            reload();
          }}
        />
      )}
    </div>
  );
}

/** Has all sources read now, where there are several that are read. */
function RefreshAll({ sources, onDone }: { sources: readonly Source[]; onDone: () => void }) {
  const { client } = useApp();
  const [said, setSaid] = useState('');
  if (sources.filter((s) => s.kind !== 'passive').length < 2) return null;
  const refresh = async (): Promise<void> => {
    try {
      await client.refreshSources();
      setSaid('');
      onDone();
    } catch (error) {
      const { detail, title } = problemOf(error);
      setSaid(capital(detail || title));
    }
  };
  return (
    <>
      <button type="button" onClick={() => void refresh()}>
        Refresh all now
      </button>
      {said && (
        <span class="error" role="alert">
          {said}
        </span>
      )}
    </>
  );
}

/** What a source says it is: `Icinga 2 r2.14`, and what was read of it. */
export function sourceLine({ program, version, kind, hosts, checks, unmapped }: Pick<Source, 'program' | 'version' | 'kind' | 'hosts' | 'checks' | 'unmapped'>): string {
  const what = [program || (kind ? KINDS[kind] : ''), version].filter(Boolean).join(' ');
  const counts = `${plural(hosts, 'host')}, ${plural(checks, 'check')}${unmapped > 0 ? `, ${figure(unmapped)} of no node` : ''}`;
  return what ? `${what}: ${counts}` : counts;
}

interface ItemProps {
  source: Source;
  onEdit: () => void;
  onChanged: () => void;
}

function SourceItem({ source, onEdit, onChanged }: ItemProps) {
  const { client, session, route } = useApp();
  const [removing, setRemoving] = useState(false);
  const [said, setSaid] = useState('');
  const [shape, word] = (source.kind === 'passive' || source.built_in) && source.state === 'ok' ? (['OK', source.built_in ? 'sees the sockets' : 'takes results'] as const) : STATES[source.state];
  const refresh = async (): Promise<void> => {
    try {
      await client.refreshSource(source.name);
      setSaid('');
      onChanged();
    } catch (error) {
      const { detail, title } = problemOf(error);
      setSaid(capital(detail || title));
    }
  };
  return (
    <section class="source" aria-label={source.name}>
      <div class="source-name">
        <StateIcon state={shape} silent />
        <b>{source.name}</b>
        <span class={source.state === 'failing' || source.state === 'stale' ? 'warning-text' : 'ink2'}>{word}</span>
        {source.state !== 'new' && source.state !== 'ok' && (
          <span class="ink3">
            <Since at={source.since} />
          </span>
        )}
        {source.fixed && <span class="chip">set in dotm.yaml</span>}
        {source.built_in && <span class="chip">built in</span>}
      </div>
      <div class="source-acts">
        {session.mayChange.value && source.kind !== 'passive' && !source.built_in && (
          <button type="button" class="plain" onClick={() => void refresh()}>
            Refresh now
          </button>
        )}
        {session.mayAdmit.value && !source.fixed && !source.built_in && (
          <>
            <button type="button" class="plain" onClick={onEdit}>
              Edit
            </button>
            <button type="button" class="plain" onClick={() => setRemoving(true)}>
              Remove
            </button>
          </>
        )}
      </div>
      <div class="source-more">
        <span class="ink2">
          {source.built_in ? `Trouble that the sockets show: ${plural(source.checks, 'signal')}; switched off under Signals, below` : source.last_read ? sourceLine({ ...source, unmapped: 0 }) : `${source.kind ? KINDS[source.kind] : 'Monitoring'}, never read so far`}
          {source.last_read && !source.built_in && (
            <>
              , {source.kind === 'passive' ? 'the last' : 'read'} <Age at={source.last_read} />
            </>
          )}
          {source.watching && ', and it tells of changes by itself'}
        </span>
        {source.url && <span class="mono ink3">{source.url}</span>}
        {source.error && <Trouble text={source.error.text} hint={source.error.hint} />}
        {(source.notes ?? []).map((n) => (
          <Trouble key={`${n.code} ${n.text}`} text={n.text} hint={n.hint} note />
        ))}
        {source.unmapped > 0 && <a href={formatRoute({ ...goTo(route.value, 'checks'), checks: ['unmapped'] })}>{plural(source.unmapped, 'check')} of no node</a>}
        {said && (
          <p class="error" role="alert">
            {said}
          </p>
        )}
      </div>
      {removing && (
        <Confirm
          title={`Remove ${source.name}?`}
          action="Remove"
          run={async () => {
            await client.removeSource(source.name);
            onChanged();
          }}
          onClose={() => setRemoving(false)}
        >
          It is not read any more, and its {plural(source.checks, 'check')} leave the chart. Nothing changes in the monitoring system.
        </Confirm>
      )}
    </section>
  );
}

/** What is wrong with a source and what to do, as text whatever it is. */
function Trouble({ text, hint, note = false }: { text: string; hint?: string | undefined; note?: boolean }) {
  return (
    <div class={note ? 'small' : ''}>
      <span class={note ? 'ink2' : 'warning-text'}>{capital(text)}</span>
      {hint && <HintText hint={hint} />}
    </div>
  );
}

interface Draft {
  name: string;
  kind: SourceKind | '';
  url: string;
  user: string;
  password: string;
  interval: string;
  link: string;
  ca_file: string;
  server_name: string;
  skip_verify: boolean;
  acknowledge: boolean;
}

function draftOf(s: Source | null): Draft {
  return {
    name: s?.name ?? '',
    kind: s?.kind ?? '',
    url: s?.url ?? '',
    user: s?.user ?? '',
    password: '',
    interval: s?.interval ? shortDuration(s.interval) : '10s',
    link: s?.link ?? '',
    ca_file: s?.tls?.ca_file ?? '',
    server_name: s?.tls?.server_name ?? '',
    skip_verify: s?.tls?.skip_verify ?? false,
    acknowledge: s?.acknowledge ?? false,
  };
}

/** What is sent: what is left empty is left out. */
export function optionsOf(d: Draft): SourceOptions {
  const text = (key: 'user' | 'link' | 'ca_file' | 'server_name'): string => d[key].trim();
  const tls = { ...(text('ca_file') ? { ca_file: text('ca_file') } : {}), ...(text('server_name') ? { server_name: text('server_name') } : {}), ...(d.skip_verify ? { skip_verify: true } : {}) };
  return {
    name: d.name.trim(),
    kind: d.kind,
    url: d.kind === 'passive' ? '' : d.url.trim(),
    ...(text('user') ? { user: text('user') } : {}),
    ...(d.password ? { password: d.password } : {}),
    ...(d.interval.trim() && d.kind !== 'passive' ? { interval: typedDuration(d.interval) } : {}),
    ...(Object.keys(tls).length > 0 ? { tls } : {}),
    ...(text('link') ? { link: text('link') } : {}),
    ...(d.acknowledge ? { acknowledge: true } : {}),
  };
}

/** What else is said of a kind where it is chosen. */
const OPTION_WORDS: Partial<Record<SourceKind, string>> = { icinga: ', or Nagios’ classic pages', passive: ': results are sent to dotm' };

/** Where each kind answers, for example. */
const PLACES: Readonly<Record<SourceKind | '', string>> = {
  '': 'https://monitoring.example/',
  nagios: 'https://nagios.example/nagios4',
  icinga: 'https://icinga.example/icinga',
  icinga2: 'https://icinga.example:5665',
  livestatus: 'tcp://nagios.example:6557',
  alertmanager: 'http://alertmanager.example:9093',
  zabbix: 'https://zabbix.example/zabbix',
  passive: '',
  signals: '',
};

/** A source that can't be read is refused with a word for programs at its address; the sentence is the problem's. */
function inWords(problem: Problem): Problem {
  const { detail, errors = [] } = problem;
  return { ...problem, errors: errors.map((e) => (detail && /^[a-z]+$/.test(e.message) ? { ...e, message: detail } : e)) };
}

interface FormProps {
  source: Source | null;
  /** The kind of a new one. */
  kind?: SourceKind;
  onClose: () => void;
  onSaved: () => void;
}

/** Adds a source or changes one; tries it before, if asked. */
function SourceForm({ source, kind, onClose, onSaved }: FormProps) {
  const { client } = useApp();
  const [draft, setDraft] = useState({ ...draftOf(source), ...(kind && !source ? { kind } : {}) });
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState<'' | 'test' | 'save'>('');
  const [found, setFound] = useState<SourceTest | null>(null);
  const errors = problem ? errorsOf(inWords(problem), ['name', 'kind', 'url', 'user', 'password', 'interval', 'link', 'ca_file', 'server_name', 'skip_verify']) : null;
  const passive = draft.kind === 'passive';
  const change = (of: Partial<Draft>): void => {
    setDraft({ ...draft, ...of });
    setFound(null);
  };
  const run = async (what: 'test' | 'save'): Promise<void> => {
    setBusy(what);
    setProblem(null);
    setFound(null);
    try {
      const options = optionsOf(draft);
      if (what === 'test') setFound(await client.testSource(options.name ? options : { ...options, name: 'new' }));
      else {
        await (source ? client.changeSource(options) : client.addSource(options));
        onSaved();
        return;
      }
    } catch (error) {
      setProblem(problemOf(error));
    }
    setBusy('');
  };
  const field = (key: 'name' | 'url' | 'user' | 'password' | 'interval' | 'link' | 'ca_file' | 'server_name', label: string, help: string, more: { type?: 'password'; placeholder?: string; disabled?: boolean } = {}) => (
    <div class="entry">
      <label for={`source-${key}`}>{label}</label>
      <input
        id={`source-${key}`}
        {...(more.type ? { type: more.type } : { type: 'text' as const })}
        class={key === 'name' || key === 'password' ? '' : 'mono'}
        spellcheck={false}
        autocapitalize="none"
        autocomplete={key === 'password' ? 'new-password' : 'off'}
        placeholder={more.placeholder ?? ''}
        disabled={more.disabled ?? false}
        value={draft[key]}
        aria-invalid={Boolean(errors?.fields[key])}
        aria-describedby={`source-${key}-said`}
        onInput={(event) => change({ [key]: event.currentTarget.value })}
      />
      <span id={`source-${key}-said`} role="alert" class={errors?.fields[key] ? 'error' : 'help'}>
        {errors?.fields[key] ?? help}
      </span>
    </div>
  );
  const words = durationWords(typedDuration(draft.interval));
  return (
    <Dialog title={source ? `Change ${source.name}` : 'Add a monitoring source'} onClose={onClose}>
      <form
        class="entries"
        onSubmit={(event) => {
          event.preventDefault();
          void run('save');
        }}
      >
        <div class="pair">
          {field('name', 'Name', source ? 'A source keeps its name.' : 'By which you know it', { disabled: source !== null, placeholder: 'icinga' })}
          <div class="entry">
            <label for="source-kind">Kind</label>
            <select id="source-kind" value={draft.kind} onChange={(event) => change({ kind: event.currentTarget.value as Draft['kind'] })}>
              <option value="" selected={draft.kind === ''}>
                find it out
              </option>
              {(Object.keys(KINDS) as SourceKind[]).filter((k) => k !== 'signals').map((k) => (
                <option key={k} value={k} selected={draft.kind === k}>
                  {KINDS[k]}{OPTION_WORDS[k] ?? ''}
                </option>
              ))}
            </select>
            {errors?.fields.kind && <span class="error">{errors.fields.kind}</span>}
          </div>
        </div>
        {passive ? (
          <p class="ink2">
            Nothing is asked: scripts and notification commands send results with <code>dotm check submit</code> or <code>POST /api/v1/checks</code>.
          </p>
        ) : (
          <>
            {field('url', 'Address', 'Of its pages or its API; unix:///… and file:///… are on dotm’s own host', { placeholder: PLACES[draft.kind] })}
            <div class="pair">
              {field('user', 'User', 'Empty where there is no login, or a token alone')}
              {field('password', 'Password or token', source?.login ? 'Empty keeps the one that is known.' : 'Kept by dotm, never shown again', { type: 'password' })}
            </div>
            {field('interval', 'Read every', words ? `That is ${words}.` : 'Such as 10s or 1 minute')}
            <details open={Boolean(draft.ca_file || draft.server_name || draft.skip_verify || draft.link || errors?.fields.ca_file || errors?.fields.link)}>
              <summary>Encryption and links</summary>
              <div class="entries">
                <div class="pair">
                  {field('ca_file', 'CA file', 'On dotm’s host, PEM; empty: those of the system')}
                  {field('server_name', 'Server name', 'Of the certificate, where it is not the address’s')}
                </div>
                <div class="entry">
                  <label class="check-box">
                    <input type="checkbox" checked={draft.skip_verify} onChange={(event) => change({ skip_verify: event.currentTarget.checked })} />
                    <span>Trust any certificate. Whoever stands between can then read the password and change what is said.</span>
                  </label>
                  {errors?.fields.skip_verify && <span class="error">{errors.fields.skip_verify}</span>}
                </div>
                {field('link', 'Its pages', 'Where people see it, if that is not the address')}
              </div>
            </details>
          </>
        )}
        {!passive && (
          <div class="entry">
            <label class="check-box">
              <input type="checkbox" checked={draft.acknowledge} onChange={(event) => change({ acknowledge: event.currentTarget.checked })} />
              <span>Admins may acknowledge its alerts from dotm. Otherwise dotm only reads.</span>
            </label>
          </div>
        )}
        <div role="alert">{errors?.other && <p class="error">{errors.other}</p>}</div>
        {found && <Found test={found} />}
        <div class="buttons start">
          <button type="submit" class="strong" disabled={busy !== '' || !draft.name.trim() || (!passive && !draft.url.trim())}>
            {source ? 'Save' : 'Add it'}
          </button>
          {!passive && (
            <button type="button" disabled={busy !== '' || !draft.url.trim()} onClick={() => void run('test')}>
              {busy === 'test' ? 'Reading it…' : 'Test'}
            </button>
          )}
        </div>
      </form>
    </Dialog>
  );
}

/** What a test found; nothing of it is kept. */
function Found({ test }: { test: SourceTest }) {
  return (
    <div class="found-test" role="status">
      <span class="signal">
        <StateIcon state="OK" silent /> It answers{test.took_ms !== undefined ? ` within ${figure(test.took_ms)} ms` : ''}.
      </span>
      <span>{sourceLine(test)}</span>
      {(test.notes ?? []).map((n) => (
        <Trouble key={`${n.code} ${n.text}`} text={n.text} hint={n.hint} note />
      ))}
    </div>
  );
}
