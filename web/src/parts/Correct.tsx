import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { useApp } from '../app';
import { isAborted, problemOf } from '../api/client';
import type { Check, Correction, ListedNode, Problem, Service } from '../api/types';
import { capital, plural } from '../lib/format';
import { evidenceOf, TARGETS_SHOWN, type Target, ruleWords, targetsOf, trimmed, yamlAlias, yamlRule } from '../state/mapping';
import { useResource } from '../state/resource';
import { knownAs } from '../state/topology';
import { checkTitle } from './Checks';
import { Command } from './Command';
import { Dialog } from './Dialog';
import { Moves } from './Moves';
import { ProblemNote } from './Problem';
import { StateIcon } from './StateIcon';
import { signOf } from '../state/checks';
import { shapeOf, stateOf } from './shapes';

interface Props {
  check: Check;
  onClose: () => void;
  onSaved: () => void;
}

/** Says what a check is about: the service is picked, the rule that this writes and what it moves is seen, then it is written. */
export function Correct({ check, onClose, onSaved }: Props) {
  const { client, feed } = useApp();
  const { data, problem, reload } = useResource('correct', '', async (s) => {
    const [{ nodes }, { services }, { locked }] = await Promise.all([client.nodes(s), client.services(s), client.settings(s)]);
    return { nodes, services, locked: locked ?? [] };
  });
  const [target, setTarget] = useState<Target | null>(null);
  const title = checkTitle(check, knownAs(feed.topology.value));
  return (
    <Dialog title={`What is ${title} about?`} onClose={onClose} class="correct">
      <p class="ink2">{check.node ? `So far: ${evidenceOf(check)}.` : `${evidenceOf(check)}.`}</p>
      {problem && <ProblemNote problem={problem} onRetry={reload} />}
      {data && <Picker check={check} nodes={data.nodes} services={data.services} target={target} onPick={setTarget} />}
      {data && target && <Consequence key={`${target.node} ${target.service}`} check={check} target={target} locked={data.locked} services={data.services} onSaved={onSaved} />}
    </Dialog>
  );
}

interface PickerProps {
  check: Check;
  nodes: readonly ListedNode[];
  services: readonly Service[];
  target: Target | null;
  onPick: (target: Target) => void;
}

/** All services and nodes of the site, also those that the chart hides. */
function Picker({ check, nodes, services, target, onPick }: PickerProps) {
  const [query, setQuery] = useState('');
  const [index, setIndex] = useState(0);
  const list = useRef<HTMLUListElement>(null);
  const input = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => input.current?.focus(), []);
  const all = useMemo(() => targetsOf(check, nodes, services, query), [check.id, nodes, services, query]);
  const shown = all.slice(0, TARGETS_SHOWN);
  const at = Math.min(index, shown.length - 1);
  useEffect(() => {
    list.current?.querySelector('.at')?.scrollIntoView({ block: 'nearest' });
  }, [at]);
  const onKey = (event: KeyboardEvent): void => {
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (step !== 0 && shown.length > 0) setIndex((at + step + shown.length) % shown.length);
    const hit = shown[at];
    if (event.key === 'Enter' && hit) onPick(hit);
    if (step !== 0 || event.key === 'Enter') event.preventDefault();
  };
  return (
    <div class="picker">
      <input
        type="text"
        class="find"
        role="combobox"
        aria-expanded="true"
        aria-controls="targets"
        aria-activedescendant={shown[at] ? `target-${at}` : ''}
        aria-label="Service or node"
        placeholder={check.name ? 'Process, port or node' : 'Node'}
        spellcheck={false}
        autocomplete="off"
        ref={input}
        value={query}
        onInput={(event) => {
          setQuery(event.currentTarget.value);
          setIndex(0);
        }}
        onKeyDown={onKey}
      />
      <ul ref={list} id="targets" role="listbox" aria-label="Services and nodes">
        {shown.map((t, i) => (
          <li
            key={`${t.node} ${t.service}`}
            id={`target-${i}`}
            role="option"
            class={`target${i === at ? ' at' : ''}`}
            aria-selected={target?.node === t.node && target.service === t.service}
            onClick={() => {
              setIndex(i);
              onPick(t);
            }}
          >
            <TargetState target={t} nodes={nodes} services={services} />
            <span class="name">{t.title}</span>
            <span class="aside">{t.aside}</span>
            {t.likely && <span class="chip">would do</span>}
          </li>
        ))}
      </ul>
      {all.length === 0 && <p class="nothing">Nothing matches “{query}”.</p>}
      {all.length > shown.length && <p class="small ink3">and {plural(all.length - shown.length, 'more', 'more')}: type to find them</p>}
    </div>
  );
}

function TargetState({ target: { node, service }, nodes, services }: { target: Target } & Pick<PickerProps, 'nodes' | 'services'>) {
  if (service) {
    const known = services.find((s) => s.id === service);
    return known ? <StateIcon state={stateOf(known)} silent /> : null;
  }
  const known = nodes.find((n) => n.name === node);
  return known ? <StateIcon state={shapeOf(signOf(known))} silent /> : null;
}

interface ConsequenceProps {
  check: Check;
  target: Target;
  locked: readonly string[];
  services: readonly Service[];
  onSaved: () => void;
}

/** What choosing this writes, and what that moves, before it is written. */
function Consequence({ check, target, locked, services, onSaved }: ConsequenceProps) {
  const { client } = useApp();
  const [found, setFound] = useState<Correction | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    const abort = new AbortController();
    client.tryMapping(check.id, target.node, target.service, abort.signal).then(setFound, (error: unknown) => {
      if (!isAborted(error)) setProblem(problemOf(error));
    });
    return () => abort.abort();
  }, []);
  const save = async (): Promise<void> => {
    setBusy(true);
    setProblem(null);
    try {
      await client.mapCheck(check.id, target.node, target.service);
      onSaved();
    } catch (error) {
      setProblem(problemOf(error));
      setBusy(false);
    }
  };
  const section = useRef<HTMLElement>(null);
  useEffect(() => {
    // On a small screen it is below the list.
    if (found) section.current?.scrollIntoView({ block: 'nearest' });
  }, [found]);
  const fixed = found !== null && locked.includes(found.rule ? 'mapping' : 'aliases');
  return (
    <section ref={section} class="consequence" aria-label="What this writes" aria-live="polite">
      {found && <Written check={check} found={found} fixed={fixed} />}
      {found && <Moves moves={found.moves ?? []} services={services} none="It moves no check: it is there already, and stays there whatever else is written." />}
      <div role="alert">{problem && <p class="error">{capital(problem.detail || problem.title)}</p>}</div>
      {found && !fixed && (
        <div class="buttons start">
          <button type="button" class="strong" disabled={busy} onClick={() => void save()}>
            {found.rule ? 'Write this rule' : 'Write this alias'}
          </button>
        </div>
      )}
    </section>
  );
}

/** The rule or alias in words, and as it stands in dotm.yaml. */
function Written({ check, found: { rule, alias = check.host, node }, fixed }: { check: Check; found: Correction; fixed: boolean }) {
  const line = rule ? yamlRule(trimmed(rule)) : yamlAlias(alias, node);
  const before = rule ? ', before all other rules' : '';
  return (
    <>
      <h3>{fixed ? `Add this to ${rule ? 'the mapping' : 'the aliases'} in dotm.yaml${before}` : rule ? `Writes a rule${before}` : 'Writes an alias'}</h3>
      <p>{rule ? ruleWords(rule) : `Host “${alias}” is the node ${node}, with all of its checks.`}</p>
      {fixed ? <Command text={line} /> : <code class="rule-line">{line}</code>}
    </>
  );
}
