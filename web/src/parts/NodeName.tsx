import { useApp } from '../app';
import { isAddress } from '../lib/format';
import { knownAs } from '../state/topology';

/** A node by what people call it, with its address beside it where that is its name on the chart. */
export function NodeName({ name, strong = false }: { name: string; strong?: boolean }) {
  const { feed } = useApp();
  return <NamedAddress name={name} known={knownAs(feed.topology.value)(name)} strong={strong} />;
}

/** The same where what it is known as is at hand. */
export function NamedAddress({ name, known, strong = false }: { name: string; known: string; strong?: boolean }) {
  if (known !== name) {
    return (
      <>
        {strong ? <b>{known}</b> : known} {!/^(pool|group)~/.test(name) && <span class="address">{name}</span>}
      </>
    );
  }
  if (isAddress(name)) return <span class="mono">{name}</span>;
  return strong ? <b>{name}</b> : <>{name}</>;
}
