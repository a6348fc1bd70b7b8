import './drift.css';
import { useMemo, useState } from 'preact/hooks';
import { useApp } from '../app';
import { problemOf } from '../api/client';
import type { DriftDocument } from '../api/types';
import { capital, figure, plural } from '../lib/format';
import { MarkText } from '../parts/MarkText';
import { ProblemNote } from '../parts/Problem';
import { StateIcon } from '../parts/StateIcon';
import { type Column, Table } from '../parts/Table';
import { Age } from '../parts/Time';
import { type DriftRow, KINDS, type Kind, driftLine, driftRows, firstDeclaration, placeOf, readDeclaration, readDrift, selectionOf, withRule } from '../state/drift';
import { useResource } from '../state/resource';
import { formatRoute, showDrift } from '../state/route';
import { type Draft, DeclarationEditor } from './DriftEditor';

/** What is declared beside what is seen: what nobody declared, and what is not there. */
export function DriftView() {
  const app = useApp();
  const { client, feed, route, session } = app;
  const { at, hide } = route.value;
  const turn = at ? '' : (feed.topology.value?.revision ?? '');
  const { data: found, problem, reload } = useResource(`drift ${at} ${hide.join()}`, turn, (s) => readDrift(client, hide, s));
  const [draft, setDraft] = useState<Draft | null>(null);
  const [refused, setRefused] = useState('');
  const may = session.mayChange.value;
  const nothing = found === 'undeclared';
  const data = nothing ? null : found;
  const begin = async (make: () => Promise<Draft | null>): Promise<void> => {
    setRefused('');
    try {
      const made = await make();
      if (made) setDraft(made);
      else setRefused('What is declared is no file of dotm’s own rules: declare it there, and put the file here.');
    } catch (error) {
      const { detail, title } = problemOf(error);
      setRefused(capital(detail || title));
    }
  };
  const first = (): Promise<void> => begin(async () => ({ name: 'site.yaml', text: (await firstDeclaration(client, hide)).text, base: 0, line: 0 }));
  const blank = (): void => setDraft({ name: 'site.yaml', text: '', base: 0, line: 0 });
  const edit = (rule = '', line = 0): Promise<void> =>
    begin(async () => {
      const { name, folder, version, text = '' } = await readDeclaration(client);
      const changed = rule ? withRule(text, rule) : { text, line };
      return changed && { name, ...(folder ? { folder } : {}), base: version, ...changed };
    });
  return (
    <div class="scroll drift">
      <div class="headline">
        <h1>Drift</h1>
        {data && <span class="ink2">{driftLine(data)}</span>}
        <span class="gap" />
        {data && (
          <div class="buttons">
            <a class="button" href={formatRoute(showDrift(route.value, null))}>
              Mark it on the chart
            </a>
            {may && (
              <button type="button" onClick={() => void edit()}>
                Edit the declaration
              </button>
            )}
          </div>
        )}
      </div>
      <div role="alert">{refused && <p class="error">{refused}</p>}</div>
      {problem && <ProblemNote problem={problem} onRetry={reload} />}
      {draft && (
        <DeclarationEditor
          draft={draft}
          onClose={() => setDraft(null)}
          onKept={() => {
            setDraft(null);
            reload();
          }}
        />
      )}
      {nothing && !draft && <Empty may={may} onFirst={() => void first()} onBlank={blank} />}
      {data && <Found doc={data} {...(may && data.form === 'dotm' ? { onDeclare: (rule: string) => void edit(rule) } : {})} />}
    </div>
  );
}

/** How to start. */
function Empty({ may, onFirst, onBlank }: { may: boolean; onFirst: () => void; onBlank: () => void }) {
  return (
    <div class="dashed begin">
      <h2>Nothing is declared yet.</h2>
      <p class="ink2">
        A declaration says which connections may be. dotm then tells which nobody declared, which are forbidden, and which are not there. It is a file of rules, a Compose file or a Backstage catalog; a
        first one can be written from what is seen now, and be read and mended.
      </p>
      {may ? (
        <div class="buttons start">
          <button type="button" class="strong" onClick={onFirst}>
            Write a first declaration from what is seen
          </button>
          <button type="button" onClick={onBlank}>
            Put a file here
          </button>
        </div>
      ) : (
        <p class="ink2">Operators and administrators may keep one here.</p>
      )}
      <p class="small ink3">
        Beside a repository: <code>dotm drift --init site.yaml</code>, then <code>dotm drift --push site.yaml</code>
      </p>
    </div>
  );
}

function KindText({ kind }: { kind: Kind }) {
  if (kind === 'unknown') return <span class="mark-text"><StateIcon state="NONE" silent /> not known</span>;
  if (kind === 'matching') return <span class="mark-text"><StateIcon state="OK" silent /> as declared</span>;
  return <MarkText mark={kind} />;
}

function columnsOf(declare: ((rule: string) => void) | undefined): readonly Column<DriftRow>[] {
  return [
    { key: 'kind', title: 'Drift', class: 'whole', value: (r) => KINDS.findIndex(([k]) => k === r.kind), cell: (r) => <KindText kind={r.kind} /> },
    { key: 'from', title: 'From', class: 'strong', value: (r) => r.from, cell: (r) => r.from },
    { key: 'to', title: 'To', class: 'strong', value: (r) => r.to, cell: (r) => r.to },
    { key: 'port', title: 'Port', class: 'mono whole', value: (r) => r.port, cell: (r) => r.port || 'any' },
    { key: 'place', title: 'Rule', class: 'mono whole', value: (r) => r.place, cell: (r) => r.place || <span class="ink3">none</span> },
    { key: 'why', title: 'Why', class: 'words', value: (r) => r.why, cell: (r) => <span class="ink2">{r.why}</span> },
    { key: 'since', title: 'Since', class: 'number time', descending: true, value: (r) => Date.parse(r.since) || 0, cell: (r) => (r.since ? <Age at={r.since} /> : null) },
    { key: 'last', title: 'Last seen', class: 'number time roomy', descending: true, value: (r) => Date.parse(r.last) || 0, cell: (r) => (r.last ? <Age at={r.last} /> : null) },
    {
      key: 'acts',
      title: '',
      class: 'acts',
      cell: (r) => {
        const rule = r.kind === 'unexpected' ? r.connection?.allow : undefined;
        if (!declare || !rule) return null;
        return (
          <button
            type="button"
            class="plain"
            onClick={(event) => {
              event.stopPropagation();
              declare(rule);
            }}
          >
            Declare<span class="hidden"> {r.from} to {r.to}</span>
          </button>
        );
      },
    },
  ];
}

function Found({ doc, onDeclare }: { doc: DriftDocument; onDeclare?: (rule: string) => void }) {
  const { route, navigate } = useApp();
  const [only, setOnly] = useState<Kind | ''>('');
  const rows = useMemo(() => driftRows(doc), [doc]);
  const columns = useMemo(() => columnsOf(onDeclare), [Boolean(onDeclare)]);
  const shown = only ? rows.filter((r) => r.kind === only) : rows;
  const { declaration: kept, coverage } = doc;
  const open = (row: DriftRow): void => {
    const selection = selectionOf(row);
    if (selection) navigate(showDrift(route.value, selection));
  };
  return (
    <>
      <p class="ink2">
        {placeOf({ file: kept.name })}, version {kept.version}, {plural(kept.rules, 'rule')}, kept by {kept.by} <Age at={kept.at} />; {plural(doc.connections, 'connection')} judged, {figure(doc.outside)} outside of it;{' '}
        {coverage.reporting} of {plural(coverage.nodes, 'node')} report.
      </p>
      {!doc.drift && <p class="nothing">All that is seen is declared, and all that is declared is seen.</p>}
      <div class="narrowing">
        <div class="chips" role="group" aria-label="Only">
          {[['', 'All'] as const, ...KINDS].map(([kind, word]) => (
            <button key={kind} type="button" class="filter" aria-pressed={only === kind} onClick={() => setOnly(kind)}>
              {word} <span>{figure(kind ? doc[kind].length : rows.length)}</span>
            </button>
          ))}
        </div>
      </div>
      <Table label="Drift" columns={columns} items={shown} id={(r) => r.key} sort={{ key: 'kind', descending: false }} onOpen={open} empty="There is none." />
    </>
  );
}
