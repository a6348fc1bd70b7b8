import type { NodeInfo, NodeKind } from '../api/types';
import { STANDINGS, type Standing } from '../state/fleet';
import { Icon, type IconName } from './Icon';
import { StateIcon } from './StateIcon';

const KINDS: Readonly<Record<NodeKind, readonly [IconName, string]>> = {
  host: ['host', 'host'],
  container: ['container', 'container'],
  inferred: ['host', 'host that never reported'],
  virtual: ['virtual', 'virtual address'],
  network: ['network', 'network'],
  pool: ['nodes', 'pool'],
  group: ['nodes', 'group'],
  internet: ['globe', 'Internet'],
};

export function kindWord(kind: NodeKind): string {
  return KINDS[kind][1];
}

/** What a node is, as a shape; dashed when it never reported. */
export function KindIcon({ node }: { node: Pick<NodeInfo, 'kind' | 'state'> | null }) {
  const [icon, word] = node ? KINDS[node.kind] : KINDS.inferred;
  const dashed = !node || (node.state === 'inferred' && (node.kind === 'inferred' || node.kind === 'host' || node.kind === 'container'));
  return (
    <span class="kind" role="img" aria-label={word} title={word}>
      <Icon name={icon} dashed={dashed} />
    </span>
  );
}

/** Whether a node reports, as a shape and a word. */
export function StandingMark({ standing }: { standing: Standing }) {
  const { word, shape } = STANDINGS[standing];
  return (
    <span class={`standing ${standing}`}>
      <StateIcon state={shape} silent />
      {word}
    </span>
  );
}
