import { useMemo, useState } from 'preact/hooks';
import { useApp } from '../app';
import { API_BASE, definitionsPath } from '../api/client';
import type { DefinitionSystem, Finding } from '../api/types';
import { capital, figure, inWords, moment, plural } from '../lib/format';
import { CopyButton, HintText } from '../parts/Command';
import { NodeName } from '../parts/NodeName';
import { ProblemNote } from '../parts/Problem';
import type { StateName } from '../parts/shapes';
import { StateIcon } from '../parts/StateIcon';
import { Age } from '../parts/Time';
import { monitors, others } from '../state/checks';
import { type FindingGroup, type Weight, findingText, grouped, sharedHint, subjectOf } from '../state/findings';
import { useResource, useTurn } from '../state/resource';
import { formatRoute, goTo, showNode, showOnChart } from '../state/route';
import { idLabel, serviceLabel } from '../state/topology';
import { type Boxes, boxesByName } from '../state/trace';

/** What is found changes slowly: read again this often, ms. */
const AGAIN_MS = 15_000;

/** So many of a kind are listed at first. */
const FIRST = 8;

const SIGNS: Readonly<Record<Weight, StateName>> = { bad: 'WARNING', gap: 'NONE', note: 'PENDING' };

/** What is odd on the site and what nobody watches, the worst first, with what to do. */
export function ReportView() {
  const { client, now, route, sources, feed } = useApp();
  const monitored = sources.value.filter(monitors).length;
  const { at } = route.value;
  const round = useTurn(now, AGAIN_MS);
  const turn = at ? '' : String(round);
  const { data, problem, reload } = useResource(`report ${at}`, turn, (s) => client.report(s));
  const findings = data?.findings ?? [];
  const groups = grouped(findings);
  const coverage = feed.topology.value?.coverage;
  return (
    <div class="scroll report">
      <div class="headline">
        <h1>Report</h1>
        {data && <span class="ink2">{findings.length > 0 ? `${plural(findings.length, 'finding')} of ${groups.length === 1 ? 'one kind' : `${inWords(groups.length)} kinds`}` : 'nothing was found'}</span>}
        <span class="gap" />
        <a href={formatRoute(goTo(route.value, 'drift'))}>Drift: what is declared, and what is seen</a>
      </div>
      {problem && <ProblemNote problem={problem} onRetry={reload} />}
      {data && findings.length === 0 && (
        <p class="nothing">
          Nothing is odd{coverage ? `, as far as ${plural(coverage.nodes, 'node')} tell` : ''}
          {monitored > 0 && !at ? `, and all that runs is monitored by ${plural(monitored, 'source')}.` : '.'}
        </p>
      )}
      {monitored === 0 && <NoMonitoring />}
      {at && <p class="ink2">What monitoring leaves out, and what nobody uses, is known of now only.</p>}
      {groups.map((g) => (
        <Group key={g.code} group={g} />
      ))}
      {monitored > 0 && !at && <Definitions />}
    </div>
  );
}

/** Without monitoring nothing is said of what it leaves out. */
function NoMonitoring() {
  const { route } = useApp();
  return (
    <p class="ink2">
      No monitoring system is read, so that nothing can be said of what is not monitored. <a href={formatRoute(goTo(route.value, 'settings'))}>Add a source in the settings</a>
    </p>
  );
}

function Group({ group }: { group: FindingGroup }) {
  const { code, title, means, weight, findings } = group;
  const [all, setAll] = useState(false);
  const hint = sharedHint(group);
  const shown = all ? findings : findings.slice(0, FIRST);
  const known = useKnownNodes();
  return (
    <section class="found-group" aria-label={title}>
      <div class="found-head">
        <StateIcon state={SIGNS[weight]} silent />
        <h2>
          {title} <span class="ink3">{figure(findings.length)}</span>
        </h2>
      </div>
      {means && <p class="ink2">{means}</p>}
      {hint && code !== 'unmonitored-node' && <HintText hint={hint} />}
      <ul class="found-list">
        {shown.map((f) => (
          <FindingLine key={`${f.node} ${f.service ?? ''} ${f.text}`} finding={f} known={known} hint={hint === '' && code !== 'unmonitored-node'} plain={code === 'unmonitored-node' || code === 'unchecked-service'} />
        ))}
      </ul>
      {findings.length > shown.length && (
        <button type="button" class="plain" onClick={() => setAll(true)}>
          and {plural(findings.length - shown.length, 'more', 'more')}
        </button>
      )}
    </section>
  );
}

/** One finding; `plain` where the title of its kind says it all. */
function FindingLine({ finding, known, hint, plain }: { finding: Finding; known: Boxes; hint: boolean; plain: boolean }) {
  const { prefs } = useApp();
  const label = useLabel(finding);
  return (
    <li>
      <span class="found-about">
        <Subject finding={finding} label={label} known={known} />
      </span>
      <span class="found-text">
        {!plain && <span>{subjectOf(finding) === 'host' ? finding.text : capital(findingText(finding, label, (at) => moment(at, prefs.utc.value)))}</span>}
        {finding.since && (
          <span class="ink3 small">
            {' '}
            <Age at={finding.since} />
          </span>
        )}
        {hint && finding.hint && <HintText hint={finding.hint} />}
        {subjectOf(finding) === 'host' && <HostLink host={finding.node} />}
      </span>
    </li>
  );
}

/** The nodes of which there is a page: those in pools and groups, too. */
function useKnownNodes(): Boxes {
  const topology = useApp().feed.topology.value;
  return useMemo(() => (topology ? boxesByName(topology) : new Map<string, string>()), [topology]);
}

/** The service of a finding as people know it; '' where it is about none. */
function useLabel({ service }: Finding): string {
  const { feed } = useApp();
  if (!service) return '';
  const known = feed.topology.value?.services.get(service);
  return known ? serviceLabel(known) : idLabel(service);
}

/** Where a monitored host is said to be a node. */
function HostLink({ host }: { host: string }) {
  const { route } = useApp();
  return <a href={formatRoute({ ...goTo(route.value, 'mapping'), by: 'none', find: host })}>Say which node it is</a>;
}

/** What a finding is about, with the way there. */
function Subject({ finding, label, known }: { finding: Finding; label: string; known: Boxes }) {
  const { route } = useApp();
  const { node, service } = finding;
  switch (subjectOf(finding)) {
    case 'source':
      return <a href={formatRoute(goTo(route.value, 'settings'))}>{node}</a>;
    case 'host':
      return <a href={formatRoute({ ...goTo(route.value, 'checks'), find: node })}>{node}</a>;
    case 'service':
      return (
        <>
          <a href={formatRoute(showOnChart(route.value, { kind: 'service', id: service ?? '' }))}>{label}</a> <span class="ink3">on <NodeName name={node} /></span>
        </>
      );
    case 'node':
      return known.has(node) ? (
        <a href={formatRoute(showNode(route.value, node))}>
          <NodeName name={node} />
        </a>
      ) : (
        <>{node}</>
      );
  }
}

const SYSTEMS: readonly (readonly [DefinitionSystem, string, string])[] = [
  ['nagios', 'Nagios', 'dotm.cfg'],
  ['icinga2', 'Icinga 2', 'dotm.conf'],
];

/** What a monitoring system would have to be told to monitor the rest. */
function Definitions() {
  const { client, sources } = useApp();
  const read = others(sources.value);
  const [open, setOpen] = useState<DefinitionSystem | ''>('');
  const [source, setSource] = useState('');
  const { data, problem, reload } = useResource(`definitions ${open} ${source}`, '', (s) => (open ? client.definitions(open, source, s) : Promise.resolve('')));
  const file = SYSTEMS.find(([system]) => system === open)?.[2] ?? '';
  return (
    <section class="definitions" aria-label="Definitions">
      <h2>Monitor the rest</h2>
      <p class="ink2">Object definitions for what runs unmonitored, to read, change and put beside your own. dotm writes nothing into the monitoring system.</p>
      <div class="buttons start">
        <div class="segments" role="group" aria-label="For">
          {SYSTEMS.map(([system, title]) => (
            <button key={system} type="button" aria-pressed={open === system} onClick={() => setOpen(open === system ? '' : system)}>
              {title}
            </button>
          ))}
        </div>
        {open && read.length > 1 && (
          <select aria-label="Whose checks count" value={source} onChange={(event) => setSource(event.currentTarget.value)}>
            <option value="">what no source monitors</option>
            {read.map((s) => (
              <option key={s.name} value={s.name} selected={source === s.name}>
                what {s.name} doesn’t monitor
              </option>
            ))}
          </select>
        )}
        {open && data && (
          <>
            <CopyButton text={data} id="definitions-text" />
            <a class="button" href={`${API_BASE}/${definitionsPath(open, source)}`} download={file}>
              Download {file}
            </a>
          </>
        )}
      </div>
      {problem && <ProblemNote problem={problem} onRetry={reload} />}
      {open && data !== null && (data.trim() ? <pre class="output" id="definitions-text" tabIndex={0} aria-label={`Definitions for ${open}`}>{data}</pre> : <p class="nothing">There is nothing to define: all that runs is monitored.</p>)}
    </section>
  );
}
