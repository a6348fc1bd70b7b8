import { useMemo, useState } from 'preact/hooks';
import { useApp } from '../app';
import type { Agent, Token } from '../api/types';
import { figure, span } from '../lib/format';
import { Confirm } from '../parts/Dialog';
import { ProblemNote } from '../parts/Problem';
import { StateIcon } from '../parts/StateIcon';
import { type Column, Table } from '../parts/Table';
import { Age } from '../parts/Time';
import { useResource } from '../state/resource';
import { usesText } from './AddNode';

const time = (at: string | undefined): number => (at ? Date.parse(at) : 0);

function act(title: string, run: () => void) {
  return (
    <button
      type="button"
      class="plain"
      onClick={(event) => {
        event.stopPropagation();
        run();
      }}
    >
      {title}
    </button>
  );
}

function agentColumns(revoke: (a: Agent) => void): readonly Column<Agent>[] {
  return [
    { key: 'state', title: 'State', class: 'state', cell: (a) => <StateIcon state={a.revoked ? 'GONE' : a.last_report ? 'OK' : 'PENDING'} silent /> },
    {
      key: 'name',
      title: 'Host',
      class: 'strong',
      value: (a) => a.name,
      cell: (a) => (
        <>
          <span class={a.revoked ? 'gone' : ''}>{a.name}</span> {a.role === 'relay' && <span class="chip">relay</span>}
        </>
      ),
    },
    { key: 'id', title: 'Identity', class: 'mono roomy third', value: (a) => a.id, cell: (a) => a.id },
    { key: 'zone', title: 'Zone', class: 'second', value: (a) => a.zone, cell: (a) => a.zone || null },
    { key: 'version', title: 'Version', class: 'roomy third', value: (a) => a.version ?? '', cell: (a) => a.version ?? null },
    { key: 'enrolled', title: 'Enrolled', class: 'number time roomy', descending: true, value: (a) => time(a.enrolled), cell: (a) => <Age at={a.enrolled} /> },
    { key: 'report', title: 'Last report', class: 'number time', descending: true, value: (a) => time(a.last_report), cell: (a) => <Age at={a.last_report} /> },
    {
      key: 'address',
      title: 'From',
      class: 'mono roomy',
      value: (a) => a.last_address ?? '',
      cell: (a) => (a.last_address ? `${a.last_address}${a.via ? ` via ${a.via}` : ''}` : null),
    },
    {
      key: 'revoke',
      title: '',
      class: 'acts',
      cell: (a) => (a.revoked ? <span class="ink3">revoked <Age at={a.revoked} /></span> : act('Revoke', () => revoke(a))),
    },
  ];
}

function tokenColumns(end: (t: Token) => void): readonly Column<Token>[] {
  return [
    {
      key: 'id',
      title: 'Token',
      class: 'strong',
      value: (t) => t.id,
      cell: (t) => (
        <>
          <span class="mono plain">{t.id}</span> {t.role === 'relay' && <span class="chip">relay</span>}
        </>
      ),
    },
    { key: 'used', title: 'Used by', class: 'whole', value: (t) => t.used, cell: (t) => usesText(t.uses, t.used) },
    { key: 'created', title: 'Made', class: 'number time', value: (t) => time(t.created), cell: (t) => <Age at={t.created} /> },
    { key: 'expires', title: 'Good for', class: 'number time', value: (t) => time(t.expires), cell: (t) => <Left until={t.expires} /> },
    { key: 'end', title: '', class: 'acts', cell: (t) => act('End', () => end(t)) },
  ];
}

/** The agents that enrolled, and the tokens with which more may. */
export function Agents() {
  const { client, feed, now } = useApp();
  const turn = `${feed.topology.value?.revision ?? ''} ${Math.floor(now.value / 10_000)}`;
  const agents = useResource('agents', turn, (s) => client.agents(s));
  const tokens = useResource('tokens', turn, (s) => client.tokens(s));
  const [revoking, setRevoking] = useState<Agent | null>(null);
  const [ending, setEnding] = useState<Token | null>(null);
  const columns = useMemo(() => agentColumns(setRevoking), []);
  const ofTokens = useMemo(() => tokenColumns(setEnding), []);
  const items = useMemo(() => [...(agents.data?.agents ?? [])].sort((a, b) => Number(Boolean(a.revoked)) - Number(Boolean(b.revoked))), [agents.data]);
  if (agents.problem?.status === 404) {
    return <p class="nothing">This dotm takes no agents of other hosts: it serves this machine alone.</p>;
  }
  if (agents.problem) return <ProblemNote problem={agents.problem} onRetry={agents.reload} />;
  return (
    <>
      {agents.data && (
        <Table
          label="Agents"
          columns={columns}
          items={items}
          id={(a) => a.id}
          sort={{ key: 'report', descending: true }}
          last={(a) => Boolean(a.revoked)}
          empty="No agent has enrolled yet. Add a node shows how."
        />
      )}
      {tokens.data && tokens.data.tokens.length > 0 && (
        <section>
          <div class="section-head">
            <h3>Tokens to enrol with</h3>
            <span>{figure(tokens.data.tokens.length)}</span>
          </div>
          <Table label="Tokens" columns={ofTokens} items={tokens.data.tokens} id={(t) => t.id} sort={{ key: 'expires', descending: false }} />
        </section>
      )}
      {revoking && (
        <Confirm
          title={`Revoke the agent of ${revoking.name}?`}
          action="Revoke"
          run={async () => {
            await client.revokeAgent(revoking.id);
            agents.reload();
          }}
          onClose={() => setRevoking(null)}
        >
          Its reports are refused from now on, for good. To report again the host must enrol with a new token.
        </Confirm>
      )}
      {ending && (
        <Confirm
          title="End this token?"
          action="End it"
          run={async () => {
            await client.dropToken(ending.id);
            tokens.reload();
          }}
          onClose={() => setEnding(null)}
        >
          Nobody can enrol with it any more. Agents that did go on reporting.
        </Confirm>
      )}
    </>
  );
}

/** How long until a moment. */
function Left({ until }: { until: string }) {
  const { now } = useApp();
  const ms = Date.parse(until) - now.value;
  return <time dateTime={until}>{ms > 0 ? span(ms) : 'too old'}</time>;
}
