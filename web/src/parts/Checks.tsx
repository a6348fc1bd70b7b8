import { useMemo, useState } from 'preact/hooks';
import { useApp } from '../app';
import type { Check, CheckQuery, Verdict } from '../api/types';
import { figure, plural } from '../lib/format';
import { badgesOf, byWord, checkName, checksLine, isBad, others, rankOf, signOf, signOfCheck, worstFirst } from '../state/checks';
import { useResource } from '../state/resource';
import { showCheck } from '../state/route';
import { type Namer, type Topology, idLabel, knownAs, serviceLabel } from '../state/topology';
import { NodeName } from './NodeName';
import { useCheckTurns } from './news';
import { SHOWN } from './PanelParts';
import { ProblemNote } from './Problem';
import { shapeOf } from './shapes';
import { StateIcon } from './StateIcon';
import { type Column, Table } from './Table';
import { Age } from './Time';

/** What the checks of one thing say goes on without the chart changing: read again this often, ms. */
const AGAIN_MS = 5_000;

/** A check as its shape: in downtime, taken care of, not to be believed yet, or nobody tells. */
export function CheckIcon({ check, size = 14, silent = false }: { check: Check; size?: number; silent?: boolean }) {
  const sign = signOfCheck(check);
  const state = sign.way === 'handled' && check.downtime ? 'DOWNTIME' : shapeOf(sign);
  return (
    <span class={`check-icon${check.hard || !isBad(check.status) ? '' : ' soft'}${check.flapping ? ' flapping' : ''}`}>
      <StateIcon state={state} size={size} silent={silent} />
    </span>
  );
}

/** What the checks on a node say, before its name; nothing while all is fine, or nobody checks. */
export function NodeSign({ node, size = 14 }: { node: Verdict; size?: number }) {
  const sign = signOf(node);
  return sign.way === 'quiet' ? null : <StateIcon state={shapeOf(sign)} size={size} />;
}

/** Who or what takes care of a check, in words beside it. */
export function Badges({ check }: { check: Check }) {
  return (
    <>
      {badgesOf(check).map(({ word, means }) => (
        <span key={word} class="chip" title={means}>
          {word}
        </span>
      ))}
    </>
  );
}

/** `db01 disk /var`; of a host itself `host db01`. */
export function checkTitle(check: Check, named: Namer): string {
  if (check.signal?.title) return check.signal.title;
  const host = check.node ? named(check.node) : check.host;
  return check.name ? `${host} ${check.name}` : `host ${host}`;
}

/** Since when the status stands; nothing where nobody says. */
function For({ check }: { check: Check }) {
  return check.since ? <Age at={check.since} /> : null;
}

/** Where services and nodes have their names from. */
export type Known = Pick<Topology, 'nodes' | 'services'> | null;

/** What a check is about: a service, or the node as a whole. */
export function aboutWord({ service, node, mapping }: Check, topology: Known): string {
  if (!node) return 'no node';
  if (!service) return mapping?.ambiguous ? 'node, ambiguous' : 'node';
  const known = topology?.services.get(service);
  return known ? serviceLabel(known) : idLabel(service);
}

/** The checks on a node or service, the worst first. */
export function CheckSection({ of }: { of: CheckQuery }) {
  const { client, route, sources } = useApp();
  const turn = useCheckTurns(AGAIN_MS);
  const { data, problem, reload } = useResource(`checks ${of.node ?? ''} ${of.service ?? ''} ${route.value.at}`, turn, (s) => client.checks(of, s));
  const [all, setAll] = useState(false);
  if (problem && problem.status !== 404) return <ProblemNote problem={problem} onRetry={reload} />;
  if (!data || (data.checks.length === 0 && others(sources.value).length === 0)) return null;
  const checks = worstFirst(data.checks);
  // What is fine is counted, not listed, until asked.
  const shown = all ? checks : checks.filter((c) => signOfCheck(c).way !== 'quiet').slice(0, SHOWN);
  return (
    <section class="checks">
      <div class="section-head">
        <h3>Checks</h3>
        <span>{checks.length > 0 && checksLine(checks)}</span>
      </div>
      {checks.length === 0 && <p class="ink2">No check is about this {of.service ? 'service' : 'node'}.</p>}
      <CheckList checks={shown} about={of.node !== undefined} />
      {checks.length > shown.length && (
        <button type="button" class="plain" onClick={() => setAll(true)}>
          {shown.length > 0 ? `and ${plural(checks.length - shown.length, 'more', 'more')}` : `Show ${checks.length === 1 ? 'it' : 'them'}`}
        </button>
      )}
    </section>
  );
}

/** The same as a table, on the page of a node. */
export function CheckTable({ node }: { node: string }) {
  const { client, feed, route, navigate, sources } = useApp();
  const topology = feed.topology.value;
  const turn = useCheckTurns(AGAIN_MS);
  const { data, problem, reload } = useResource(`checks ${node} ${route.value.at}`, turn, (s) => client.checks({ node }, s));
  const columns = useMemo(() => checkColumns(topology, false), [topology]);
  const checks = useMemo(() => worstFirst(data?.checks ?? []), [data]);
  if (problem && problem.status !== 404) return <ProblemNote problem={problem} onRetry={reload} />;
  if (!data || (checks.length === 0 && others(sources.value).length === 0)) return null;
  return (
    <section>
      <div class="section-head">
        <h3>Checks</h3>
        <span>{checks.length > 0 && checksLine(checks)}</span>
      </div>
      <Table label={`Checks of ${node}`} columns={columns} items={checks} id={(c) => c.id} sort={{ key: 'state', descending: false }} onOpen={(c) => navigate(showCheck(route.value, c.id))} empty="No check is about this node." />
    </section>
  );
}

/** What is open all over the site, the worst first. */
export function OpenAlerts() {
  const { alerts } = useApp();
  if (alerts.value.length === 0) return null;
  return (
    <section class="checks">
      <div class="section-head">
        <h3>Open alerts</h3>
        <span>{figure(alerts.value.length)}</span>
      </div>
      <CheckList checks={alerts.value.slice(0, SHOWN)} about where />
      {alerts.value.length > SHOWN && <span class="ink3">and {plural(alerts.value.length - SHOWN, 'more', 'more')}</span>}
    </section>
  );
}

interface ListProps {
  checks: readonly Check[];
  /** Say which service it is about, and on which node. */
  about?: boolean;
  where?: boolean;
}

/** Checks in a narrow column; each opens in full. */
function CheckList({ checks, about = false, where = false }: ListProps) {
  const { feed, route, navigate } = useApp();
  const topology = feed.topology.value;
  const named = knownAs(topology);
  return (
    <ul class="check-list">
      {checks.map((c) => (
        <li key={c.id}>
          <button type="button" class="check" onClick={() => navigate(showCheck(route.value, c.id))}>
            <CheckIcon check={c} />
            <span class="check-text">
              <span class="check-head">
                <b>{where ? checkTitle(c, named) : checkName(c)}</b>
                <span class="ink3">
                  <For check={c} />
                </span>
              </span>
              {c.output && <span class="says">{c.output}</span>}
              <span class="check-foot">
                {about && c.service && <span class="ink3">{aboutWord(c, topology)}</span>}
                {c.mapping?.ambiguous && <span class="ink3">ambiguous: on the node</span>}
                <Badges check={c} />
              </span>
            </span>
          </button>
        </li>
      ))}
    </ul>
  );
}

/** Columns of a table of checks; `far` also says on which node, and why. */
export function checkColumns(topology: Known, far: boolean): readonly Column<Check>[] {
  const named = knownAs(topology);
  const where: Column<Check> = {
    key: 'node',
    title: 'Node',
    class: 'whole',
    value: (c) => (c.node ? named(c.node) : c.host),
    cell: (c) => (c.node ? <NodeName name={c.node} /> : <span class="ink3" title="as its source calls it">{c.host}</span>),
  };
  const columns: (Column<Check> | false)[] = [
    { key: 'state', title: 'State', class: 'state', value: rankOf, cell: (c) => <CheckIcon check={c} /> },
    { key: 'name', title: 'Check', class: 'strong', value: checkName, cell: checkName },
    far && where,
    { key: 'on', title: 'On', class: 'whole', value: (c) => aboutWord(c, topology), cell: (c) => (c.service ? aboutWord(c, topology) : <span class="ink3">{aboutWord(c, topology)}</span>) },
    {
      key: 'says',
      title: 'Says',
      class: 'says-cell',
      value: (c) => c.output,
      cell: (c) => (
        <span class="says-line">
          <span class="one-line" title={c.output}>
            {c.output}
          </span>
          <Badges check={c} />
        </span>
      ),
    },
    far && { key: 'by', title: 'By', class: 'roomy third', value: byWord, cell: (c) => <span class="ink3" title={c.mapping?.evidence ?? ''}>{byWord(c)}</span> },
    far && { key: 'source', title: 'Source', class: 'roomy second', value: (c) => c.source, cell: (c) => c.source },
    { key: 'since', title: 'Since', spare: true, class: 'number time', descending: true, value: (c) => (c.since ? Date.parse(c.since) : 0), cell: (c) => <For check={c} /> },
  ];
  return columns.filter((c) => c !== false);
}
