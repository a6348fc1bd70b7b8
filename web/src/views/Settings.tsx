import { useEffect, useState } from 'preact/hooks';
import { useApp } from '../app';
import { problemOf } from '../api/client';
import type { Problem, SettingName, Settings, SettingsDocument } from '../api/types';
import { goDuration, parseGoDuration } from '../lib/format';
import { ProblemNote } from '../parts/Problem';
import type { Theme } from '../state/prefs';
import { useResource } from '../state/resource';

interface FieldSpec {
  name: SettingName;
  title: string;
  help: string;
  /** How its value is written: a duration, entries on lines, or entries after each other. */
  kind: 'duration' | 'lines' | 'commas';
  /** What a duration of nothing means, where it may be that. */
  zero?: string;
}

const PRIVATE =
  'Addresses of these are yours, all others are the Internet. The private networks always are internal: ' +
  '10/8, 172.16/12, 192.168/16, link-local and IPv6 unique local. One CIDR per line.';

const FIELDS: readonly FieldSpec[] = [
  { name: 'ageing', title: 'Ageing limit', help: 'A connection with nothing open for this long is drawn dashed.', kind: 'duration' },
  { name: 'hide_after', title: 'Hide after', help: 'Old connections and gone services leave the chart after this; 0s: never.', kind: 'duration', zero: 'never' },
  { name: 'stale_after', title: 'Stale after', help: 'A node silent for longer is stale.', kind: 'duration' },
  { name: 'retention', title: 'Keep events', help: 'Events are kept for this long; 0s: for ever.', kind: 'duration', zero: 'for ever' },
  { name: 'internal_networks', title: 'Internal networks', help: PRIVATE, kind: 'lines' },
  { name: 'ignored_ports', title: 'Ignored ports', help: 'Left out of the chart until asked, separated by commas.', kind: 'commas' },
  { name: 'ignored_names', title: 'Ignored names', help: 'Processes left out of the chart until asked. One per line.', kind: 'lines' },
];

/** A setting as the text of its input. */
export function toText(settings: Settings, name: SettingName): string {
  const value = settings[name];
  return Array.isArray(value) ? value.join(name === 'ignored_ports' ? ', ' : '\n') : value;
}

/**
 * The text of an input as the API wants it. A port that is no number goes as it
 * is: the server names the rule that it breaks.
 */
export function fromText(name: SettingName, text: string): Partial<Settings> {
  const lines = text.split(/[\s,]+/).filter(Boolean);
  if (name === 'ignored_ports') return { ignored_ports: lines.map((l) => (/^\d+$/.test(l) ? Number(l) : (l as unknown as number))) };
  if (name === 'ignored_names') return { ignored_names: text.split('\n').map((l) => l.trim()).filter(Boolean) };
  if (name === 'internal_networks') return { internal_networks: lines };
  return { [name]: text.trim() };
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

/** A duration in words, `35 d`; '' where that says no more than its text. */
export function inUnits(text: string, zero = ''): string {
  if (parseGoDuration(text.trim()) === 0) return zero;
  const words = goDuration(text.trim());
  return words === text.trim() ? '' : words;
}

export function SettingsView() {
  const { client } = useApp();
  const { data, problem, reload } = useResource('settings', '', (s) => client.settings(s));
  const [saved, setSaved] = useState<SettingsDocument | null>(null);
  const current = saved ?? data;
  return (
    <div class="scroll">
      <h1>Settings</h1>
      <div class="form">
        <div class="section-head">
          <h3>This dotm</h3>
          <VersionLine />
        </div>
        {problem && <ProblemNote problem={problem} onRetry={reload} />}
        {current &&
          FIELDS.map((spec) => (
            <Field
              key={spec.name}
              spec={spec}
              text={toText(current.settings, spec.name)}
              locked={current.locked?.includes(spec.name) ?? false}
              save={async (text) => setSaved(await client.patchSettings(fromText(spec.name, text)))}
            />
          ))}
      </div>
      <BrowserSettings />
    </div>
  );
}

function VersionLine() {
  const { version } = useApp();
  return version.value && <span>version {version.value.version}</span>;
}

interface FieldProps {
  spec: FieldSpec;
  text: string;
  locked: boolean;
  save: (text: string) => Promise<void>;
}

function Field({ spec, text, locked, save }: FieldProps) {
  return (
    <div class="field">
      <label for={`setting-${spec.name}`}>
        {spec.title}
        <span class="help">{spec.help}</span>
      </label>
      {locked ? <Locked spec={spec} text={text} /> : <Editor spec={spec} text={text} save={save} />}
    </div>
  );
}

function Locked({ spec, text }: { spec: FieldSpec; text: string }) {
  const shown = spec.kind === 'duration' ? inUnits(text, spec.zero) || text : text.split('\n').join(', ') || 'none';
  return (
    <div class="control">
      <span id={`setting-${spec.name}`}>{shown}</span>
      <span class="chip">set in dotm.yaml</span>
    </div>
  );
}

function Editor({ spec, text, save }: Omit<FieldProps, 'locked'>) {
  const [draft, setDraft] = useState(text);
  const [errors, setErrors] = useState<string[]>([]);
  const [state, setState] = useState<'' | 'saving' | 'saved'>('');
  useEffect(() => setDraft(text), [text]);
  const id = `setting-${spec.name}`;
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setState('saving');
    try {
      await save(draft);
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
  const rows = spec.kind === 'commas' ? 3 : Math.min(8, Math.max(3, text.split('\n').length));
  return (
    <form class="control" onSubmit={(event) => void submit(event)}>
      {spec.kind === 'duration' ? (
        <div class="beside">
          <input type="text" {...attributes} />
          <output for={id}>{inUnits(draft, spec.zero)}</output>
        </div>
      ) : (
        <textarea {...attributes} rows={rows} />
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

const THEMES: readonly (readonly [Theme, string])[] = [
  ['system', 'as the system'],
  ['light', 'light'],
  ['dark', 'dark'],
];

function BrowserSettings() {
  const { prefs } = useApp();
  return (
    <div class="form">
      <h3>This browser</h3>
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
