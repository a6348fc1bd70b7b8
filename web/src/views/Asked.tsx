import { useMemo, useState } from 'preact/hooks';
import { useApp } from '../app';
import type { NodeList, Target } from '../api/types';
import { goDuration } from '../lib/format';
import { Confirm } from '../parts/Dialog';
import { ProblemNote } from '../parts/Problem';
import { StateIcon } from '../parts/StateIcon';
import { type Column, Table } from '../parts/Table';
import { Age } from '../parts/Time';
import { fails, problemText } from '../state/fleet';
import type { Resource } from '../state/resource';
import { showNode } from '../state/route';

function stateOf(t: Target): readonly [number, 'WARNING' | 'OK' | 'PENDING'] {
  if (fails(t)) return [0, 'WARNING'];
  return t.last_success ? [2, 'OK'] : [1, 'PENDING'];
}

const time = (at: string | undefined): number => (at ? Date.parse(at) : 0);

function columnsOf(remove: ((t: Target) => void) | null): readonly Column<Target>[] {
  return [
    { key: 'state', title: 'State', class: 'state', cell: (t) => <StateIcon state={stateOf(t)[1]} /> },
    { key: 'url', title: 'Asked at', class: 'strong', value: (t) => t.url, cell: (t) => <span class="mono plain">{t.url}</span> },
    { key: 'node', title: 'Node', class: 'whole', value: (t) => t.node, cell: (t) => t.node || <span class="ink3">no answer yet</span> },
    { key: 'zone', spare: true, title: 'Zone', class: 'second', value: (t) => t.zone, cell: (t) => t.zone || null },
    { key: 'try', title: 'Last try', class: 'number time roomy', descending: true, value: (t) => time(t.last_try), cell: (t) => (t.last_try ? <Age at={t.last_try} /> : <span class="ink3">not yet</span>) },
    { key: 'success', title: 'Last answer', class: 'number time', descending: true, value: (t) => time(t.last_success), cell: (t) => (t.last_success ? <Age at={t.last_success} /> : <span class="ink3">none</span>) },
    { key: 'interval', title: 'Every', class: 'number roomy third', cell: (t) => (t.interval ? goDuration(t.interval) : null) },
    {
      key: 'problem',
      title: 'What went wrong',
      class: 'words',
      value: (t) => `${stateOf(t)[0]} ${t.problem ?? ''}`,
      cell: (t) => (t.problem ? <span class={fails(t) ? 'ink2' : 'ink3'}>{problemText(t)}</span> : null),
    },
    {
      key: 'remove',
      title: '',
      class: 'acts',
      cell: (t) =>
        t.fixed ? (
          <span class="chip">set in dotm.yaml</span>
        ) : (
          remove && (
            <button
              type="button"
              class="plain"
              onClick={(event) => {
                event.stopPropagation();
                remove(t);
              }}
            >
              Remove
            </button>
          )
        ),
    },
  ];
}

/** The nodes that the server asks, and how that goes. */
export function Asked({ resource: { data, problem, reload }, onChanged }: { resource: Resource<NodeList>; onChanged: () => void }) {
  const { client, session, route, navigate } = useApp();
  const [removing, setRemoving] = useState<Target | null>(null);
  const may = session.mayAdmit.value;
  const columns = useMemo(() => columnsOf(may ? setRemoving : null), [may]);
  const items = useMemo(() => [...(data?.targets ?? [])].sort((a, b) => a.url.localeCompare(b.url)), [data]);
  return (
    <>
      {problem && <ProblemNote problem={problem} onRetry={reload} />}
      {data && (
        <Table
          label="Nodes that are asked"
          columns={columns}
          items={items}
          id={(t) => t.url}
          sort={{ key: 'problem', descending: false }}
          {...(items.some((t) => t.node) ? { onOpen: (t: Target) => t.node && navigate(showNode(route.value, t.node)) } : {})}
          empty="No node is asked: all of them report by themselves. Add a node reads one over SSH, or in plain text."
        />
      )}
      {removing && (
        <Confirm
          title={`No longer ask ${removing.node || removing.url}?`}
          action="Remove"
          run={async () => {
            await client.removeTarget(removing.url);
            onChanged();
          }}
          onClose={() => setRemoving(null)}
        >
          <code>{removing.url}</code> is not asked any more. What is known of the node stays on the chart as stale until somebody removes it, too.
        </Confirm>
      )}
    </>
  );
}
