import { useState } from 'preact/hooks';
import { useApp } from '../app';
import { capital, inWords, plural } from '../lib/format';
import { KINDS } from '../state/checks';
import { formatRoute, goTo, showList } from '../state/route';
import type { Topology } from '../state/topology';
import { nodeLine, silentNodes } from '../state/words';
import { AddNode, type AddWay, ByAgent, Step } from '../views/AddNode';
import { Command } from './Command';
import { HomeNotes } from './SidePanel';
import { StateIcon } from './StateIcon';

/** The first minutes: nobody reports yet, or only this node does. What to do next, in the order in which it helps. */
export function FirstRun({ topology }: { topology: Topology }) {
  const { navigate, route } = useApp();
  const [adding, setAdding] = useState<AddWay | ''>('');
  const home = [...topology.nodes.values()].find((n) => n.this && n.state === 'reporting');
  return (
    <>
      <section>
        <h2>{home ? 'One node is on the chart.' : 'No node reports yet.'}</h2>
        <p class="lead">{home ? talksTo(topology) : 'The chart begins with the first report: within seconds it shows what runs there and what that talks to.'}</p>
      </section>
      {home && (
        <section>
          <div class="fact">
            <StateIcon state="OK" size={22} silent />
            <div>
              <b>This node reports</b>
              <span class="ink2">{nodeLine(topology, home.name)}</span>
            </div>
          </div>
        </section>
      )}
      <HomeNotes topology={topology} />
      <Step n={home ? 2 : 1} title={home ? 'Add more nodes' : 'Add the first node'}>
        <ByAgent />
        <Listening />
        <p>
          <button type="button" class="link" onClick={() => setAdding('ssh')}>
            Read nodes over SSH instead
          </button>
          {silentNodes(topology).length > 0 && (
            <>
              {' · '}
              <a href={formatRoute(showList(route.value, 'suggestions'))}>Who could report, and how</a>
            </>
          )}
        </p>
      </Step>
      <Step n={home ? 3 : 2} title="Connect monitoring">
        <p class="ink2">Every check then sits on the service it is about.</p>
        <SourceButtons />
      </Step>
      <section>
        <p class="ink2">Only looking around? A made-up site with faults:</p>
        <Command text="dotm demo --listen 127.0.0.1:4850" />
      </section>
      {adding && (
        <AddNode
          way={adding}
          onClose={() => setAdding('')}
          onAdded={() => {
            setAdding('');
            navigate(showList(route.value, 'asked'));
          }}
        />
      )}
    </>
  );
}

/** What would be seen with more agents, as far as this one node can tell. */
function talksTo(topology: Topology): string {
  const silent = silentNodes(topology).length;
  if (silent === 0) return 'It talks to no node that does not report.';
  return `It talks to ${silent === 1 ? 'one node that does' : `${inWords(silent)} nodes that do`}n’t report yet. With an agent on ${silent === 1 ? 'it, its name, processes and health' : 'them, their names, processes and health'} appear here.`;
}

/** Where the server waits for reports, so that who waits for the first one knows that it does. */
function Listening() {
  const { version, feed } = useApp();
  const listen = version.value?.listen;
  if (!listen) return null;
  const { reporting = 0 } = feed.topology.value?.coverage ?? {};
  return (
    <p class="waits" role="status">
      <i /> Listening on <code>{listen}</code>, {reporting === 0 ? 'nothing received yet' : `${plural(reporting, 'node')} ${reporting === 1 ? 'reports' : 'report'} so far`}.
    </p>
  );
}

/** The kinds of monitoring that can be read, each as the way to its form. */
export function SourceButtons() {
  const { route, session } = useApp();
  if (!session.mayAdmit.value) return <p class="small ink3">Only an admin connects monitoring.</p>;
  return (
    <div class="buttons start">
      {Object.entries(KINDS).filter(([kind]) => kind !== 'signals').map(([kind, title]) => (
        <a key={kind} class="button" href={formatRoute({ ...goTo(route.value, 'settings'), find: kind })}>
          {capital(title)}
        </a>
      ))}
    </div>
  );
}
