import { useApp } from '../app';
import type { Connection, Ghost } from '../api/types';
import { MARK_SHAPES } from './shapes';
import { formatRoute, showMoment } from '../state/route';
import { NodeName } from './NodeName';
import { PeerList, Title } from './PanelParts';
import { StateIcon } from './StateIcon';
import { Age, Moment } from './Time';

/** The panel of a box that is gone: since when, what it had, and the way to how it was. */
export function GonePanel({ ghost, connections }: { ghost: Ghost; connections: readonly Connection[] }) {
  const { route } = useApp();
  const { name, title, since } = ghost;
  const before = since ? new Date(Date.parse(since) - 1_000).toISOString() : '';
  return (
    <>
      <section>
        <Title state={<StateIcon state={MARK_SHAPES.vanished} size={22} />}>
          <NodeName name={title || name} />
        </Title>
        <p class="ink2">
          Gone since <Moment at={since} />, <Age at={since} />. Its place stays free for ten minutes; if it comes back, it stands there again.
        </p>
        {before && <a href={formatRoute(showMoment(route.value, before))}>The chart just before</a>}
      </section>
      <PeerList title="Connected in" connections={connections.filter((c) => c.server.node === name)} far="client" />
      <PeerList title="Connected to" connections={connections.filter((c) => c.client.node === name)} far="server" />
    </>
  );
}
