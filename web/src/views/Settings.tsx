import { useEffect, useState } from 'preact/hooks';
import { useApp } from '../app';
import { problemOf } from '../api/client';
import type { NamedAddress, NamedNetwork, Problem, SettingName, Settings, SettingsDocument } from '../api/types';
import { durationWords, exactBytes, parseBytes, parseGoDuration, plural, shortDuration, typedDuration } from '../lib/format';
import { ProblemNote } from '../parts/Problem';
import { others } from '../state/checks';
import type { Theme } from '../state/prefs';
import { useResource } from '../state/resource';
import { formatRoute, goTo } from '../state/route';
import { People } from './People';
import { SignalSettings } from './SignalSettings';
import { SourceSettings } from './Sources';

interface FieldSpec {
  name: SettingName;
  title: string;
  help: string;
  /** How its value is written: a duration, a size, entries on lines, entries after each other, or one of a few. */
  kind: 'duration' | 'bytes' | 'lines' | 'commas' | 'choice';
  /** What a duration or size of nothing means, where it may be that. */
  zero?: string;
  /** What an entry looks like. */
  example?: string;
  choices?: readonly (readonly [string, string])[];
}

const PRIVATE =
  'Addresses of these are yours, all others are the Internet. The private networks always are internal: ' +
  '10/8, 172.16/12, 192.168/16, link-local and IPv6 unique local. One CIDR per line.';

const GROUPS: readonly { title: string; fields: readonly FieldSpec[] }[] = [
  {
    title: 'Ageing and history',
    fields: [
      { name: 'ageing', title: 'Ageing limit', help: 'A connection with nothing open for this long is drawn dashed.', kind: 'duration' },
      { name: 'hide_after', title: 'Hide after', help: 'Old connections and gone services leave the chart after this; 0s: never.', kind: 'duration', zero: 'never' },
      {
        name: 'expire_after',
        title: 'Forget after',
        help: 'Old connections, gone services and silent nodes are forgotten for good after this; 0s: never.',
        kind: 'duration',
        zero: 'never',
      },
      { name: 'stale_after', title: 'Stale after', help: 'A node silent for longer is stale.', kind: 'duration' },
      {
        name: 'retention',
        title: 'Keep the history',
        help: 'Events, and what the chart looked like, are kept for this long; 0s: for ever.',
        kind: 'duration',
        zero: 'for ever',
      },
      {
        name: 'retention_bytes',
        title: 'Room for the history',
        help: 'Beyond this the oldest history goes, however young; 0: no limit. The ledger of uses does not count.',
        kind: 'bytes',
        zero: 'no limit',
      },
      {
        name: 'key_frames',
        title: 'Record the numbers',
        help: 'Counts and rates of a node that changed are recorded this often; what appears or vanishes is recorded at once. 0s: with such changes only.',
        kind: 'duration',
        zero: 'with changes only',
      },
      {
        name: 'ledger_retention',
        title: 'Remember uses',
        help: 'For this long after the last use it is known who used a service; 0s: for ever.',
        kind: 'duration',
        zero: 'for ever',
      },
      { name: 'audit_retention', title: 'Remember changes', help: 'For this long it is known who changed what; 0s: for ever.', kind: 'duration', zero: 'for ever' },
    ],
  },
  {
    title: 'Results of checks',
    fields: [{ name: 'check_expiry', title: 'Forget stale checks after', help: 'A result that nobody renews turns stale after three of its intervals, and leaves the chart after this; 0s: never.', kind: 'duration', zero: 'never' }],
  },
  {
    title: 'Nodes that are asked',
    fields: [{ name: 'poll_interval', title: 'Ask every', help: 'Time between two questions to a node that is asked over SSH or in plain text.', kind: 'duration' }],
  },
  {
    title: 'Networks, addresses and names',
    fields: [
      { name: 'internal_networks', title: 'Internal networks', help: PRIVATE, kind: 'lines' },
      {
        name: 'outside_networks',
        title: 'Outside networks',
        help: 'Known ones outside, each a box of its own beside the Internet. One per line: its name, a colon, its CIDRs.',
        kind: 'lines',
        example: 'provider: 198.51.100.0/24, 2001:db8::/32',
      },
      {
        name: 'internet_split',
        title: 'Divide the Internet',
        help: 'Into a box for each that the files of option geoip in dotm.yaml know.',
        kind: 'choice',
        choices: [
          ['none', 'not at all'],
          ['country', 'by country'],
          ['owner', 'by network owner'],
        ],
      },
      {
        name: 'virtual_addresses',
        title: 'Virtual addresses',
        help: 'Addresses that move between nodes, or sit on several. Most are found by themselves. One per line: the address, then its name.',
        kind: 'lines',
        example: '10.0.0.100 shop',
      },
      {
        name: 'names',
        title: 'Names',
        help: 'Of addresses that don’t report themselves. One per line: the address, then its name.',
        kind: 'lines',
        example: '10.0.0.7 printer',
      },
      {
        name: 'names_by',
        title: 'Other names from',
        help: 'Who else is asked what such addresses are called. Only with DNS anything leaves the server.',
        kind: 'choice',
        choices: [
          ['none', 'nobody'],
          ['hosts', 'the server’s hosts file'],
          ['resolver', 'the hosts file, then DNS'],
        ],
      },
    ],
  },
  {
    title: 'Left out of the chart',
    fields: [
      { name: 'ignored_ports', title: 'Ignored ports', help: 'Left out of the chart until asked, separated by commas.', kind: 'commas' },
      { name: 'ignored_names', title: 'Ignored names', help: 'Processes left out of the chart until asked. One per line.', kind: 'lines' },
    ],
  },
];

/** A setting as the text of its input. */
export function toText(settings: Settings, name: SettingName): string {
  switch (name) {
    case 'ignored_ports':
      return settings.ignored_ports.join(', ');
    case 'internal_networks':
    case 'ignored_names':
      return settings[name].join('\n');
    case 'virtual_addresses':
    case 'names':
      return settings[name].map((n) => `${n.address} ${n.name}`.trim()).join('\n');
    case 'outside_networks':
      return settings.outside_networks.map((n) => `${n.name}: ${n.networks.join(', ')}`).join('\n');
    case 'retention_bytes':
      return settings.retention_bytes > 0 ? exactBytes(settings.retention_bytes) : '0';
    case 'names_by':
    case 'internet_split':
      return settings[name];
    default:
      return shortDuration(settings[name] ?? '');
  }
}

/** `10.0.0.7 printer`. */
function namedAddress(line: string): NamedAddress {
  const [, address = '', name = ''] = /^(\S+)\s*(.*)$/.exec(line) ?? [];
  return { address, name };
}

/** `provider: 198.51.100.0/24, 2001:db8::/32`. */
function namedNetwork(line: string): NamedNetwork {
  const at = line.indexOf(':');
  if (at < 0) return { name: line, networks: [] };
  return { name: line.slice(0, at).trim(), networks: line.slice(at + 1).split(/[\s,]+/).filter(Boolean) };
}

/**
 * The text of an input as the API wants it. A port that is no number goes as it
 * is: the server names the rule that it breaks.
 */
export function fromText(name: SettingName, text: string): Partial<Settings> {
  const words = text.split(/[\s,]+/).filter(Boolean);
  const lines = text.split('\n').map((l) => l.trim()).filter(Boolean);
  switch (name) {
    case 'ignored_ports':
      return { ignored_ports: words.map((w) => (/^\d+$/.test(w) ? Number(w) : (w as unknown as number))) };
    case 'ignored_names':
      return { ignored_names: lines };
    case 'internal_networks':
      return { internal_networks: words };
    case 'outside_networks':
      return { outside_networks: lines.map(namedNetwork) };
    case 'virtual_addresses':
    case 'names':
      return { [name]: lines.map(namedAddress) };
    case 'retention_bytes':
      return { retention_bytes: sizeOf(text) };
    case 'names_by':
    case 'internet_split':
      return { [name]: text };
    default:
      return { [name]: typedDuration(text) };
  }
}

/** A size in bytes; what is none goes as it is. */
function sizeOf(text: string): number {
  const n = parseBytes(text);
  return Number.isNaN(n) ? (text.trim() as unknown as number) : n;
}

/** What a problem says about one field; its details name it somewhere in their location. */
export function errorsFor(problem: Problem, name: SettingName): string[] {
  const of = (problem.errors ?? []).filter((e) => !e.location || e.location.split(/[./[\]]/).includes(name));
  const text = of.map((e) => (e.value === undefined ? e.message : `${e.message}, is ${plain(e.value)}`));
  return text.length > 0 ? text : [problem.detail || problem.title];
}

/** A value as the server wrote it: text has its quotes already, if it needs them. */
function plain(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** A duration in words, `35 days`; '' where it is none. */
export function inUnits(text: string, zero = ''): string {
  const typed = typedDuration(text);
  return parseGoDuration(typed) === 0 ? zero : durationWords(typed);
}

/** A value in words, beside its input; '' where there is nothing to add. */
function inOtherWords({ kind, zero }: FieldSpec, text: string): string {
  if (kind === 'bytes') return parseBytes(text) === 0 ? (zero ?? '') : '';
  return kind === 'duration' ? inUnits(text, zero) : '';
}

export function SettingsView() {
  const { client, session, storeAway } = useApp();
  const { data, problem, reload } = useResource('settings', '', (s) => client.settings(s));
  const [saved, setSaved] = useState<SettingsDocument | null>(null);
  const current = saved ?? data;
  return (
    <div class="scroll">
      <div class="headline">
        <h1>Settings</h1>
        <VersionLine />
      </div>
      {problem && <ProblemNote problem={problem} onRetry={reload} />}
      {storeAway.value && <p class="critical-text">Settings can’t be changed while the store is away.</p>}
      <fieldset class="whole-form" disabled={storeAway.value}>
        <SourceSettings />
        <MappingLine />
        {current &&
          GROUPS.map(({ title, fields }) => (
            <div key={title} class="form">
              <h2 class="head">{title}</h2>
              {fields
                .filter((spec) => spec.name in current.settings)
                .map((spec) => (
                  <Field
                    key={spec.name}
                    spec={spec}
                    text={toText(current.settings, spec.name)}
                    locked={current.locked?.includes(spec.name) ?? false}
                    readOnly={!session.mayAdmit.value && !(session.mayChange.value && spec.name === 'names')}
                    save={async (text) => setSaved(await client.patchSettings(fromText(spec.name, text)))}
                  />
                ))}
            </div>
          ))}
        {current?.settings.signals && (
          <SignalSettings
            signals={current.settings.signals}
            locked={current.locked?.includes('signals') ?? false}
            readOnly={!session.mayAdmit.value}
            save={async (signals) => setSaved(await client.patchSettings({ signals }))}
          />
        )}
        <People />
      </fieldset>
      <BrowserSettings />
    </div>
  );
}

/** The way to the rules by which checks find their services. */
function MappingLine() {
  const { route, sources } = useApp();
  const read = others(sources.value);
  if (read.length === 0) return null;
  const checks = read.reduce((n, s) => n + s.checks, 0);
  const unmapped = read.reduce((n, s) => n + s.unmapped, 0);
  return (
    <div class="form">
      <h2 class="head">Check mapping</h2>
      <p class="ink2">
        Why each of {plural(checks, 'check')} belongs to its service{unmapped > 0 ? `, and ${unmapped} to no node` : ''}; rules and aliases that say otherwise.{' '}
        <a href={formatRoute(goTo(route.value, 'mapping'))}>Check mapping</a>
      </p>
    </div>
  );
}

function VersionLine() {
  const { version } = useApp();
  return version.value && <span class="ink2">dotm {version.value.version}</span>;
}

interface FieldProps {
  spec: FieldSpec;
  text: string;
  /** dotm.yaml names it. */
  locked: boolean;
  /** This login may only look. */
  readOnly: boolean;
  save: (text: string) => Promise<void>;
}

function Field({ spec, text, locked, readOnly, save }: FieldProps) {
  return (
    <div class="field">
      <label for={`setting-${spec.name}`}>
        {spec.title}
        <span class="help">{spec.help}</span>
      </label>
      {locked || readOnly ? <Locked spec={spec} text={text} fixed={locked} /> : <Editor spec={spec} text={text} save={save} />}
    </div>
  );
}

/** What is in force where it cannot be changed here. */
function Locked({ spec, text, fixed }: { spec: FieldSpec; text: string; fixed: boolean }) {
  const words = inOtherWords(spec, text) || spec.choices?.find(([value]) => value === text)?.[1];
  const shown = words || text.split('\n').join(', ') || 'none';
  return (
    <div class="control">
      <span id={`setting-${spec.name}`}>{shown}</span>
      {fixed && <span class="chip">set in dotm.yaml</span>}
    </div>
  );
}

function Editor({ spec, text, save }: Omit<FieldProps, 'locked' | 'readOnly'>) {
  const [draft, setDraft] = useState(text);
  const [errors, setErrors] = useState<string[]>([]);
  const [state, setState] = useState<'' | 'saving' | 'saved'>('');
  useEffect(() => setDraft(text), [text]);
  const id = `setting-${spec.name}`;
  const send = async (value: string): Promise<void> => {
    setState('saving');
    try {
      await save(value);
      setErrors([]);
      setState('saved');
    } catch (error) {
      setErrors(errorsFor(problemOf(error), spec.name));
      setState('');
    }
  };
  const attributes = {
    id,
    spellcheck: false,
    value: draft,
    'aria-invalid': errors.length > 0,
    'aria-describedby': `${id}-error`,
    onInput: (event: { currentTarget: { value: string } }) => {
      setDraft(event.currentTarget.value);
      setState('');
    },
  };
  if (spec.kind === 'choice') return <Choice spec={spec} text={text} errors={errors} choose={(value) => void send(value)} />;
  const rows = spec.kind === 'commas' ? 3 : Math.min(8, Math.max(3, text.split('\n').length));
  return (
    <form
      class="control"
      onSubmit={(event) => {
        event.preventDefault();
        void send(draft);
      }}
    >
      {spec.kind === 'duration' || spec.kind === 'bytes' ? (
        <div class="beside">
          <input type="text" {...attributes} />
          <output for={id}>{inOtherWords(spec, draft)}</output>
        </div>
      ) : (
        <textarea {...attributes} rows={rows} placeholder={spec.example ?? ''} />
      )}
      <div id={`${id}-error`} role="alert">
        {errors.map((e) => (
          <div key={e} class="error">
            {e}
          </div>
        ))}
      </div>
      {(draft !== text || state !== '') && (
        <button type="submit" class={draft === text ? '' : 'strong'} disabled={state === 'saving' || draft === text}>
          {state === 'saved' && draft === text ? 'Saved' : 'Save'}
        </button>
      )}
    </form>
  );
}

interface ChoiceProps {
  spec: FieldSpec;
  text: string;
  errors: readonly string[];
  choose: (value: string) => void;
}

/** One of a few; chosen is saved. */
function Choice({ spec, text, errors, choose }: ChoiceProps) {
  return (
    <div class="control">
      <select id={`setting-${spec.name}`} value={text} onChange={(event) => choose(event.currentTarget.value)}>
        {spec.choices?.map(([value, title]) => (
          <option key={value} value={value} selected={value === text}>
            {title}
          </option>
        ))}
      </select>
      <div role="alert">
        {errors.map((e) => (
          <div key={e} class="error">
            {e}
          </div>
        ))}
      </div>
    </div>
  );
}

const THEMES: readonly (readonly [Theme, string])[] = [
  ['system', 'as the system'],
  ['light', 'light'],
  ['dark', 'dark'],
];

function BrowserSettings() {
  const { prefs } = useApp();
  return (
    <div class="form">
      <h2 class="head">This browser</h2>
      <div class="field" role="radiogroup" aria-label="Theme">
        <span class="label">
          Theme
          <span class="help">The key d switches between light and dark.</span>
        </span>
        <div class="control choice">
          {THEMES.map(([value, title]) => (
            <label key={value}>
              <input type="radio" name="theme" checked={prefs.theme.value === value} onChange={() => (prefs.theme.value = value)} />
              {title}
            </label>
          ))}
        </div>
      </div>
      <div class="field" role="radiogroup" aria-label="Times">
        <span class="label">
          Times
          <span class="help">Every time on the pages says which it is.</span>
        </span>
        <div class="control choice">
          {[false, true].map((utc) => (
            <label key={String(utc)}>
              <input type="radio" name="times" checked={prefs.utc.value === utc} onChange={() => (prefs.utc.value = utc)} />
              {utc ? 'UTC' : 'local time'}
            </label>
          ))}
        </div>
      </div>
    </div>
  );
}
