import { useMemo, useState } from 'preact/hooks';
import { useApp } from '../app';
import { problemOf } from '../api/client';
import type { Suggestion, SuggestionList } from '../api/types';
import { capital, figure } from '../lib/format';
import { ProblemNote } from '../parts/Problem';
import { type Column, Table } from '../parts/Table';
import type { Resource } from '../state/resource';
import { showNode } from '../state/route';

const nameOf = (s: Suggestion): string => s.name || s.address;
const keyOf = (s: Suggestion): string => `${s.zone} ${s.address}`;

/** What the button for an address says. */
function wayTitle(url: string): string {
  return url.startsWith('ssh:') ? 'Ask over SSH' : 'Ask in plain text';
}

/** How adding one went, by its key. */
type Said = Readonly<Record<string, string>>;

function columnsOf(add: ((s: Suggestion, url: string) => void) | null, said: Said): readonly Column<Suggestion>[] {
  return [
    {
      key: 'name',
      title: 'Host',
      class: 'strong',
      value: nameOf,
      cell: (s) => <span class={s.name ? '' : 'mono plain'}>{nameOf(s)}</span>,
    },
    { key: 'address', title: 'Address', class: 'mono', value: (s) => s.address, cell: (s) => (s.name ? s.address : null) },
    { key: 'zone', spare: true, title: 'Zone', class: 'second', value: (s) => s.zone, cell: (s) => s.zone || null },
    {
      key: 'evidence',
      title: 'How it is known',
      class: 'words',
      descending: true,
      value: (s) => s.evidence.length,
      cell: (s) => (
        <ul class="evidence">
          {s.evidence.map((e) => (
            <li key={`${e.by} ${e.text}`}>
              {e.by !== 'hosts' && <b>{e.by}: </b>}
              {e.text}
            </li>
          ))}
          {said[keyOf(s)] && (
            <li class="error" role="alert">
              {said[keyOf(s)]}
            </li>
          )}
        </ul>
      ),
    },
    {
      key: 'add',
      title: '',
      class: 'acts',
      cell: (s) =>
        add &&
        s.try.map((url) => (
          <button
            key={url}
            type="button"
            title={url}
            onClick={(event) => {
              event.stopPropagation();
              add(s, url);
            }}
          >
            {wayTitle(url)}
          </button>
        )),
    },
  ];
}

/** Hosts that others know and that don't report: each with why, and a button that asks it from now on. */
export function Suggestions({ resource: { data, problem, reload }, onChanged }: { resource: Resource<SuggestionList>; onChanged: () => void }) {
  const { client, session, route, navigate } = useApp();
  const [said, setSaid] = useState<Said>({});
  const [added, setAdded] = useState('');
  const may = session.mayAdmit.value;
  const add = async (s: Suggestion, url: string): Promise<void> => {
    try {
      const target = await client.addNode({ url, ...(s.zone ? { zone: s.zone } : {}) });
      setAdded(`${target.url} is asked from now on.`);
      onChanged();
    } catch (error) {
      const { detail, title } = problemOf(error);
      setSaid((was) => ({ ...was, [keyOf(s)]: capital(detail || title) }));
    }
  };
  const columns = useMemo(() => columnsOf(may ? (s, url) => void add(s, url) : null, said), [may, said]);
  const items = data?.suggestions ?? [];
  const rest = (data?.total ?? 0) - items.length;
  return (
    <>
      <p class="ink2 lead-line">
        Hosts that nodes talk to, or that the server’s hosts file names, and that don’t report. An agent on them shows the most; asking them needs nothing installed.
      </p>
      <p role="status" class={added ? '' : 'hidden'}>
        {added}
      </p>
      {problem && <ProblemNote problem={problem} onRetry={reload} />}
      {data && (
        <Table
          label="Suggestions"
          columns={columns}
          items={items}
          id={keyOf}
          sort={{ key: '', descending: false }}
          {...(items.some((s) => s.node) ? { onOpen: (s: Suggestion) => s.node && navigate(showNode(route.value, s.node)) } : {})}
          empty="Nobody knows of a host that doesn’t report."
        />
      )}
      {rest > 0 && <p class="ink3">and {figure(rest)} more, with less evidence</p>}
    </>
  );
}
