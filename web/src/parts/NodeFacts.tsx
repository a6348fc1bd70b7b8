import { useApp } from '../app';
import type { Holder, NodeInfo, Note, Target } from '../api/types';
import { goDuration, shortMoment, span } from '../lib/format';
import { fails, holderWord, problemText, skewWord, waySentence } from '../state/fleet';
import { formatRoute, showNode } from '../state/route';
import { HintText } from './Command';
import { Fact } from './Fact';
import { NodeName } from './NodeName';
import { StateIcon } from './StateIcon';
import { Age } from './Time';

/** How a node reports, when it did, and what its clock says: lines of a list of facts. */
export function ReportFacts({ node, target }: { node: NodeInfo; target: Target | null }) {
  const never = node.kind === 'internet' || node.kind === 'network' || node.kind === 'virtual';
  const skew = skewWord(node.clock_skew);
  return (
    <>
      {!never && (
        <Fact name="Reports">
          {waySentence(node, target)}
          {node.last_report && node.interval && <span class="ink3">, every {goDuration(node.interval)}</span>}
        </Fact>
      )}
      {node.last_report && (
        <Fact name="Last report">
          <Age at={node.last_report} />
        </Fact>
      )}
      {node.zone && <Fact name="Zone">{node.zone}</Fact>}
      {skew && <Fact name="Its clock">{skew}</Fact>}
      {node.weak_identity && <Fact name="Known by">its name alone</Fact>}
    </>
  );
}

/** What went wrong when it was asked last; nothing if nothing did. */
export function AskedProblem({ target }: { target: Target | null }) {
  if (!target || !fails(target)) return null;
  return (
    <div class="finding">
      <StateIcon state="WARNING" />
      <div>
        <b>
          Asking it failed <Age at={target.last_try} />
        </b>
        <span class="ink2">{problemText(target)}</span>
        <span class="small ink3">
          <code>{target.url}</code>
          {target.last_success ? (
            <>
              , last answer <Age at={target.last_success} />
            </>
          ) : (
            ', no answer since dotm started'
          )}
        </span>
      </div>
    </div>
  );
}

/** What is odd about a node, each with what to do. */
export function Findings({ findings }: { findings: readonly Note[] | null | undefined }) {
  return (
    <>
      {(findings ?? []).map((f) => (
        <div key={`${f.code} ${f.text}`} class="finding">
          <StateIcon state="WARNING" />
          <div>
            <b>{f.text}</b>
            {f.hint && <HintText hint={f.hint} />}
          </div>
        </div>
      ))}
    </>
  );
}

/** Who has a virtual address now, and who had it before. */
export function Holders({ node }: { node: Pick<NodeInfo, 'holders'> }) {
  const holders = node.holders ?? [];
  if (holders.length === 0) return <p class="ink2">No node that reports has it.</p>;
  const now = holders.filter((h) => !h.until);
  const before = holders.filter((h) => h.until);
  return (
    <>
      <h3>{now.length > 0 ? `Now ${holderWord(node)}` : 'No node that reports has it now'}</h3>
      <ol class="holders">
        {[...now, ...before].map((h) => (
          <HolderLine key={`${h.node} ${h.since}`} holder={h} />
        ))}
      </ol>
    </>
  );
}

function HolderLine({ holder: { node, since, until } }: { holder: Holder }) {
  const { route, now, prefs } = useApp();
  const at = (moment: string): string => shortMoment(moment, now.value, prefs.utc.value);
  return (
    <li class={until ? 'before' : ''}>
      <a href={formatRoute(showNode(route.value, node))}>
        <NodeName name={node} />
      </a>
      <span class="ink3">
        {until ? `${at(since)} to ${at(until)}, for ${span(Date.parse(until) - Date.parse(since))}` : `since ${at(since)}`}
      </span>
    </li>
  );
}
