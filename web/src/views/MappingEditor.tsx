import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { useApp } from '../app';
import { isAborted, problemOf } from '../api/client';
import type { Check, MappingRule, MappingSettings, Moved, Problem, SettingsDocument } from '../api/types';
import { figure, plural } from '../lib/format';
import { Icon } from '../parts/Icon';
import { Moves } from '../parts/Moves';
import { ProblemNote } from '../parts/Problem';
import { type RuleField, type Wrongs, NOTHING_WRONG, decidedBy, moved, portText, sameSettings, trimmed, withPort, wrongsOf } from '../state/mapping';
import { useResource } from '../state/resource';

/** A pause in typing after which it is asked what would move, ms. */
const PAUSE_MS = 400;

/** A rule or alias being written; `was` is its place in the settings, -1 for a new one. */
interface RuleDraft {
  key: number;
  was: number;
  rule: MappingRule;
}

interface AliasDraft {
  key: number;
  host: string;
  node: string;
}

interface Draft {
  rules: readonly RuleDraft[];
  aliases: readonly AliasDraft[];
}

let keys = 0;

function draftOf({ aliases, mapping }: MappingSettings): Draft {
  return {
    rules: mapping.map((rule, was) => ({ key: ++keys, was, rule })),
    aliases: Object.entries(aliases)
      .sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }))
      .map(([host, node]) => ({ key: ++keys, host, node })),
  };
}

/** What is said of empty lines is nothing: they are left out. */
function settingsOf({ rules, aliases }: Draft): MappingSettings {
  return {
    mapping: rules.map(({ rule }) => trimmed(rule)),
    aliases: Object.fromEntries(aliases.filter((a) => a.host || a.node).map((a) => [a.host, a.node])),
  };
}

/** Why aliases can't be sent: of one host two say something else, as no document can. */
function clash({ aliases }: Draft): Wrongs {
  const seen = new Map<string, string>();
  const wrong = new Map<string, string>();
  for (const { host, node } of aliases) {
    if (seen.has(host) && seen.get(host) !== node) wrong.set(host, 'Another line says something else of this host');
    seen.set(host, node);
  }
  return { ...NOTHING_WRONG, aliases: wrong };
}

function kept({ settings: { aliases = {}, mapping = [] } }: SettingsDocument): MappingSettings {
  return { aliases, mapping };
}

interface Props {
  checks: readonly Check[];
  /** Changes when somebody wrote a rule elsewhere on the page. */
  turn: number;
  onSaved: () => void;
}

/** The rules and aliases of the settings: changed here, looked at, then saved. */
export function MappingEditor({ checks, turn, onSaved }: Props) {
  const { client, route } = useApp();
  // A correction made in the sheet above this page writes a rule, too.
  const { data, problem, reload } = useResource('mapping settings', `${turn} ${route.value.check}`, (s) => client.settings(s));
  if (problem) return <ProblemNote problem={problem} onRetry={reload} />;
  if (!data) return null;
  return (
    <Editor
      doc={data}
      checks={checks}
      onSaved={() => {
        reload();
        onSaved();
      }}
    />
  );
}

function Editor({ doc, checks, onSaved }: { doc: SettingsDocument; checks: readonly Check[]; onSaved: () => void }) {
  const { client, session } = useApp();
  const now = kept(doc);
  const [base, setBase] = useState(now);
  const [draft, setDraft] = useState(() => draftOf(now));
  const [wrongs, setWrongs] = useState(NOTHING_WRONG);
  const [busy, setBusy] = useState(false);
  const locked = (name: 'mapping' | 'aliases'): boolean => doc.locked?.includes(name) ?? false;
  const wanted = settingsOf(draft);
  const dirty = !sameSettings(base, wanted);
  const overtaken = dirty && !sameSettings(base, now);
  const restore = (): void => {
    setBase(now);
    setDraft(draftOf(now));
    setWrongs(NOTHING_WRONG);
  };
  useEffect(() => {
    if (!dirty && !sameSettings(base, now)) restore();
  }, [doc]);
  const change = (next: Draft): void => {
    setDraft(next);
    setWrongs(clash(next));
  };
  const preview = usePreview(dirty && clash(draft).aliases.size === 0 ? wanted : null, (problem) => setWrongs(problem ? wrongsOf(problem) : NOTHING_WRONG));
  const save = async (): Promise<void> => {
    setBusy(true);
    try {
      const { settings } = await client.patchSettings({
        ...(sameSettings({ ...base, mapping: wanted.mapping }, base) ? {} : { mapping: wanted.mapping }),
        ...(sameSettings({ ...base, aliases: wanted.aliases }, base) ? {} : { aliases: wanted.aliases }),
      });
      const saved = { aliases: settings.aliases ?? {}, mapping: settings.mapping ?? [] };
      setBase(saved);
      setDraft(draftOf(saved));
      setWrongs(NOTHING_WRONG);
      onSaved();
    } catch (error) {
      setWrongs(wrongsOf(problemOf(error)));
    }
    setBusy(false);
  };
  const may = session.mayChange.value;
  const faulty = wrongs.rules.size + wrongs.aliases.size > 0;
  return (
    <form
      class="mapping-editor"
      onSubmit={(event) => {
        event.preventDefault();
        if (dirty && !faulty && !busy) void save();
      }}
    >
      <Rules draft={draft} base={base} checks={checks} fixed={locked('mapping')} may={may} wrongs={wrongs} onChange={change} />
      <Aliases draft={draft} fixed={locked('aliases')} may={may} wrongs={wrongs} onChange={change} />
      {(dirty || wrongs.other) && (
        <section class="consequence" aria-label="What saving changes">
          <div role="status">
            {overtaken && <p class="warning-text">Somebody else changed the rules meanwhile. Saving puts these in their place.</p>}
            {preview && !faulty && <Moves moves={preview} of={checks.length} none="Saving moves no check." />}
          </div>
          <div role="alert">
            {wrongs.other && <p class="error">{wrongs.other}</p>}
            {faulty && <p class="error">{plural(wrongs.rules.size + wrongs.aliases.size, 'field')} above can’t be saved so.</p>}
          </div>
          <div class="buttons start">
            <button type="submit" class="strong" disabled={busy || faulty || !dirty}>
              Save
            </button>
            <button type="button" disabled={busy} onClick={restore}>
              Undo the changes
            </button>
          </div>
        </section>
      )}
    </form>
  );
}

/** What settings would move, asked for when typing pauses; null until it is known. */
function usePreview(settings: MappingSettings | null, tell: (problem: Problem | null) => void): readonly Moved[] | null {
  const { client } = useApp();
  const [found, setFound] = useState<{ key: string; moves: readonly Moved[] } | null>(null);
  const key = settings ? JSON.stringify(settings) : '';
  useEffect(() => {
    if (!settings) return undefined;
    const abort = new AbortController();
    const timer = setTimeout(() => {
      client.previewMapping(settings, abort.signal).then(
        ({ moves }) => {
          setFound({ key, moves: moves ?? [] });
          tell(null);
        },
        (error: unknown) => {
          if (!isAborted(error)) tell(problemOf(error));
        },
      );
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [key]);
  return found && found.key === key ? found.moves : null;
}

interface PartProps {
  draft: Draft;
  /** dotm.yaml sets it. */
  fixed: boolean;
  may: boolean;
  wrongs: Wrongs;
  onChange: (draft: Draft) => void;
}

const HEADS: readonly (readonly [RuleField, string, string])[] = [
  ['check', 'Check name', 'backend'],
  ['host', 'Monitored host', 'any'],
  ['process', 'Process', 'any'],
  ['port', 'Port', 'any'],
  ['node', 'Node', 'the host’s own'],
];

function Rules({ draft, base, checks, fixed, may, wrongs, onChange }: PartProps & { base: MappingSettings; checks: readonly Check[] }) {
  const decided = useMemo(() => decidedBy(base.mapping, checks), [base, checks]);
  const asked = useRef(0);
  const put = (rules: readonly RuleDraft[]): void => onChange({ ...draft, rules });
  const add = (): void => {
    asked.current = ++keys;
    put([...draft.rules, { key: asked.current, was: -1, rule: {} }]);
  };
  const readOnly = fixed || !may;
  return (
    <section>
      <div class="section-head">
        <h2 class="head">Rules</h2>
        {fixed && <span class="chip">set in dotm.yaml</span>}
      </div>
      <p class="small ink3">The first rule that fits a check and leads to a service decides. Check, host and process are regular expressions (RE2) that don’t mind case; a port may be 53 or 53/udp.</p>
      {draft.rules.length === 0 && <p class="ink2 no-rules">No rule so far: all checks are mapped by what they say themselves.</p>}
      {draft.rules.length > 0 && (
        <div class="rules" role="table" aria-label="Rules">
          <div class="rule rule-heads" role="row">
            <span role="columnheader">Name</span>
            {HEADS.map(([field, title]) => (
              <span key={field} role="columnheader">
                {title}
              </span>
            ))}
            <span role="columnheader" class="number">
              Checks
            </span>
            <span role="columnheader" class="hidden">
              Move and remove
            </span>
          </div>
          {draft.rules.map((d, i) => (
            <RuleRow
              key={d.key}
              draft={d}
              index={i}
              last={draft.rules.length - 1}
              asked={asked.current === d.key}
              readOnly={readOnly}
              decided={d.was >= 0 && JSON.stringify(trimmed(d.rule)) === JSON.stringify(trimmed(base.mapping[d.was] ?? {})) ? (decided[d.was] ?? []) : null}
              wrongs={wrongs}
              onRule={(rule) => put(draft.rules.map((other) => (other.key === d.key ? { ...d, rule } : other)))}
              onMove={(to) => put(moved(draft.rules, i, to))}
              onRemove={() => put(draft.rules.filter((other) => other.key !== d.key))}
            />
          ))}
        </div>
      )}
      {!readOnly && (
        <div class="buttons start">
          <button type="button" onClick={add}>
            Add a rule
          </button>
          {draft.rules.length > 1 && <span class="small ink3 keys-hint">Alt ↑ and Alt ↓ move the rule that is written in</span>}
        </div>
      )}
    </section>
  );
}

interface RowProps {
  draft: RuleDraft;
  index: number;
  last: number;
  /** It was just added: it has the focus. */
  asked: boolean;
  readOnly: boolean;
  /** The checks that it decided on; null while it is not known. */
  decided: readonly Check[] | null;
  wrongs: Wrongs;
  onRule: (rule: MappingRule) => void;
  onMove: (to: number) => void;
  onRemove: () => void;
}

function RuleRow({ draft: { rule, was }, index, last, asked, readOnly, decided, wrongs, onRule, onMove, onRemove }: RowProps) {
  const first = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => {
    if (asked) first.current?.focus();
  }, []);
  const set = (field: RuleField, text: string): void => {
    onRule(field === 'port' ? withPort(rule, text) : { ...rule, [field]: text });
  };
  const cell = (field: RuleField, title: string, hint: string) => {
    const wrong = wrongs.rules.get(`${index}.${field}`) ?? (field === 'port' ? wrongs.rules.get(`${index}.protocol`) : undefined);
    const value = field === 'port' ? portText(rule) : (rule[field] ?? '');
    if (readOnly) {
      return (
        <span key={field} role="cell" class={`rule-${field}`} data-label={title}>
          {value ? <code>{value}</code> : <span class="ink3">{hint === 'backend' ? 'any' : hint}</span>}
        </span>
      );
    }
    return (
      <span key={field} role="cell" class={`rule-${field}`} data-label={title}>
        <input
          {...(field === 'check' ? { ref: first } : {})}
          type="text"
          class={field === 'name' ? '' : 'mono'}
          aria-label={`${title} of rule ${index + 1}`}
          placeholder={hint}
          spellcheck={false}
          autocapitalize="none"
          autocomplete="off"
          {...(field === 'node' ? { list: 'mapping-nodes' } : {})}
          value={value}
          aria-invalid={Boolean(wrong)}
          onInput={(event) => set(field, event.currentTarget.value)}
        />
        {wrong && (
          <span class="error" role="alert">
            {wrong}
          </span>
        )}
      </span>
    );
  };
  const onKey = (event: KeyboardEvent): void => {
    const step = event.altKey && event.key === 'ArrowUp' ? -1 : event.altKey && event.key === 'ArrowDown' ? 1 : 0;
    if (step === 0 || readOnly) return;
    event.preventDefault();
    const to = index + step;
    if (to < 0 || to > last) return;
    onMove(to);
    // Where the browser moves the row's element, the focus is lost.
    const { target } = event;
    if (target instanceof HTMLElement) setTimeout(() => target.focus(), 0);
  };
  return (
    <div class="rule" role="row" aria-label={`Rule ${index + 1}`} onKeyDown={onKey}>
      {cell('name', 'Name', `rule ${index + 1}`)}
      {HEADS.map(([field, title, hint]) => cell(field, title, hint))}
      <span role="cell" class="number rule-count" data-label="Checks" title={decided && decided.length > 0 ? `For example ${decided[0]?.name ?? ''} of ${decided[0]?.host ?? ''}` : ''}>
        {decided ? figure(decided.length) : <span class="ink3">{was < 0 ? 'new' : 'changed'}</span>}
      </span>
      <span role="cell" class="rule-acts">
        {!readOnly && (
          <>
            <button type="button" class="plain" aria-label={`Move rule ${index + 1} up`} disabled={index === 0} onClick={() => onMove(index - 1)}>
              <Icon name="up" />
            </button>
            <button type="button" class="plain" aria-label={`Move rule ${index + 1} down`} disabled={index === last} onClick={() => onMove(index + 1)}>
              <Icon name="down" />
            </button>
            <button type="button" class="plain" aria-label={`Remove rule ${index + 1}`} onClick={onRemove}>
              <Icon name="close" />
            </button>
          </>
        )}
      </span>
    </div>
  );
}

/** What monitored hosts are called on the chart, where that is something else. */
function Aliases({ draft, fixed, may, wrongs, onChange }: PartProps) {
  const { feed } = useApp();
  const asked = useRef(0);
  const readOnly = fixed || !may;
  const put = (aliases: readonly AliasDraft[]): void => onChange({ ...draft, aliases });
  const set = (key: number, to: Partial<AliasDraft>): void => put(draft.aliases.map((a) => (a.key === key ? { ...a, ...to } : a)));
  const add = (): void => {
    asked.current = ++keys;
    put([...draft.aliases, { key: asked.current, host: '', node: '' }]);
  };
  const names = [...(feed.topology.value?.nodes.values() ?? [])].filter((n) => n.kind !== 'internet' && n.kind !== 'network').map((n) => n.name);
  return (
    <section>
      <div class="section-head">
        <h2 class="head">Aliases</h2>
        {fixed && <span class="chip">set in dotm.yaml</span>}
      </div>
      <p class="small ink3">Hosts that the monitoring calls something else than their node.</p>
      <datalist id="mapping-nodes">
        {names.map((n) => (
          <option key={n} value={n} />
        ))}
      </datalist>
      {draft.aliases.length > 0 && (
        <ul class="aliases">
          {draft.aliases.map((a) => (
            <AliasRow key={a.key} alias={a} asked={asked.current === a.key} readOnly={readOnly} wrong={wrongs.aliases.get(a.host)} onSet={(to) => set(a.key, to)} onRemove={() => put(draft.aliases.filter((other) => other.key !== a.key))} />
          ))}
        </ul>
      )}
      {draft.aliases.length === 0 && readOnly && <p class="ink2">None.</p>}
      {!readOnly && (
        <div class="buttons start">
          <button type="button" onClick={add}>
            Add an alias
          </button>
        </div>
      )}
    </section>
  );
}

interface AliasProps {
  alias: AliasDraft;
  asked: boolean;
  readOnly: boolean;
  wrong: string | undefined;
  onSet: (to: Partial<AliasDraft>) => void;
  onRemove: () => void;
}

function AliasRow({ alias: { host, node }, asked, readOnly, wrong, onSet, onRemove }: AliasProps) {
  const first = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => {
    if (asked) first.current?.focus();
  }, []);
  if (readOnly) {
    return (
      <li>
        <code>{host}</code> <span class="ink3">is</span> {node}
      </li>
    );
  }
  const input = (label: string, value: string, key: 'host' | 'node') => (
    <input
      {...(key === 'host' ? { ref: first } : { list: 'mapping-nodes' })}
      type="text"
      class="mono"
      aria-label={label}
      placeholder={label}
      spellcheck={false}
      autocapitalize="none"
      autocomplete="off"
      value={value}
      aria-invalid={Boolean(wrong)}
      onInput={(event) => onSet({ [key]: event.currentTarget.value })}
    />
  );
  return (
    <li>
      {input('Monitored host', host, 'host')}
      <span class="ink3">is</span>
      {input('Node', node, 'node')}
      <button type="button" class="plain" aria-label={`Remove the alias of ${host || 'no host'}`} onClick={onRemove}>
        <Icon name="close" />
      </button>
      {wrong && (
        <span class="error" role="alert">
          {wrong}
        </span>
      )}
    </li>
  );
}
