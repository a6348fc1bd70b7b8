import { useMemo, useState } from 'preact/hooks';
import { useApp } from '../app';
import type { Check } from '../api/types';
import { figure, plural } from '../lib/format';
import { CheckIcon, type Known, aboutWord } from '../parts/Checks';
import { Correct } from '../parts/Correct';
import { NodeName } from '../parts/NodeName';
import { useCheckTurns } from '../parts/news';
import { ProblemNote } from '../parts/Problem';
import { type Column, Table } from '../parts/Table';
import { byWord, checkName, rankOf, worstFirst } from '../state/checks';
import { type Tally, byTitle, countsByRule, evidenceOf, mappedChecks, tally } from '../state/mapping';
import { useResource } from '../state/resource';
import { formatRoute, goTo, showCheck } from '../state/route';
import { type Namer, knownAs } from '../state/topology';
import { MappingEditor } from './MappingEditor';

/** What checks say goes on without the chart changing: read again this often, ms. */
const AGAIN_MS = 5_000;

const NO_CHECKS: readonly Check[] = [];

/** Why each check is where it is, and the rules and aliases that decide before all else. */
export function MappingView() {
  const { client, route } = useApp();
  const turn = useCheckTurns(AGAIN_MS);
  const { data, problem, reload } = useResource('mapped checks', turn, (s) => client.checks({}, s));
  // Counts that a correction changed are asked for at once.
  const [turns, setTurns] = useState(0);
  const again = (): void => {
    setTurns(turns + 1);
    reload();
  };
  const checks = useMemo(() => worstFirst(data?.checks ?? NO_CHECKS), [data]);
  return (
    <div class="scroll mapping">
      <div class="headline">
        <div class="titled">
          <h1>Check mapping</h1>
          <p class="ink2">
            Why a check belongs to a service. Rules come first, in their order; then ports, well-known checks, names.{' '}
            <a href={formatRoute(goTo(route.value, 'settings'))}>All settings</a>
          </p>
        </div>
        <span class="gap" />
        {data && <Figures tally={tally(checks)} />}
      </div>
      {problem && <ProblemNote problem={problem} onRetry={reload} />}
      <MappingEditor checks={checks} turn={turns} onSaved={reload} />
      {data && <Mapped checks={checks} onCorrected={again} />}
    </div>
  );
}

function Figures({ tally: { checks, services, nodes, ambiguous, none } }: { tally: Tally }) {
  const figures: readonly (readonly [number, string, string])[] = [
    [checks, checks === 1 ? 'check' : 'checks', ''],
    [services, 'on a service', ''],
    [nodes, 'on a node', ''],
    [ambiguous, 'ambiguous', ambiguous > 0 ? 'warning-text' : ''],
    [none, 'of no node', none > 0 ? 'warning-text' : ''],
  ];
  return (
    <dl class="figures">
      {figures.map(([n, word, kind]) => (
        <div key={word}>
          <dt>{word}</dt>
          <dd class={kind}>{figure(n)}</dd>
        </div>
      ))}
    </dl>
  );
}

function columnsOf(topology: Known, named: Namer, correct: ((c: Check) => void) | null): readonly Column<Check>[] {
  return [
    { key: 'state', title: 'State', class: 'state', value: rankOf, cell: (c) => <CheckIcon check={c} /> },
    { key: 'name', title: 'Check', class: 'strong', value: checkName, cell: checkName },
    { key: 'node', title: 'Node', value: (c) => (c.node ? named(c.node) : c.host), cell: (c) => (c.node ? <NodeName name={c.node} /> : <span class="ink3" title="as its source calls it">{c.host}</span>) },
    {
      key: 'on',
      title: 'On',
      class: 'on',
      value: (c) => aboutWord(c, topology),
      cell: (c) => (c.service ? aboutWord(c, topology) : <span class="ink3">{aboutWord(c, topology)}</span>),
    },
    { key: 'by', title: 'By', class: 'whole by', value: byWord, cell: (c) => <span class={`chip${c.node && !c.mapping?.ambiguous ? '' : ' wants'}`}>{byWord(c)}</span> },
    { key: 'why', title: 'Evidence', class: 'words', value: evidenceOf, cell: (c) => <span class="ink2">{evidenceOf(c)}</span> },
    {
      key: 'correct',
      title: '',
      class: 'acts',
      cell: (c) =>
        correct && (
          <button
            type="button"
            class={c.node && !c.mapping?.ambiguous ? 'plain' : ''}
            onClick={(event) => {
              event.stopPropagation();
              correct(c);
            }}
          >
            {!c.node ? 'Map by hand' : c.mapping?.ambiguous ? 'Choose service' : 'Correct'}
          </button>
        ),
    },
  ];
}

/** Every check with what decided, and the way to say otherwise. */
function Mapped({ checks, onCorrected }: { checks: readonly Check[]; onCorrected: () => void }) {
  const { feed, route, navigate, session } = useApp();
  const { by, find } = route.value;
  const topology = feed.topology.value;
  const [correcting, setCorrecting] = useState<Check | null>(null);
  const may = session.mayChange.value;
  const shown = useMemo(() => mappedChecks(checks, by, find), [checks, by, find]);
  const columns = useMemo(() => columnsOf(topology, knownAs(topology), may ? setCorrecting : null), [topology, may]);
  if (checks.length === 0) return <p class="nothing">No monitoring system tells of any check so far.</p>;
  return (
    <section class="mapped">
      <h2 class="head">How each check was mapped</h2>
      <div class="narrowing" role="search">
        <input
          type="search"
          class="find"
          aria-label="Search checks by host, name or evidence"
          placeholder="Host, check or evidence"
          spellcheck={false}
          value={find}
          onInput={(event) => navigate({ ...route.value, find: event.currentTarget.value }, true)}
        />
        <div class="chips" role="group" aria-label="Only those that are mapped by">
          {[['', checks.length] as const, ...countsByRule(checks)].map(([rule, count]) => (
            <button key={rule} type="button" class="filter" aria-pressed={by === rule} onClick={() => navigate({ ...route.value, by: by === rule ? '' : rule }, true)}>
              {rule ? byTitle(rule) : 'All'} <span>{figure(count)}</span>
            </button>
          ))}
        </div>
        <span class="ink3 found" role="status">
          {find && shown.length < checks.length && `${figure(shown.length)} of ${plural(checks.length, 'check')}`}
        </span>
      </div>
      <Table
        label="Mappings"
        columns={columns}
        items={shown}
        id={(c) => c.id}
        sort={{ key: 'state', descending: false }}
        onOpen={(c) => navigate(showCheck(route.value, c.id))}
        empty={find ? `Nothing matches “${find}”.` : 'Nothing is mapped so.'}
      />
      {correcting && (
        <Correct
          check={correcting}
          onClose={() => setCorrecting(null)}
          onSaved={() => {
            setCorrecting(null);
            onCorrected();
          }}
        />
      )}
    </section>
  );
}
